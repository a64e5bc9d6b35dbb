package repository_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// letter is a row that may be large.
type letter struct {
	bun.BaseModel `bun:"table:letters"`
	Box           int    `bun:"box,pk"`
	Number        int    `bun:"number,pk"`
	Text          string `bun:"text,notnull,type:text"`
}

// The databases limit the parameters, the depth and the length of a statement; how many rows there are is not the caller's
// problem.
func TestManyRowsExceedNoLimit(t *testing.T) {
	const many = 1200
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, letters := t.Context(), repository.For[letter](m)
		rows, keys := make([]*letter, many), make([]any, many)
		numbers, each := make([]int, 70_000), make([]repository.Filter, many)
		for i := range rows {
			rows[i], keys[i] = &letter{Box: i % 2, Number: i}, []any{i % 2, i}
			each[i] = repository.And(repository.Equal("box", i%2), repository.Equal("number", i))
		}
		for i := range numbers {
			numbers[i] = i
		}
		scoped := letters.With(repository.Options{Scope: []repository.Filter{repository.Less("box", 2)}})
		check(t, scoped.CreateMany(ctx, rows))
		for _, row := range rows {
			row.Text = "b"
		}
		check(t, scoped.UpdateMany(ctx, rows))
		created, err := letters.UpsertMany(ctx, rows, repository.UpsertOptions{})
		if err != nil || len(created) != many || created[many-1] {
			t.Errorf("upsert: %d, %v", len(created), err)
		}
		if n, err := letters.Count(ctx, repository.In("number", numbers)); err != nil || n != many {
			t.Errorf("of 70,000 numbers: %d, %v", n, err)
		}
		if n, err := letters.Count(ctx, repository.Or(each...)); err != nil || n != many {
			t.Errorf("any of 1,200 filters: %d, %v", n, err)
		}
		if n, err := scoped.DeleteMany(ctx, keys...); err != nil || n != many {
			t.Errorf("deleted %d, %v", n, err)
		}
	}, (*letter)(nil))
}

// MariaDB takes 16 MiB at once. Rows of which each one fits are written, however many there are.
func TestLargeRowsExceedNoLimit(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, letters := t.Context(), repository.For[letter](m)
		rows := make([]*letter, 300)
		for i := range rows {
			rows[i] = &letter{Number: i, Text: strings.Repeat("a", 60<<10)}
		}
		check(t, letters.CreateMany(ctx, rows))
		check(t, letters.UpdateMany(ctx, rows))
		_, err := letters.UpsertMany(ctx, rows, repository.UpsertOptions{})
		check(t, err)
		if n := count(t, letters); n != int64(len(rows)) {
			t.Errorf("%d rows, want %d", n, len(rows))
		}
	}, (*letter)(nil))
}

// A caller that gave up is neither a database that is down nor a row that is wrong.
func TestAContextThatEndedIsNoFaultOfTheDatabase(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		letters := repository.For[letter](m)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, get := letters.Get(ctx, 1, 1)
		_, _, getOrCreate := letters.GetOrCreate(ctx, &letter{Box: 1, Number: 1}, repository.MatchOptions{})
		_, upsert := letters.Upsert(ctx, &letter{Box: 1, Number: 1}, repository.UpsertOptions{})
		for name, err := range map[string]error{
			"get": get, "create": letters.Create(ctx, &letter{Box: 1}), "get or create": getOrCreate, "upsert": upsert, "delete": letters.Delete(ctx, 1, 1),
		} {
			for _, wrong := range []error{dossier.ErrUnavailable, dossier.ErrNotFound, repository.ErrDuplicate, dossier.ErrInvalid} {
				if !errors.Is(err, context.Canceled) || errors.Is(err, wrong) {
					t.Errorf("%s: %v is taken for %v", name, err, wrong)
				}
			}
		}
	}, (*letter)(nil))
}
