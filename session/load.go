package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// Get loads the row with this primary key into the model, or with the model's own when no id is given; a composite key is
// given in the order of the struct. It reads in the transaction if one is open, else outside of any, and remembers what
// it read, so that clearing files and editing lists are understood by a later Update. Fields of the struct that are no
// columns stay as they are. No row is dossier.ErrNotFound.
func (s *Session) Get(ctx context.Context, model any, id ...any) error {
	return s.load(ctx, "get", model, id)
}

// Refresh loads the model's row again; what was changed in the struct, pending files too, is lost. No row is
// dossier.ErrNotFound.
func (s *Session) Refresh(ctx context.Context, model any) error {
	return s.load(ctx, "refresh", model, nil)
}

// Lock is Refresh under a lock that lasts until the end of the transaction, which it begins: nobody else can change the
// row meanwhile: SELECT … FOR UPDATE, or SQLite's write lock.
func (s *Session) Lock(ctx context.Context, model any) error {
	if err := s.begin(ctx, "lock"); err != nil {
		return err
	}
	return s.loadLocked(ctx, "lock", model, nil, s.m.engine.traits().lock)
}

// begin opens the transaction.
func (s *Session) begin(ctx context.Context, op string) error {
	if err := s.enterWrite(op); err != nil {
		return err
	}
	defer s.leave()
	if err := s.open(ctx); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

func (s *Session) load(ctx context.Context, op string, model any, id []any) error {
	return s.loadLocked(ctx, op, model, id, "")
}

func (s *Session) loadLocked(ctx context.Context, op string, model any, id []any, lock string) error {
	if err := s.enter(op); err != nil {
		return err
	}
	defer s.leave()
	rows, err := s.m.rows(model)
	if err == nil && len(rows) != 1 {
		err = fmt.Errorf("%w: one model at a time, not %d", dossier.ErrInvalid, len(rows))
	}
	if err == nil {
		err = s.loadRow(ctx, rows[0], id, lock)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// loadRow reads into a fresh struct, whose columns are copied when all of them are there: a NULL would leave old values
// in a used one.
func (s *Session) loadRow(ctx context.Context, r row, id []any, lock string) error {
	fresh := reflect.New(r.value.Type())
	if err := setKey(r, fresh.Elem(), id); err != nil {
		return err
	}
	query := s.m.db.NewSelect().Conn(s.readConn()).Model(fresh.Interface()).WherePK()
	if lock != "" {
		query = query.For(lock)
	}
	err := query.Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s: %w", r.table.Name, dossier.ErrNotFound)
	}
	if err := s.watch(err); err != nil {
		return err
	}
	for _, field := range r.table.Fields {
		field.Value(r.value).Set(field.Value(fresh.Elem()))
	}
	s.rememberRead([]row{r})
	return nil
}

// readConn is the transaction if one is open, else the pools for reads.
func (s *Session) readConn() bun.IConn {
	switch {
	case s.tx != nil:
		return s.tx.conn
	case len(s.m.replicas.all) == 0:
		return s.m.db
	}
	return reads{s}
}

// setKey copies the primary key from the model, or sets it from ids.
func setKey(r row, to reflect.Value, id []any) error {
	pks := r.table.PKs
	if len(pks) == 0 || len(id) > 0 && len(id) != len(pks) {
		return fmt.Errorf("%w: table %s has a primary key of %d columns, not %d", dossier.ErrInvalid, r.table.Name, len(pks), len(id))
	}
	for i, pk := range pks {
		if len(id) == 0 {
			pk.Value(to).Set(pk.Value(r.value))
			continue
		}
		if err := setKeyField(pk, to, id[i]); err != nil {
			return fmt.Errorf("%w: key %s: %w", dossier.ErrInvalid, pk.Name, err)
		}
	}
	return nil
}

func setKeyField(pk *schema.Field, to reflect.Value, id any) error {
	v := reflect.ValueOf(id)
	field := pk.Value(to)
	if v.IsValid() && v.Type().AssignableTo(field.Type()) {
		field.Set(v)
		return nil
	}
	if v.IsValid() && v.CanInt() && field.CanInt() && !field.OverflowInt(v.Int()) {
		field.SetInt(v.Int())
		return nil
	}
	if v.IsValid() && v.CanInt() && field.CanUint() && v.Int() >= 0 && !field.OverflowUint(uint64(v.Int())) {
		field.SetUint(uint64(v.Int()))
		return nil
	}
	switch id.(type) {
	case string, []byte:
		return pk.ScanValue(to, id)
	}
	return fmt.Errorf("a %T is not a %v", id, field.Type())
}

// IsModified reports whether the model differs from the row that this session loaded or wrote, in any column. A model
// whose row it does not know is modified.
func (s *Session) IsModified(model any) bool {
	rows, err := s.m.rows(model)
	if err != nil || len(rows) != 1 {
		return true
	}
	known := s.memoryOf(rows[0])
	for place := range rows[0].table.Fields {
		if !known.knows(place) || !s.same(rows[0], known, place) {
			return true
		}
	}
	return false
}
