package filehttp

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"github.com/dossier-go/dossier"
)

// maxPartHeader bounds what stands between two parts of a form: boundary, header fields and, before the first, a
// preamble. The reader's own read-ahead is within it.
const maxPartHeader = 16 << 10

// form reads multipart/form-data (RFC 7578) part by part; nothing is kept.
type form struct {
	reader *multipart.Reader
	meter  *meter
	last   *multipart.Part
}

// newForm reads the form that is the body of r from stream, at most `most` bytes (0: no limit). A body that is declared
// longer is refused before it is read.
func newForm(r *http.Request, stream io.Reader, most int64) (*form, error) {
	types := r.Header.Values("Content-Type")
	if len(types) != 1 {
		return nil, fmt.Errorf("%w: %d Content-Type fields", errMediaType, len(types))
	}
	base, params, err := mime.ParseMediaType(types[0])
	if err != nil || base != "multipart/form-data" || params["boundary"] == "" || len(params["boundary"]) > 70 {
		return nil, fmt.Errorf("%w: it takes multipart/form-data with a boundary", errMediaType)
	}
	if most > 0 && r.ContentLength > most {
		return nil, overTotal(most)
	}
	m := &meter{r: stream, most: most, phase: -1, end: lineEnd}
	return &form{reader: multipart.NewReader(m, params["boundary"]), meter: m}, nil
}

func overTotal(most int64) error {
	return fmt.Errorf("%w: a form of more than %d bytes", dossier.ErrTooLarge, most)
}

// next goes to the next part; what was left of the last one is read over. At the end it is exactly io.EOF.
func (f *form) next() (*multipart.Part, error) {
	if f.last != nil {
		if _, err := io.Copy(io.Discard, f.last); err != nil {
			return nil, f.problem(err)
		}
		f.last = nil
	}
	f.meter.phase = maxPartHeader
	part, err := f.reader.NextRawPart()
	f.meter.phase = -1
	if err == io.EOF { // exactly: a wrapped one is a form that broke off
		return nil, io.EOF
	}
	if err != nil {
		return nil, f.problem(err)
	}
	f.last = part
	return part, nil
}

// problem says why the form could not be read: the stream's own error, its early end, or malformed content.
func (f *form) problem(err error) error {
	switch {
	case f.meter.err != nil:
		return f.meter.err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("read form: %w", io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("read form: %w: %w", dossier.ErrInvalid, err)
}

// text reads a part of at most `most` bytes.
func (f *form) text(part *multipart.Part, most int64) (string, error) {
	value, err := io.ReadAll(io.LimitReader(part, most+1))
	if err != nil {
		return "", f.problem(err)
	}
	if int64(len(value)) > most {
		return "", fmt.Errorf("form field %.64q: %w: more than %d bytes", part.FormName(), dossier.ErrTooLarge, most)
	}
	return string(value), nil
}

// meter counts the bytes of a form and ends it when there are too many.
type meter struct {
	r        io.Reader
	most     int64 // 0: no limit
	phase    int64 // how many may still be read between two parts; negative: does not matter now
	read     int64
	progress func(read int64)
	err      error  // the first error that is not the end
	end      string // what is still to be put behind the end
}

// lineEnd stands behind the end of every form: the last boundary may lack it. Behind it comes io.ErrUnexpectedEOF, for
// the reader of package multipart ends well, with io.EOF, also where a form breaks off after the boundary of a part.
const lineEnd = "\r\n"

func (m *meter) Read(p []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	if m.phase == 0 {
		m.err = fmt.Errorf("%w: more than %d bytes between two parts of a form", dossier.ErrTooLarge, maxPartHeader)
		return 0, m.err
	}
	if m.phase > 0 {
		p = p[:min(int64(len(p)), m.phase)]
	}
	n, err := m.r.Read(p)
	if m.count(n); m.err != nil {
		return 0, m.err // what is over the limit must not be taken for a form
	}
	if err == io.EOF {
		return m.atEnd(p, n)
	}
	m.err = err
	return n, err
}

// atEnd ends a stream whose last Read brought n bytes.
func (m *meter) atEnd(p []byte, n int) (int, error) {
	if n > 0 {
		return n, nil
	}
	n = copy(p, m.end)
	m.end = m.end[n:]
	if n == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return n, nil
}

func (m *meter) count(n int) {
	m.read += int64(n)
	if m.phase > 0 {
		m.phase -= int64(n)
	}
	if m.most > 0 && m.read > m.most {
		m.err = overTotal(m.most)
	}
	if m.progress != nil && n > 0 {
		m.progress(m.read)
	}
}
