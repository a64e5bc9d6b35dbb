package sessiontest

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // the driver named "sqlite"
)

// New returns a manager over an empty database that has the tables of the models and the journal's. It fails the test on
// any error.
func New(t testing.TB, models ...any) *session.Manager {
	t.Helper()
	return NewWith(t, session.Options{}, models...)
}

// NewWith is New with options. A Registry in them is used, and completed with memory backends for missing names.
func NewWith(t testing.TB, opts session.Options, models ...any) *session.Manager {
	t.Helper()
	if opts.Registry == nil {
		opts.Registry = &dossier.Registry{}
		t.Cleanup(func() { check(t, opts.Registry.Close()) })
	}
	for _, model := range models {
		registerBackends(t, opts.Registry, reflect.TypeOf(model))
	}
	m, err := session.New(open(t), opts)
	check(t, err)
	check(t, m.Register(models...))
	check(t, m.CreateSchema(t.Context()))
	return m
}

// open makes a database in memory that all connections of its pool share and that lives until the test ends.
func open(t testing.TB) *bun.DB {
	t.Helper()
	pool, err := sql.Open("sqlite", fmt.Sprintf("file:/%s?vfs=memdb&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)", journal.NewID()))
	check(t, err)
	keep, err := pool.Conn(t.Context()) // the database lives as long as a connection to it
	check(t, err)
	t.Cleanup(func() { check(t, errors.Join(ignoreDone(keep.Close()), pool.Close())) })
	return bun.NewDB(pool, sqlitedialect.New())
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrConnDone) {
		return nil
	}
	return err
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// registerBackends gives every backend that the type's tags name a memory backend, unless it has one.
func registerBackends(t testing.TB, registry *dossier.Registry, typ reflect.Type) {
	t.Helper()
	for typ != nil && typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if typ == nil || typ.Kind() != reflect.Struct {
		return
	}
	for i := range typ.NumField() {
		field := typ.Field(i)
		if field.Anonymous || strings.HasPrefix(field.Tag.Get("bun"), "embed:") {
			registerBackends(t, registry, field.Type)
		}
		tag, ok := field.Tag.Lookup("file")
		if !ok {
			continue
		}
		policy, err := fileobject.ParsePolicy(tag)
		if err != nil {
			continue // Register reports it
		}
		if err := registry.Register(policy.Backend, memory.New(memory.Config{})); err != nil && !errors.Is(err, dossier.ErrExist) {
			t.Fatal(err)
		}
	}
}
