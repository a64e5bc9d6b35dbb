package session

import (
	"context"
	"sync"
	"time"
)

// afterwards is detached for what may have nothing to wait for.
func (m *Manager) afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	d := &detached{Context: context.WithoutCancel(ctx), timeout: m.opts.CleanupTimeout}
	return d, d.end
}

// detached is [context.WithTimeout] whose timer is made, and runs, from the first time that somebody asks for the end: what
// follows most commits has nothing to wait for, and a timer costs more than all the rest of it.
type detached struct {
	context.Context // of the values; it does not end

	timeout time.Duration
	once    sync.Once
	bounded context.Context // set by once
	cancel  context.CancelFunc
}

func (d *detached) start() context.Context {
	d.once.Do(func() { d.bounded, d.cancel = context.WithTimeout(d.Context, d.timeout) })
	return d.bounded
}

// end cancels the context, also for those who ask later.
func (d *detached) end() {
	d.once.Do(func() { d.bounded, d.cancel = ended{d.Context}, func() {} })
	d.cancel()
}

// Deadline implements [context.Context].
func (d *detached) Deadline() (time.Time, bool) { return d.start().Deadline() }

// Done implements [context.Context].
func (d *detached) Done() <-chan struct{} { return d.start().Done() }

// Err implements [context.Context].
func (d *detached) Err() error { return d.start().Err() }

// Value implements [context.Context]. The bounded context answers, so that package context finds itself in it.
func (d *detached) Value(key any) any { return d.start().Value(key) }

// ended has the values of a context, and was cancelled.
type ended struct{ context.Context }

// Done implements [context.Context].
func (ended) Done() <-chan struct{} { return cancelled.Done() }

// Err implements [context.Context].
func (ended) Err() error { return cancelled.Err() }

// cancelled is a context that ended.
var cancelled = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()
