package gcs

import (
	"context"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/stall"
)

// guard ends a context when one call that moves bytes takes too long. Between calls time does not count: a source may be
// slow, and whoever reads an object may pause.
type guard struct {
	parent   context.Context //nolint:containedctx // lives as long as one transfer
	ctx      context.Context //nolint:containedctx // the same
	cancel   context.CancelCauseFunc
	timer    *time.Timer // nil: never
	patience time.Duration
}

// newGuard watches over calls under the guard's context; a patience of 0 is endless. The guard must be ended.
func newGuard(parent context.Context, patience time.Duration) *guard {
	g := &guard{parent: parent, patience: patience}
	g.ctx, g.cancel = context.WithCancelCause(parent)
	if patience > 0 {
		g.timer = time.AfterFunc(patience, func() { g.cancel(stall.ErrStalled) })
		g.timer.Stop()
	}
	return g
}

// during makes one call that moves bytes.
func (g *guard) during(call func() error) error {
	if g.timer != nil {
		g.timer.Reset(g.patience)
		defer g.timer.Stop()
	}
	return call()
}

// moved begins to wait anew, in the middle of a call.
func (g *guard) moved() {
	if g.timer != nil {
		g.timer.Reset(g.patience)
	}
}

// end ends the context too.
func (g *guard) end() {
	if g.timer != nil {
		g.timer.Stop()
	}
	g.cancel(nil)
}

// explain gives an error of a call under the guard its reason, if that is the end of the context.
func (g *guard) explain(err error) error {
	if err == nil || g.ctx.Err() == nil {
		return err
	}
	if ended := dossier.ContextError(g.parent); ended != nil {
		return ended
	}
	return context.Cause(g.ctx)
}
