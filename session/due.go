package session

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/journal"
)

// dueOrders spaces the looks of commits at what is due.
type dueOrders struct {
	mu   sync.Mutex
	next time.Time
}

const dueEvery = time.Second

// turn reports whether it is time to look.
func (d *dueOrders) turn() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if now.Before(d.next) {
		return false
	}
	d.next = now.Add(dueEvery)
	return true
}

// executeDue executes a few due orders after a commit, so that an application without a sweeper does not pile them up:
// those for uploads that no row took, those of the commit itself when they are due at once, and once a second what else
// is due and what side files left.
func (m *Manager) executeDue(ctx context.Context, ordered, unused []string) error {
	if m.opts.DeleteAfter == 0 && len(ordered) > 0 {
		unused = slices.Concat(unused, ordered)
	}
	look := m.opts.DueOrders >= 0 && m.due.turn()
	if m.opts.DueOrders < 0 || len(unused) == 0 && !look {
		return nil
	}
	ctx, cancel := m.detached(ctx)
	defer cancel()
	opts := m.sweepOptions(journal.SweepOptions{})
	for opts.IDs = range slices.Chunk(unused, dueBatch) {
		if _, err := m.journal.Sweep(ctx, opts); err != nil {
			return err
		}
	}
	if !look {
		return nil
	}
	side := m.sweepSideFiles(ctx)
	due, err := m.journal.Due(ctx, m.opts.Registry)
	if err != nil || !due {
		return errors.Join(side, err)
	}
	opts.IDs = nil
	opts.Limit = m.opts.DueOrders
	_, err = m.journal.Sweep(ctx, opts)
	return errors.Join(side, err)
}

// dueBatch is how many orders of one commit are executed by one statement.
const dueBatch = 200

func (m *Manager) sweepOptions(opts journal.SweepOptions) journal.SweepOptions {
	if opts.Registry == nil {
		opts.Registry = m.opts.Registry
	}
	if opts.Quarantine == 0 {
		opts.Quarantine = m.opts.Quarantine
	}
	return opts
}

// Sweep is what [Hooks.AfterSweep] gets.
type Sweep struct {
	Report journal.SweepReport
	// Took is how long the sweep lasted.
	Took time.Duration
	// Err is the error of the sweep itself. Failed deletes are in the report.
	Err error
}

// Sweep settles side files of dead processes and executes everything that is due: rule 9. Any number of processes may
// sweep at the same time. Zero fields of opts are the manager's. Failed deletes are in the report and in the journal.
func (m *Manager) Sweep(ctx context.Context, opts journal.SweepOptions) (journal.SweepReport, error) {
	if err := m.live("sweep"); err != nil {
		return journal.SweepReport{}, err
	}
	start := time.Now()
	side := m.sweepSideFiles(ctx)
	report, err := m.journal.Sweep(ctx, m.sweepOptions(opts))
	err = errors.Join(side, err)
	if hook := m.opts.Hooks.AfterSweep; hook != nil {
		hook(ctx, Sweep{Report: report, Took: time.Since(start), Err: err})
	}
	return report, err
}

// RunSweeper sweeps now and then every so often, with some jitter, until ctx ends; it then returns nil, and dossier.ErrClosed
// when the manager was closed. It also removes
// temporary files that dead writers left in the backends, once an hour. Failures are logged and tried again. It may run in
// any number of processes. An interval that is not positive is dossier.ErrInvalid.
func (m *Manager) RunSweeper(ctx context.Context, every time.Duration) error {
	if every <= 0 {
		return fmt.Errorf("run sweeper: %w: interval %v", dossier.ErrInvalid, every)
	}
	var reclaim time.Time
	for {
		if err := m.live("run sweeper"); err != nil {
			return err
		}
		if report, err := m.Sweep(ctx, journal.SweepOptions{}); err != nil && ctx.Err() == nil {
			m.opts.Logger.ErrorContext(ctx, "dossier: sweep", "error", err)
		} else if report.Failed+report.Parked > 0 {
			m.opts.Logger.WarnContext(ctx, "dossier: deletes failed; see the journal's last_error", "failed", report.Failed, "parked", report.Parked)
		}
		if now := time.Now(); now.After(reclaim) {
			reclaim = now.Add(time.Hour)
			m.reclaim(ctx)
		}
		timer := time.NewTimer(every - every/8 + rand.N(every/4+1))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// reclaim removes what dead writers left in the backends.
func (m *Manager) reclaim(ctx context.Context) {
	for _, name := range m.opts.Registry.Names() {
		b, err := m.opts.Registry.Backend(name)
		if err != nil {
			continue
		}
		r, ok := dossier.As[dossier.Reclaimer](b)
		if !ok {
			continue
		}
		if _, err := r.Reclaim(ctx, m.opts.ReclaimAfter); err != nil && ctx.Err() == nil && !errors.Is(err, errors.ErrUnsupported) {
			m.opts.Logger.WarnContext(ctx, "dossier: reclaim temporary files", "backend", name, "error", err)
		}
	}
}
