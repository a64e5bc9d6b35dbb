package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/migrations"
	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// State of a journal row.
type State string

// The states.
const (
	Pending   State = "pending"   // upload intent under lease
	Doomed    State = "doomed"    // delete order
	Tombstone State = "tombstone" // deleted, to be deleted once more
	Marker    State = "marker"    // a side file was committed
	Open      State = "open"      // a direct upload was adopted whose signed request may still write the key
)

// Journal works on the table dossier_journal. It holds no state of its own and is safe for concurrent use.
type Journal struct {
	db       *bun.DB
	language *language
	turn     func(ctx context.Context, write func(ctx context.Context) error) error
}

// Config of a [Journal].
type Config struct {
	// Turn runs a statement that writes on the journal's own pool when it is the turn of one, for databases with a single
	// writer. Default: nil, at once.
	Turn func(ctx context.Context, write func(ctx context.Context) error) error
}

// New returns the journal of db, whose pool must not be one that open transactions can exhaust: the journal's
// statements commit on their own, often while the caller waits. SQLite, PostgreSQL (9.5 and later) and MySQL (8.0, MariaDB
// 10.6, and later) are supported; other databases are errors.ErrUnsupported. Connections to MySQL must be made with
// clientFoundRows=true: what was found counts, not what was changed.
func New(db *bun.DB, cfg Config) (*Journal, error) {
	if db == nil {
		return nil, fmt.Errorf("new journal: %w: no database", dossier.ErrInvalid)
	}
	language := languages[db.Dialect().Name()]
	if language == nil {
		return nil, fmt.Errorf("new journal: %w: the %v dialect", errors.ErrUnsupported, db.Dialect().Name())
	}
	if cfg.Turn == nil {
		cfg.Turn = func(ctx context.Context, write func(ctx context.Context) error) error { return write(ctx) }
	}
	return &Journal{db: db, language: language, turn: cfg.Turn}, nil
}

// CreateSchema creates the table if it is not there. Any number of processes may do so at the same time.
func (j *Journal) CreateSchema(ctx context.Context) error {
	text, err := fs.ReadFile(migrations.FS, "sql/"+j.language.folder+"/0001_journal.up.sql")
	if err != nil {
		return fmt.Errorf("journal schema: %w", err)
	}
	if _, err = j.db.DB.ExecContext(ctx, string(text)); err != nil && ctx.Err() == nil {
		// On PostgreSQL, of two that create a table at the same time one fails; the second time it is there.
		_, err = j.db.DB.ExecContext(ctx, string(text))
	}
	if err != nil {
		return fmt.Errorf("journal schema: %w", err)
	}
	return nil
}

func milliseconds(d time.Duration) int64 { return d.Milliseconds() }

// NewID returns a new journal id, a UUIDv7.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// Entry is one row of the journal.
type Entry struct {
	bun.BaseModel `bun:"table:dossier_journal,alias:j"`

	ID        string `bun:"id,pk"`
	Backend   string `bun:"backend"`    // registered name
	Store     string `bun:"store"`      // identity of bucket and prefix
	Key       string `bun:"object_key"` // object key
	State     State  `bun:"state"`
	Intent    bool   `bun:"intent"`     // began as an upload intent: a tombstone follows its delete
	UploadID  string `bun:"upload_id"`  // of a multipart upload
	Owner     string `bun:"owner"`      // of the lease or claim
	DueAt     int64  `bun:"due_at"`     // milliseconds of the database's clock
	Attempts  int    `bun:"attempts"`   // claims so far
	LastError string `bun:"last_error"` // of the last attempt
	CreatedAt int64  `bun:"created_at"` // milliseconds of the database's clock
}

// ownAttempts is how often a statement that commits on its own is tried when it lost against others: it changed nothing then.
const ownAttempts = 5

// ownTurn runs what commits on its own.
func (j *Journal) ownTurn(ctx context.Context, run func(ctx context.Context) error) error {
	return j.turn(ctx, func(ctx context.Context) error {
		for attempt := 1; ; attempt++ {
			err := run(ctx)
			if err == nil || attempt == ownAttempts || !j.language.retry || !Retryable(err) {
				return err
			}
		}
	})
}

// own runs a statement that commits on its own, and returns how many rows it changed.
func (j *Journal) own(ctx context.Context, query string, args ...any) (n int, err error) {
	err = j.ownTurn(ctx, func(ctx context.Context) error {
		n, err = exec(ctx, j.db, query, args...)
		return err
	})
	return n, err
}

// exec runs a statement and returns how many rows it changed.
func exec(ctx context.Context, conn bun.IConn, query string, args ...any) (int, error) {
	result, err := conn.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}
