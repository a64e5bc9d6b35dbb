package local

import (
	"sync"

	"github.com/dossier-go/dossier"
)

// gate counts operations in progress, so that Close need not wait and yet takes nothing from under their feet: the
// last one out releases.
type gate struct {
	mu      sync.Mutex
	inside  int
	closed  bool
	release func() error
}

func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return dossier.ErrClosed
	}
	g.inside++
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.closed && g.inside == 0 {
		_ = g.release() // read-only folder handles; there is no caller left to tell
	}
}

func (g *gate) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	if g.inside > 0 {
		return nil
	}
	return g.release()
}
