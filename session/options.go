package session

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
)

// AtOnce, as Options.DeleteAfter, deletes replaced files right after the commit. It gives up what the delay protects:
// readers that hold the old row, signed URLs, replicas that lag, a commit lost in a failover.
const AtOnce = time.Duration(-1)

// Options of a [Manager]. The zero value is usable with dossier.Default.
type Options struct {
	// Registry of the backends. Default: nil, dossier.Default at the time of New.
	Registry *dossier.Registry
	// DeleteAfter is how long an object outlives the row that had it. Default: 0, one hour; AtOnce for none.
	DeleteAfter time.Duration
	// Journal is the pool for the journal's own statements, over the same database. Default: nil, the manager's pool,
	// which must then have two connections or more; one of them is kept out of transactions.
	Journal *bun.DB
	// Replicas are pools for reads outside of a transaction (Get, Refresh, Stream and what is built on them), which take
	// turns: read replicas of the same database, or for SQLite pools over the same file. What a session reads after it opened a
	// transaction, and what OnPrimary or ReadYourWrites keep there, comes from the primary; so do locks, file decisions
	// and the journal, always. One that does not answer is passed over for ReplicaPause; when none is left the primary
	// answers. A read that a replica began to answer, or refused, is not repeated elsewhere. Default: none, the primary.
	Replicas []*bun.DB
	// ReplicaPause is how long a replica that did not answer is left alone. Default: 0, 5 seconds.
	ReplicaPause time.Duration
	// StickFor is how long after a commit reads under the same ReadYourWrites go to the primary: longer than replicas lag.
	// Default: 0, 5 seconds.
	StickFor time.Duration
	// Isolation is the level of transactions. READ COMMITTED is enough: what a change of files depends on is read under
	// row locks. With REPEATABLE READ and SERIALIZABLE, PostgreSQL cannot upload while a transaction is open; stage files
	// before. SQLite's transactions are serializable, whatever is asked for. A level that the database does not have is
	// errors.ErrUnsupported. Default: 0, READ COMMITTED, whatever the server's own default is.
	Isolation sql.IsolationLevel
	// Lease is how long an upload may go on without its lease being renewed; renewal is automatic. It must be 50 ms or more;
	// seconds are sensible. Default: 0, 2 minutes.
	Lease time.Duration
	// Quarantine is how long after the delete of an abandoned upload its object is deleted once more. Default: 0, 1 hour.
	Quarantine time.Duration
	// ParallelUploads is how many files of one call are uploaded at the same time. Default: 0, which means 4.
	ParallelUploads int
	// CleanupTimeout bounds COMMIT, ROLLBACK and clean-up, which run even when the caller's context has ended. Default: 0,
	// 30 seconds.
	CleanupTimeout time.Duration
	// Signer signs the tokens of direct uploads; see PrepareUpload. Default: nil, there are no direct uploads.
	Signer *dossier.Signer
	// LongestUpload is how long after its signature ended a direct upload may still be under way: so much longer its token can
	// be used, and what a repeated upload leaves is deleted. Default: 0, 1 hour.
	LongestUpload time.Duration
	// DueOrders is how many due delete orders a commit executes at most. Default: 0, which means 16; negative for none.
	DueOrders int
	// ReclaimAfter is the age at which RunSweeper removes temporary files of dead writers. Default: 0, 24 hours.
	ReclaimAfter time.Duration
	// Hooks are called around flushes, commits and rollbacks. Default: none.
	Hooks Hooks
	// Logger gets what has no caller to return it to: clean-up after a commit, the sweeper. Default: nil, slog.Default.
	Logger *slog.Logger
	// Step is called before and after each step of the side file, for tests such as crash harnesses; its error is the
	// step's. Default: nil, none. See Steps.
	Step func(step string) error
}

func (o Options) withDefaults() Options {
	if o.Registry == nil {
		o.Registry = dossier.Default()
	}
	setDuration(&o.DeleteAfter, time.Hour)
	o.DeleteAfter = max(o.DeleteAfter, 0)
	setDuration(&o.Lease, 2*time.Minute)
	setDuration(&o.Quarantine, time.Hour)
	setDuration(&o.CleanupTimeout, 30*time.Second)
	setDuration(&o.ReclaimAfter, 24*time.Hour)
	setDuration(&o.ReplicaPause, 5*time.Second)
	setDuration(&o.StickFor, 5*time.Second)
	setDuration(&o.LongestUpload, time.Hour)
	if o.ParallelUploads <= 0 {
		o.ParallelUploads = 4
	}
	if o.DueOrders == 0 {
		o.DueOrders = 16
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Step == nil {
		o.Step = func(string) error { return nil }
	}
	return o
}

// check refuses durations that make no sense; zero is the default everywhere.
func (o Options) check() error {
	for name, value := range map[string]time.Duration{
		"Lease": o.Lease, "Quarantine": o.Quarantine, "CleanupTimeout": o.CleanupTimeout, "ReclaimAfter": o.ReclaimAfter,
		"ReplicaPause": o.ReplicaPause, "StickFor": o.StickFor,
		"LongestUpload": o.LongestUpload,
	} {
		if value < 0 {
			return fmt.Errorf("options: %w: %s is %v", dossier.ErrInvalid, name, value)
		}
	}
	if o.Lease > 0 && o.Lease < minLease {
		return fmt.Errorf("options: %w: Lease is %v, at least %v are needed", dossier.ErrInvalid, o.Lease, minLease)
	}
	if o.DeleteAfter < 0 && o.DeleteAfter != AtOnce {
		return fmt.Errorf("options: %w: DeleteAfter is %v; AtOnce means without delay", dossier.ErrInvalid, o.DeleteAfter)
	}
	return nil
}

// minLease is the shortest lease that can be renewed in time; the journal counts milliseconds.
const minLease = 50 * time.Millisecond

func setDuration(field *time.Duration, value time.Duration) {
	if *field == 0 {
		*field = value
	}
}

// Hooks are functions around the steps of every session of a manager. [Session.Depth] tells the nesting. An error of a
// Before hook ends the step; a session may be used inside Before hooks.
type Hooks struct {
	// BeforeFlush runs before queued models are written.
	BeforeFlush func(ctx context.Context, s *Session) error
	// AfterFlush runs after they were written.
	AfterFlush func(ctx context.Context, s *Session) error
	// BeforeCommit runs before the outermost COMMIT.
	BeforeCommit func(ctx context.Context, s *Session) error
	// AfterCommit runs after a COMMIT that is known to have succeeded, on a context of its own.
	AfterCommit func(ctx context.Context, s *Session)
	// AfterRollback runs after a rollback that is known to have happened, on a context of its own.
	AfterRollback func(ctx context.Context, s *Session)
	// AfterSweep runs after each [Manager.Sweep], those of [Manager.RunSweeper] too: for metrics. A part of it may have failed;
	// what is due and did not come to its turn is in the journal still.
	AfterSweep func(ctx context.Context, sweep Sweep)
}

// RunOptions of [Manager.RunWith].
type RunOptions struct {
	// Attempts is how often the unit of work is tried when the database reports a serialization failure, a deadlock or
	// that it is busy. Uploads of an earlier attempt are used again. Default: 0, once.
	Attempts int
	// Backoff is the pause before the second attempt; it doubles with each and is randomised. Default: 0, 20 ms.
	Backoff time.Duration
	// Isolation is the level of the transaction. Default: 0, that of Options.Isolation.
	Isolation sql.IsolationLevel
	// ReadOnly refuses everything that writes with dossier.ErrInvalid. Default: false.
	ReadOnly bool
}
