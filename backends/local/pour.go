package local

import (
	"io"

	"github.com/dossier-go/dossier"
)

// pour writes everything that in delivers, in pieces of one buffer: the larger the pieces, the cheaper. Only io.EOF
// itself is the end.
func (t *temp) pour(in *dossier.Incoming) error {
	buffer := t.b.buffers.Get().(*[]byte)
	defer t.b.buffers.Put(buffer)
	for {
		chunk, end := in.Next(*buffer)
		if len(chunk) > 0 {
			if _, err := t.file.Write(chunk); err != nil {
				return err
			}
		}
		if end == io.EOF { //nolint:errorlint // a wrapped io.EOF is a failure
			return nil
		}
		if end != nil {
			return &sourceError{end}
		}
	}
}

// fill writes a content of our own.
func (t *temp) fill(content []byte) error {
	_, err := t.file.Write(content)
	return err
}
