package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
)

const (
	writers  = 20
	sweepers = 2
)

// struggle is twenty writers and two sweepers over one database and store, with leases that do run out.
type struggle struct {
	*world
	t        *testing.T
	hot      []*document // rows that everybody replaces the file of
	texts    atomic.Int64
	commits  atomic.Int64
	lost     atomic.Int64 // units of work whose leases were lost
	disputed atomic.Int64 // that lost against another one
	left     atomic.Int64 // objects of dead owners
}

// Two sweepers and twenty writers with leases of one second: what a row has taken is never deleted, though the leases of
// uploads are ended behind their owners' backs while they are written and adopted; what nobody took does not survive.
// DOSSIER_LONG=1 goes on for a minute.
func TestSweepersAndWriters(t *testing.T) { onEveryDatabase(t, testSweepersAndWriters) }

func testSweepersAndWriters(t *testing.T) {
	t.Helper()
	t.Parallel()
	long := 2 * time.Second
	if os.Getenv("DOSSIER_LONG") == "1" {
		long = time.Minute
	}
	s := &struggle{t: t, world: newWorld(t, setup{
		options: session.Options{Lease: time.Second, Quarantine: time.Second, DeleteAfter: session.AtOnce},
	})}
	for i := range 5 {
		s.hot = append(s.hot, s.insert(t, fmt.Sprint("hot ", i), fmt.Sprint("hot ", i)))
	}
	sweeping, stop := context.WithCancel(t.Context())
	var sweepersGroup sync.WaitGroup
	for range sweepers {
		sweepersGroup.Go(func() { must(t, s.m.RunSweeper(sweeping, 20*time.Millisecond)) })
	}
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() { s.write(ctx, i) })
	}
	group.Go(func() { s.endLeases(ctx) })
	group.Wait()
	for s.number(t, "SELECT count(*) FROM dossier_journal WHERE state <> 'marker'") > 0 { // by the clock, with the sweepers
		s.sweepNow(t)
	}
	stop()
	sweepersGroup.Wait()
	t.Logf("%d commits, %d lost leases, %d disputes, %d objects of dead owners",
		s.commits.Load(), s.lost.Load(), s.disputed.Load(), s.left.Load())
	if s.commits.Load() == 0 || s.lost.Load() == 0 || s.left.Load() == 0 {
		t.Error("it was too quiet to show anything")
	}
	s.check(t, s.contents(t)...)
}

// write does one unit of work after another.
func (s *struggle) write(ctx context.Context, seed int) {
	random := rand.New(rand.NewPCG(uint64(seed), 1))
	for ctx.Err() == nil && !s.t.Failed() {
		var err error
		switch n := random.IntN(10); {
		case n < 5:
			err = s.ownRow(context.WithoutCancel(ctx), n == 0)
		case n < 8:
			err = s.replaceHot(context.WithoutCancel(ctx), s.hot[random.IntN(len(s.hot))], n == 7)
		case n < 9:
			err = s.abandon(context.WithoutCancel(ctx))
		default:
			s.die()
		}
		switch {
		case err == nil:
		case errors.Is(err, dossier.ErrLeaseLost):
			s.lost.Add(1)
		case errors.Is(err, dossier.ErrStale) || session.Retryable(err):
			s.disputed.Add(1)
			s.t.Log(err)
		default:
			s.t.Error(err)
		}
	}
}

func (s *struggle) text() string { return fmt.Sprint("content ", s.texts.Add(1)) }

// ownRow makes a row that nobody else changes, and reads its file again and again: it must be there until it is deleted.
func (s *struggle) ownRow(ctx context.Context, kept bool) error {
	title := s.text()
	d := &document{Title: title, File: file(title), Pages: pages(title + " page")}
	if err := s.m.Run(ctx, func(ctx context.Context, u *session.Session) error { return u.Insert(ctx, d) }); err != nil {
		return err
	}
	s.commits.Add(1)
	for range 3 {
		if content, err := d.File.Content(ctx); err != nil || string(content) != title {
			s.t.Errorf("an adopted object is not there: %q, %v", content, err)
		}
	}
	if kept {
		return nil
	}
	return s.m.Run(ctx, func(ctx context.Context, u *session.Session) error { return u.Delete(ctx, d) })
}

// replaceHot replaces a file that others replace, too. A late one was stalled behind its upload until its lease had ended and a
// sweep had come, unless the lease was renewed in between.
func (s *struggle) replaceHot(ctx context.Context, hot *document, late bool) error {
	mine := &document{UUID: hot.UUID, File: file(s.text())}
	err := s.m.Run(ctx, func(ctx context.Context, u *session.Session) error {
		if err := u.Stage(ctx, mine); err != nil {
			return err
		}
		if late {
			s.expire(ctx)
			s.sweepNow(s.t)
		}
		return u.Update(ctx, mine, "file")
	})
	if err == nil {
		s.commits.Add(1)
	}
	return err
}

// abandon uploads and takes nothing.
func (s *struggle) abandon(ctx context.Context) error {
	err := s.m.Run(ctx, func(ctx context.Context, u *session.Session) error {
		return errors.Join(u.Stage(ctx, &document{Title: "never", File: file(s.text())}), errNo)
	})
	if errors.Is(err, errNo) {
		return nil
	}
	return err
}

// die leaves what a process leaves that dies behind an upload.
func (s *struggle) die() {
	key := fmt.Sprint("dead/", s.texts.Add(1))
	err := s.m.Journal().Announce(context.Background(), "gone", time.Second, journal.Intent{
		ID: journal.NewID(), Backend: "uploads", Store: s.store.Describe().Store, Key: key,
	})
	if err != nil {
		s.t.Error(err)
		return
	}
	if _, err := s.store.Put(context.Background(), key, dossier.BytesSource([]byte("left")), dossier.PutOptions{}); err != nil {
		s.t.Error(err)
	}
	s.left.Add(1)
}

// endLeases ends the leases of living uploads now and then, as a stalled process or a clock that jumps does.
func (s *struggle) endLeases(ctx context.Context) {
	for ctx.Err() == nil && !s.t.Failed() {
		s.expire(context.WithoutCancel(ctx))
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// expire ends the leases of a few uploads, one by one: a single statement would lock the gaps between them in MariaDB.
func (s *struggle) expire(ctx context.Context) {
	var ids []string
	err := s.m.DB().NewRaw("SELECT id FROM dossier_journal WHERE state = 'pending' LIMIT 3").Scan(ctx, &ids)
	for _, id := range ids {
		_, failed := s.raw.ExecContext(ctx, s.rebind("UPDATE dossier_journal SET due_at = 0 WHERE id = ? AND state = 'pending'"), id)
		err = errors.Join(err, failed)
	}
	if err != nil && !session.Retryable(err) {
		s.t.Error(err)
	}
}
