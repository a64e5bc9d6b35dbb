package filehttp

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/dossier-go/dossier"
)

// body reads the body of a request. Each Read has stall to bring something, else it is os.ErrDeadlineExceeded; so a
// client that sends nothing does not hold a connection and a half-written object for ever.
type body struct {
	r       io.Reader
	control *http.ResponseController
	stall   time.Duration // 0: no limit

	mu     sync.Mutex
	over   bool
	broken error // the first error that is not the end
}

func (s *server) body(w http.ResponseWriter, r *http.Request) *body {
	return &body{r: r.Body, control: http.NewResponseController(w), stall: s.stall}
}

func (b *body) Read(p []byte) (int, error) {
	if err := b.renew(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		b.fail(err)
	}
	return n, err
}

func (b *body) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken == nil {
		b.broken = err
	}
}

// explain adds why the body could not be read to the error of what read it: the server ends the context of a request
// whose body fails, and a store may see that first.
func (b *body) explain(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return errors.Join(b.broken, err)
}

func (b *body) renew() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return dossier.ErrClosed
	}
	if b.stall > 0 {
		_ = b.control.SetReadDeadline(time.Now().Add(b.stall)) // unsupported by some servers
	}
	return nil
}

// end makes further reads fail. It comes before the handler returns: a reader that was abandoned must not touch a
// connection that serves the next request.
func (b *body) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}
