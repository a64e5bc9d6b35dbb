package memory

import (
	"io"

	"github.com/dossier-go/dossier"
)

// content is bytes in pieces that are never changed once they are part of an object.
type content struct {
	pieces [][]byte
	size   int64
}

// Sizes of pieces in bytes: the first one of a source of unknown size, and the most.
const (
	firstPiece = 4 << 10
	mostPiece  = 1 << 20
)

// receive reads everything that in delivers into c; declared is its size, or -1. c.size is what it reserved, at any
// moment, also after an error or a panic of in. Only io.EOF itself is the end.
func (b *Backend) receive(in io.Reader, declared int64, c *content) error {
	for next := int64(firstPiece); ; next = min(2*next, mostPiece) {
		if declared >= 0 {
			next = min(declared-c.size+1, mostPiece) // one more byte, so that the end is seen without another piece
		}
		piece := make([]byte, max(next, 1))
		filled, err := b.fill(in, piece, c)
		if filled > 0 {
			c.pieces = append(c.pieces, shrink(piece[:filled]))
		}
		if err == io.EOF { //nolint:errorlint // a wrapped io.EOF is a failure
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// fill reads until the piece is full or reading ends, and reserves each read before it counts.
func (b *Backend) fill(in io.Reader, piece []byte, c *content) (filled int, err error) {
	for filled < len(piece) {
		n, err := in.Read(piece[filled:])
		if refused := b.reserve(int64(n)); refused != nil {
			return filled, refused
		}
		filled += n
		c.size += int64(n)
		if err != nil {
			return filled, err
		}
	}
	return filled, nil
}

// shrink gives back the memory behind a piece if much of it is unused.
func shrink(piece []byte) []byte {
	if cap(piece)-len(piece) <= len(piece)/8+16 {
		return piece
	}
	return append(make([]byte, 0, len(piece)), piece...)
}

// reader returns the bytes [from, to).
func (c content) reader(from, to int64) io.ReadCloser {
	return &reader{pieces: c.pieces, skip: from, left: to - from}
}

// reader reads content. After Close it holds none of it.
type reader struct {
	pieces [][]byte
	skip   int64 // bytes of the first piece, or of more
	left   int64
}

func (r *reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	for len(r.pieces) > 0 && r.skip >= int64(len(r.pieces[0])) {
		r.skip -= int64(len(r.pieces[0]))
		r.pieces = r.pieces[1:]
	}
	if len(r.pieces) == 0 {
		return 0, dossier.ErrClosed
	}
	n := copy(p[:min(int64(len(p)), r.left)], r.pieces[0][r.skip:])
	r.skip += int64(n)
	r.left -= int64(n)
	return n, nil
}

func (r *reader) Close() error {
	r.pieces = nil
	return nil
}
