package uploader

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// abortTimeout is how long the abortion of an upload may take.
const abortTimeout = 30 * time.Second

// Upload sends the source to the target, as the package's comment says. It returns when every request has returned and
// every buffer is back in the pool, whatever went wrong: the errors of the source and of the target, the cause of a
// context that ended, or [*TooManyParts]. Of several failures at once the first counts. An error of Abort is joined as
// [*AbortError].
//
// A panic of the source or of the target goes on in the goroutine of the caller, after the upload was aborted; that
// of PutPart as a [*PartPanic].
func Upload(ctx context.Context, pool *Pool, plan Plan, src Source, target Target) error {
	plan = plan.withDefaults()
	cuts := plan.scheduleFor(pool, src)
	if err := cuts.check(src.Size); err != nil {
		return err
	}
	derived, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	u := &upload{
		caller: ctx, ctx: derived, cancel: cancel, target: target, cuts: cuts,
		source: &cutter{ctx: derived, pool: pool, source: src},
		slots:  make(chan struct{}, plan.Parallel),
	}
	return u.run()
}

type upload struct {
	caller   context.Context //nolint:containedctx // lives as long as one upload
	ctx      context.Context //nolint:containedctx // derived from it; ends with the first failure
	cancel   context.CancelCauseFunc
	target   Target
	cuts     schedule
	source   *cutter
	slots    chan struct{} // of part requests
	requests sync.WaitGroup

	mu       sync.Mutex
	failure  error
	panicked *PartPanic
}

func (u *upload) run() error {
	first, err := u.source.next(max(u.cuts.size(1), u.firstWhole()), true)
	if err != nil {
		return u.blame(err)
	}
	switch {
	case first.last:
	case u.cuts.parts == 1:
		first.release()
		return u.tooMany()
	default:
		return u.multipart(first)
	}
	defer first.release()
	return u.blame(u.target.PutWhole(u.ctx, first.body))
}

// firstWhole returns the size of a source that goes in one request although it is larger than a part.
func (u *upload) firstWhole() int64 {
	if size := u.source.source.Size; size <= u.cuts.whole {
		return size
	}
	return 0
}

// multipart sends the parts, the first of which is at hand.
func (u *upload) multipart(first *part) (err error) {
	if err := u.begin(first); err != nil {
		return err
	}
	open := true // the upload, as far as is known
	defer func() {
		u.cancel(nil) // does nothing unless the source or the target panicked
		u.requests.Wait()
		if open {
			err = u.abort(err)
		}
		if u.panicked != nil {
			panic(u.panicked)
		}
	}()
	parts, err := u.sendParts(first)
	if err != nil {
		return err
	}
	open = false
	err = u.blame(u.target.Complete(u.ctx, u.source.total, parts))
	open = err != nil && !isUnknown(err)
	return err
}

func isUnknown(err error) bool {
	var complete *CompleteError
	return errors.As(err, &complete) && complete.Unknown
}

func (u *upload) begin(first *part) error {
	begun := false
	defer func() {
		if !begun {
			first.release()
		}
	}()
	if err := u.target.Begin(u.ctx); err != nil {
		return u.blame(err)
	}
	begun = true
	return nil
}

// sendParts cuts and sends until the source ends or something fails, waits for all requests, and returns the number of
// parts.
func (u *upload) sendParts(first *part) (parts int, err error) {
	for p := first; ; {
		if p.body.Sums.Size == 0 {
			p.release()
			break
		}
		parts++
		last := p.last
		if err := u.send(parts, p); err != nil {
			return parts, u.fail(err)
		}
		if last {
			break
		}
		if p, err = u.next(parts + 1); err != nil {
			return parts, u.fail(err)
		}
	}
	u.requests.Wait()
	if u.ctx.Err() != nil {
		return parts, u.fail(context.Cause(u.ctx))
	}
	return parts, nil
}

// next cuts the part with the number, which may come out empty.
func (u *upload) next(number int) (*part, error) {
	if number > u.cuts.parts {
		if err := u.source.peek(); err != nil {
			return nil, err
		}
		if !u.source.exhausted() {
			return nil, u.tooMany()
		}
	}
	return u.source.next(u.cuts.size(number), false)
}

func (u *upload) tooMany() error {
	return &TooManyParts{Size: u.source.source.Size, Limit: max(u.cuts.reach(), u.cuts.whole)}
}

// send starts the request of a part as soon as few enough are running, and takes the part over.
func (u *upload) send(number int, p *part) error {
	select {
	case u.slots <- struct{}{}:
	case <-u.ctx.Done():
		p.release()
		return context.Cause(u.ctx)
	}
	u.requests.Go(func() {
		defer func() { <-u.slots }()
		defer p.release()
		u.putPart(number, p)
	})
	return nil
}

// putPart makes the request. A panic is kept for the caller's goroutine, where it can be handled.
func (u *upload) putPart(number int, p *part) {
	err := errors.New("the request of a part ended its goroutine")
	defer func() {
		if value := recover(); value != nil {
			err = u.keep(value)
		}
		if err != nil {
			u.interrupt(err)
		}
	}()
	err = u.target.PutPart(u.ctx, number, p.body)
}

func (u *upload) keep(value any) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.panicked = &PartPanic{Value: value, Stack: debug.Stack()}
	return u.panicked
}

// blame adds the reason to an error that came when the caller's context had ended already: what the target says then is
// often a consequence.
func (u *upload) blame(err error) error {
	cause := context.Cause(u.caller)
	if err == nil || cause == nil || errors.Is(err, cause) {
		return err
	}
	return errors.Join(cause, err)
}

// fail notes the first failure, ends all requests, and returns the first failure.
func (u *upload) fail(err error) error {
	u.mu.Lock()
	if u.failure == nil {
		u.failure = u.blame(err)
	}
	err = u.failure
	u.mu.Unlock()
	u.cancel(err)
	return err
}

// interrupt notes the failure of a request, and has the source's reader return if it blocks.
func (u *upload) interrupt(err error) {
	_ = u.fail(err) // it is told where the parts are waited for
	u.source.interrupt()
}

// abort gives up the multipart upload and returns err with what that adds.
func (u *upload) abort(err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.caller), abortTimeout)
	defer cancel()
	if failed := u.target.Abort(ctx); failed != nil {
		return errors.Join(err, &AbortError{failed})
	}
	return err
}

// PartPanic is the value of a panic in a part's request, which ran in a goroutine of its own.
type PartPanic struct {
	Value any
	Stack []byte // of that goroutine
}

func (p *PartPanic) Error() string {
	return fmt.Sprintf("panic in the request of a part: %v\n\n%s", p.Value, p.Stack)
}
