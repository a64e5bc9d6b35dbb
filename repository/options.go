package repository

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/schema"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// Options of a repository that [Repository.With] derives. The zero value changes nothing.
type Options struct {
	// Scope is what all rows of the repository have in common, such as their tenant. It applies to reads and to writes: rows
	// outside behave as if they were not there, and what an insert or update would put outside is refused with
	// dossier.ErrInvalid and undone. Filters are added to those that the repository has. Default: none, all rows.
	Scope []Filter
	// Relations are loaded with every row that is read, by the Go names that bun gives them: "Author", or "Author.Company" for
	// those of related rows. They are bun's: belongs-to and has-one by a join, has-many and many-to-many by a query more,
	// whatever the number of rows; the join table of many-to-many must be known to bun (RegisterModel). File
	// columns of related rows find their backends. They are added to those that the repository has. Default: none.
	Relations []string
	// Order of [Repository.List], [Repository.Page] and [Repository.Keyset] where the call asks for none. It takes the place of
	// the one that the repository has. Default: none, by the primary key.
	Order []Order
	// Lock is how rows that are read are locked until the end of the transaction. It needs a repository of [New]: with [For]
	// the lock would end with the call, so it is dossier.ErrInvalid. Default: NoLock.
	Lock Lock
	// Deleted says which rows of a model with a soft-delete column are read. Default: HideDeleted.
	Deleted Deleted
}

// Lock is a way to lock rows while they are read. SQLite, which has no row locks, takes its write lock for all of them and
// waits for it as long as its busy time-out says.
type Lock uint8

const (
	// NoLock reads rows as they are.
	NoLock Lock = iota
	// ForUpdate waits until nobody else has the rows, and keeps others from changing or locking them.
	ForUpdate
	// ForUpdateNoWait is ForUpdate that does not wait: ErrSerialization if somebody has one of the rows.
	ForUpdateNoWait
	// ForUpdateSkipLocked is ForUpdate that passes over rows that somebody has: for queues of work.
	ForUpdateSkipLocked
	// ForShare keeps others from changing the rows, and lets them lock them in the same way. MySQL and MariaDB, which write
	// it differently, lock as ForUpdate does.
	ForShare
)

// clause is what stands after FOR.
func (l Lock) clause(name dialect.Name) string {
	if l == ForShare && name == dialect.MySQL {
		l = ForUpdate
	}
	return map[Lock]string{
		ForUpdate: "UPDATE", ForUpdateNoWait: "UPDATE NOWAIT", ForUpdateSkipLocked: "UPDATE SKIP LOCKED", ForShare: "SHARE",
	}[l]
}

// Deleted says which rows of a model with a soft-delete column count. Models without one have no deleted rows.
type Deleted uint8

const (
	// HideDeleted leaves soft-deleted rows out, as if they were not there.
	HideDeleted Deleted = iota
	// IncludeDeleted reads them with the others.
	IncludeDeleted
	// OnlyDeleted reads nothing else.
	OnlyDeleted
)

// With returns a repository that differs in its options. It works in the same session or manager, and does not change this
// one.
//
//	mine := documents.With(repository.Options{Scope: []repository.Filter{repository.Equal("tenant", id)}})
func (r *Repository[T]) With(opts Options) *Repository[T] {
	base := r.base
	base.Scope = append(base.Scope[:len(base.Scope):len(base.Scope)], opts.Scope...)
	base.Relations = append(base.Relations[:len(base.Relations):len(base.Relations)], opts.Relations...)
	if len(opts.Order) > 0 {
		base.Order = slices.Clone(opts.Order)
	}
	if opts.Lock != NoLock {
		base.Lock = opts.Lock
	}
	if opts.Deleted != HideDeleted {
		base.Deleted = opts.Deleted
	}
	return &Repository[T]{s: r.s, m: r.m, base: base}
}

// totalOrder is the order that was asked for, or that of the repository, made total.
func (r *Repository[T]) totalOrder(s *session.Session, asked []Order) (order, error) {
	if len(asked) == 0 {
		asked = r.base.Order
	}
	table := r.table(s)
	return totalOrder(target{table, table.SQLAlias}, asked)
}

// selecting begins a query of the rows that the repository sees and all filters select, with what its options ask for. The
// model is a pointer to a T, to a slice of them, or nil of these types.
func (r *Repository[T]) selecting(ctx context.Context, s *session.Session, model any, where ...Filter) (*bun.SelectQuery, error) {
	q, err := r.rows(s, model, where...)
	if err != nil {
		return nil, err
	}
	if err := r.relate(s, q); err != nil {
		return nil, err
	}
	if r.base.Lock != NoLock {
		err = r.lock(ctx, s, q, r.base.Lock)
	}
	return q, err
}

// rows is selecting without relations and lock, for what only counts or finds rows.
func (r *Repository[T]) rows(s *session.Session, model any, where ...Filter) (*bun.SelectQuery, error) {
	q := s.Manager().DB().NewSelect().Model(model)
	table := r.table(s)
	if len(r.base.Scope) > 0 {
		where = slices.Concat(r.base.Scope, where)
	}
	cond, err := compile(table, table.SQLAlias, where)
	if err != nil {
		return nil, err
	}
	if !cond.everything() {
		q = q.Where("?", cond)
	}
	if table.SoftDeleteField != nil {
		switch r.base.Deleted {
		case IncludeDeleted:
			q = q.WhereAllWithDeleted()
		case OnlyDeleted:
			q = q.WhereDeleted()
		case HideDeleted:
		}
	}
	return q, nil
}

// table is what bun knows of T.
func (r *Repository[T]) table(s *session.Session) *schema.Table {
	return s.Manager().DB().Table(reflect.TypeFor[T]())
}

// relate adds the relations. Their types are registered first, so that their files find their backends.
func (r *Repository[T]) relate(s *session.Session, q *bun.SelectQuery) error {
	for _, path := range r.base.Relations {
		table := r.table(s)
		for name := range strings.SplitSeq(path, ".") {
			relation := table.Relations[name]
			if relation == nil {
				return fmt.Errorf("%w: %s has no relation %q", dossier.ErrInvalid, table.TypeName, name)
			}
			table = relation.JoinTable
			if err := s.Manager().Register(reflect.New(table.Type).Interface()); err != nil {
				return err
			}
		}
		q.Relation(path)
	}
	return nil
}

// lock begins the transaction and has the query lock its rows, not those of relations.
func (r *Repository[T]) lock(ctx context.Context, s *session.Session, q *bun.SelectQuery, lock Lock) error {
	if r.s == nil && lock == r.base.Lock {
		return fmt.Errorf("%w: a lock ends with the call of a repository made by For; use New in a session", dossier.ErrInvalid)
	}
	name := s.Manager().DB().Dialect().Name()
	clause := lock.clause(name)
	if clause == "" {
		return fmt.Errorf("%w: lock %d", dossier.ErrInvalid, lock)
	}
	if err := s.Begin(ctx); err != nil {
		return err
	}
	mode, rest, _ := strings.Cut(clause, " ")
	switch name {
	case dialect.SQLite: // has the write lock now
	case dialect.PG: // a joined row may be missing, and NULL cannot be locked
		q.For("? OF ? ?", bun.Safe(mode), r.table(s).SQLAlias, bun.Safe(rest))
	default:
		q.For("?", bun.Safe(clause))
	}
	return nil
}

// toOne refuses relations to many, which bun loads for slices only.
func (r *Repository[T]) toOne(s *session.Session) error {
	for _, path := range r.base.Relations {
		table := r.table(s)
		for name := range strings.SplitSeq(path, ".") {
			relation := table.Relations[name]
			if relation.Type == schema.HasManyRelation || relation.Type == schema.ManyToManyRelation {
				return fmt.Errorf("%w: rows of a stream cannot have the relation %q to many; use Batches", dossier.ErrInvalid, path)
			}
			table = relation.JoinTable
		}
	}
	return nil
}
