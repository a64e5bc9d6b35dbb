package filehttp

import (
	"fmt"
	"io"
	"mime/multipart"
	"sync"

	"github.com/dossier-go/dossier"
)

// filePart reads a file of a form while its turn lasts.
type filePart struct {
	form *form
	part *multipart.Part
	most int64 // bytes; 0: no limit of its own

	mu   sync.Mutex // a reader that was abandoned may still be inside Read when the turn ends
	read int64
	over bool
}

func (p *filePart) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return 0, fmt.Errorf("%w: the part of a form can be read only until the next one comes", dossier.ErrConsumed)
	}
	n, err := p.part.Read(b)
	p.read += int64(n)
	if p.most > 0 && p.read > p.most {
		return n, fmt.Errorf("%w: a file of more than %d bytes", dossier.ErrTooLarge, p.most)
	}
	if err != nil && err != io.EOF { //nolint:errorlint // the end of a part is exactly io.EOF
		err = p.form.problem(err)
	}
	return n, err
}

// expire ends the turn: later reads would get the bytes of another part.
func (p *filePart) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
}
