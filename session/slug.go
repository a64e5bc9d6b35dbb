package session

import (
	"context"
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/model"
)

// generated is a slug that the session makes, which may be another one if it is taken.
type generated struct{ base string }

// suffixes are the lengths of what is tried after a slug that is taken. One as long as the last is never taken: an error
// that goes on then is about another column.
var suffixes = []int{4, 8, 12}

// prepareSlug makes an empty slug from the column that it follows.
func (s *Session) prepareSlug(r *row) error {
	if r.slug == nil {
		return nil
	}
	field := r.slug
	if text := field.Value(r.value).String(); text != "" {
		if n := utf8.RuneCountInString(text); n > model.MaxSlug {
			return fmt.Errorf("%s.%s: %w: the slug has %d characters, at most %d", r.table.Name, field.Name, dossier.ErrInvalid, n, model.MaxSlug)
		}
		return nil
	}
	if r.slugFrom == nil {
		return fmt.Errorf("%s.%s: %w: the slug is empty, and no tag `slug:\"column\"` says what to make it from",
			r.table.Name, field.Name, dossier.ErrInvalid)
	}
	r.made = &generated{}
	if !r.slugFrom.HasZeroValue(r.value) {
		r.made.base = model.Slugify(r.text(r.slugFrom))
	}
	s.fill(*r, field, reflect.ValueOf(r.made.candidate(0)))
	return nil
}

// candidate is the slug of a try, from 0.
func (g *generated) candidate(try int) string {
	if try == 0 && g.base != "" {
		return g.base
	}
	return model.SlugWithSuffix(g.base, suffixes[max(try-1, 0)])
}

// distinctSlugs gives slugs that are the same within one call their suffixes at once.
func distinctSlugs(rows []row) {
	seen := map[string]bool{}
	for _, r := range rows {
		if r.made == nil {
			continue
		}
		field := r.slug.Value(r.value)
		if seen[r.table.Name+"|"+field.String()] {
			field.SetString(r.made.candidate(1))
		}
		seen[r.table.Name+"|"+field.String()] = true
	}
}

// tryGroup inserts rows of which some have slugs of the session's: when one is taken the statement is undone, and the rows
// are halved until the one is found.
func (s *Session) tryGroup(ctx context.Context, rows []row) (err error) {
	if len(rows) == 1 {
		return s.trySlugs(ctx, rows[0], func() error { return s.insertStatement(ctx, rows) })
	}
	err = s.guarded(ctx, func() error { return s.insertStatement(ctx, rows) })
	if !isDuplicate(err) {
		return err
	}
	if err := s.tryGroup(ctx, rows[:len(rows)/2]); err != nil {
		return err
	}
	return s.tryGroup(ctx, rows[len(rows)/2:])
}

// trySlugs runs the statement that writes a row, with another slug each time that one is taken. The unique column decides, so
// nobody can come in between; what others hold and have not committed is waited for.
func (s *Session) trySlugs(ctx context.Context, r row, statement func() error) error {
	if r.made == nil {
		return statement()
	}
	field := r.slug.Value(r.value)
	err := s.guarded(ctx, statement)
	for try := 1; isDuplicate(err) && try <= len(suffixes); try++ {
		field.SetString(r.made.candidate(try))
		err = s.guarded(ctx, statement)
	}
	return err
}

// guarded runs a statement in a savepoint, so that the transaction goes on after its error, on PostgreSQL too.
func (s *Session) guarded(ctx context.Context, statement func() error) error {
	const name = "dossier_slug"
	if err := s.tx.statement(ctx, "SAVEPOINT "+name); err != nil {
		return err
	}
	err := statement()
	if isDuplicate(err) {
		if undo := s.tx.statement(ctx, "ROLLBACK TO "+name); undo != nil {
			return fmt.Errorf("take back a slug that is taken: %w", undo)
		}
	}
	if err != nil && !isDuplicate(err) {
		return err // the session is rollback-only now
	}
	if end := s.tx.statement(ctx, "RELEASE SAVEPOINT "+name); end != nil {
		return end
	}
	return err
}

// isDuplicate reports whether a unique column or primary key refused a value.
func isDuplicate(err error) bool {
	if code := journal.SQLiteCode(err); code != 0 {
		return code == 2067 || code == 1555
	}
	return journal.SQLState(err) == "23505" || journal.MySQLNumber(err) == 1062
}
