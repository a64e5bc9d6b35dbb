package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Health of a manager's database.
type Health struct {
	// Replicas has for each of Options.Replicas why it cannot be read, or nil. Without them the primary answers.
	Replicas []error
}

// Health asks each pool: whether its database answers, and whether the tables of the journal and of the registered models
// are there. The error says why the manager cannot work: dossier.ErrUnavailable when primary or journal is not up, which may
// pass; ErrNoSchema when a table is missing; dossier.ErrClosed after Close; dossier.ErrUnauthenticated,
// dossier.ErrPermission and ErrNoDatabase. That replicas do not answer is no error. A replica that answers again is used
// again at once. Give it a context with a deadline: when that passes without an answer it is dossier.ErrUnavailable too.
func (m *Manager) Health(ctx context.Context) (Health, error) {
	if err := m.live("health"); err != nil {
		return Health{}, err
	}
	err := m.examineSchema(ctx)
	if m.opts.Journal != m.db {
		err = errors.Join(err, m.examineJournal(ctx, m.opts.Journal))
	}
	health := Health{Replicas: make([]error, len(m.replicas.all))}
	for i, r := range m.replicas.all {
		health.Replicas[i] = m.examineAgain(ctx, r)
	}
	if err != nil {
		return health, fmt.Errorf("health: %w", err)
	}
	return health, nil
}

// examineSchema looks for the tables.
func (m *Manager) examineSchema(ctx context.Context) error {
	if err := m.examineJournal(ctx, m.db); err != nil {
		return err
	}
	var errs []error
	m.plans.Range(func(_, value any) bool {
		table := value.(*plan).table
		errs = append(errs, m.examineTable(ctx, m.db, table.Name, string(table.SQLName), "1"))
		return ctx.Err() == nil
	})
	return errors.Join(errs...)
}

// examineJournal looks for the journal's table, with the columns that it has today.
func (m *Manager) examineJournal(ctx context.Context, pool *bun.DB) error {
	return m.examineTable(ctx, pool, "dossier_journal", "dossier_journal",
		"id, backend, store, object_key, state, intent, upload_id, owner, due_at, attempts, last_error, created_at")
}

func (m *Manager) examineTable(ctx context.Context, pool *bun.DB, name, quoted, columns string) error {
	_, err := pool.DB.ExecContext(ctx, "SELECT "+columns+" FROM "+quoted+" WHERE 1 = 0")
	if err == nil {
		return nil
	}
	if ctx.Err() == nil && m.engine.missing(ctx, pool, name, err) {
		return fmt.Errorf("%w: %s; Manager.CreateSchema or migrations make it: %w", ErrNoSchema, name, err)
	}
	return fmt.Errorf("table %s: %w", name, kinded(ctx, err))
}

// examineAgain looks at a replica, however lately it failed.
func (m *Manager) examineAgain(ctx context.Context, r *replica) error {
	err := kinded(ctx, m.engine.examineReplica(ctx, m, r.db))
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.examined, r.after = true, time.Time{}
	} else if ctx.Err() == nil {
		r.after = time.Now().Add(m.opts.ReplicaPause)
	}
	return err
}
