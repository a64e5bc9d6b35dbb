package repository_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// statements counts what is sent to the database, by its first word.
type statements struct {
	mu  sync.Mutex
	all []string
}

// BeforeQuery implements [bun.QueryHook].
func (s *statements) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

// AfterQuery implements [bun.QueryHook].
func (s *statements) AfterQuery(_ context.Context, event *bun.QueryEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, event.Query)
}

// take returns how many statements began with the word since the last call.
func (s *statements) take(word string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, query := range s.all {
		if strings.HasPrefix(query, word) {
			n++
		}
	}
	s.all = nil
	return n
}

func watchStatements(m *session.Manager) *statements {
	s := &statements{}
	m.DB().AddQueryHook(s)
	return s
}

// A page of edits is one round trip, and rows that have gone meanwhile are named and undo the rest: nobody believes half
// of it was saved.
func TestUpdateManyIsOneStatementAndReportsWhatIsMissing(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, accounts := t.Context(), repository.For[account](m)
		var all []*account
		for i := range 20 {
			all = append(all, &account{Email: name(i), Name: "old"})
		}
		check(t, accounts.CreateMany(ctx, all))
		seen := watchStatements(m)
		for i, a := range all {
			a.Name = "it's ? new " + name(i)
			if i%2 == 0 {
				a.Badge = new(int)
				*a.Badge = i
			}
		}
		check(t, accounts.UpdateMany(ctx, all))
		if n := seen.take("UPDATE"); n != 1 {
			t.Errorf("%d statements, want 1", n)
		}
		rows, err := accounts.List(ctx, repository.ListOptions{Order: []repository.Order{{Column: "email"}}})
		check(t, err)
		for i, row := range rows {
			if row.Name != all[i].Name || (row.Badge == nil) != (i%2 == 1) || row.UpdatedAt.Equal(row.CreatedAt) ||
				!row.UpdatedAt.Equal(all[i].UpdatedAt) {
				t.Errorf("row %d is %+v", i, row)
			}
		}
		gone := []*account{all[3], all[7]}
		n, err := accounts.DeleteMany(ctx, gone[0], gone[1].ID)
		if err != nil || n != 2 || seen.take("DELETE") != 1 {
			t.Errorf("deleted %d, %v", n, err)
		}
		for _, a := range all {
			a.Name = "lost"
		}
		err = accounts.UpdateMany(ctx, all, "name")
		wantError(t, err, dossier.ErrNotFound)
		var missing *repository.MissingError
		if !errors.As(err, &missing) || len(missing.Keys) != 2 || missing.Keys[0][0] != gone[0].ID || missing.Keys[1][0] != gone[1].ID {
			t.Errorf("error %v, want the keys %d and %d", err, gone[0].ID, gone[1].ID)
		}
		if lost, err := accounts.Count(ctx, repository.Equal("name", "lost")); err != nil || lost != 0 {
			t.Errorf("%d rows of a failed update were written, %v", lost, err)
		}
		wantError(t, accounts.UpdateMany(ctx, []*account{all[0], all[0]}), dossier.ErrInvalid)
		wantError(t, accounts.UpdateMany(ctx, []*account{nil}), dossier.ErrInvalid)
		check(t, accounts.UpdateMany(ctx, nil))
	}, upsertModels()...)
}

// In a session a failed update of many is undone alone.
func TestAFailedUpdateManyLeavesTheSessionUsable(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		run(t, m, func(ctx context.Context, s *session.Session) error {
			items := repository.New[item](s)
			a := &item{Code: "a"}
			check(t, items.Create(ctx, a))
			a.Count = 7
			wantError(t, items.UpdateMany(ctx, []*item{a, {Code: "b"}}), dossier.ErrNotFound)
			return nil
		})
		got, err := repository.For[item](m).GetOne(t.Context())
		check(t, err)
		if got.Count != 0 {
			t.Errorf("got %+v", got)
		}
	}, scopeModels()...)
}

// Files go with their rows: bulk statements are no way around the journal.
func TestBulkWritesFeedTheJournal(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, avatars := t.Context(), repository.For[avatar](m)
		var all []*avatar
		for i := range 6 {
			all = append(all, &avatar{Owner: name(i), Title: "old", File: text(name(i))})
		}
		check(t, avatars.CreateMany(ctx, all))
		all[0].File, all[1].File = text("new 0"), text("new 1")
		check(t, avatars.UpdateMany(ctx, all[:2]))
		check(t, wantOrders(ctx, m, 2))
		if n, err := avatars.DeleteMany(ctx, all[2].ID, all[3]); err != nil || n != 2 {
			t.Errorf("deleted %d, %v", n, err)
		}
		check(t, wantOrders(ctx, m, 4))
		if n, err := avatars.UpdateWhere(ctx, map[string]any{"file": nil}, repository.Equal("owner", name(4))); err != nil || n != 1 {
			t.Errorf("cleared %d, %v", n, err)
		}
		check(t, wantOrders(ctx, m, 5))
		if n, err := avatars.DeleteWhere(ctx, repository.Equal("title", "old")); err != nil || n != 4 {
			t.Errorf("deleted %d, %v", n, err)
		}
		check(t, wantOrders(ctx, m, 8))
	}, upsertModels()...)
}

// wantOrders returns an error unless the journal has so many delete orders.
func wantOrders(ctx context.Context, m *session.Manager, want int) error {
	n, err := m.DB().NewSelect().Table("dossier_journal").Where("state = 'doomed'").Count(ctx)
	if err == nil && int(n) != want {
		err = fmt.Errorf("%d delete orders, want %d", n, want)
	}
	return err
}

// A filter that a client left empty must not empty the table.
func TestAllRowsMustBeAskedFor(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, items := t.Context(), repository.For[item](m)
		check(t, items.CreateMany(ctx, []*item{{Code: "a"}, {Code: "b"}}))
		for _, where := range [][]repository.Filter{nil, {repository.And()}, {repository.Not(repository.Or())}} {
			_, err := items.DeleteWhere(ctx, where...)
			wantError(t, err, dossier.ErrInvalid)
			_, err = items.UpdateWhere(ctx, map[string]any{"count": 1}, where...)
			wantError(t, err, dossier.ErrInvalid)
		}
		if n, err := items.UpdateWhere(ctx, map[string]any{"count": 1}, repository.All()); err != nil || n != 2 {
			t.Errorf("updated %d, %v", n, err)
		}
		if n, err := items.DeleteWhere(ctx, repository.All()); err != nil || n != 2 {
			t.Errorf("deleted %d, %v", n, err)
		}
		if n, err := items.DeleteMany(ctx); err != nil || n != 0 {
			t.Errorf("no ids: deleted %d, %v", n, err)
		}
	}, scopeModels()...)
}

// What is created comes back in the order in which it was given, each with its own key.
func TestCreateManyKeepsTheOrder(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, items := t.Context(), repository.For[item](m)
		var all []*item
		for i := range 30 {
			all = append(all, &item{Code: name(97 * i % 30), Count: i % 3}) // of two shapes
		}
		check(t, items.CreateMany(ctx, all))
		for _, one := range all {
			got, err := items.Get(ctx, one.ID)
			check(t, err)
			if got.Code != one.Code || got.Count != one.Count {
				t.Errorf("row %d is %+v, the model %+v", one.ID, got, one)
			}
		}
		err := items.CreateMany(ctx, []*item{{Code: "new"}, {Code: name(3)}})
		wantError(t, err, repository.ErrDuplicate)
		if n := count(t, items); n != 30 {
			t.Errorf("%d rows; half of a failed call was kept", n)
		}
		check(t, items.CreateMany(ctx, nil))
		wantError(t, items.Create(ctx, nil), dossier.ErrInvalid)
	}, scopeModels()...)
}

// A row that this session read through a repository is known to it: clearing its file is no guess.
func TestRowsThatWereReadCanBeCleared(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		check(t, repository.For[avatar](m).Create(t.Context(), &avatar{Owner: "ann", File: text("face")}))
		run(t, m, func(ctx context.Context, s *session.Session) error {
			avatars := repository.New[avatar](s)
			a, err := avatars.GetOne(ctx, repository.Equal("owner", "ann"))
			check(t, err)
			a.File = nil
			return avatars.Update(ctx, a)
		})
		check(t, wantOrders(t.Context(), m, 1))
	}, upsertModels()...)
}

// Whatever the caller writes into models after a row was found, its keys are values and never SQL.
func TestKeysAndValuesAreNeverSQL(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, settings := t.Context(), repository.For[setting](m)
		odd := []string{`'; DROP TABLE settings; --`, `a?b`, `?0 ?TableName`, `back\slash`, `"quoted"`, "`tick`", `%_`, "ü\n"}
		var all []*setting
		for _, text := range odd {
			all = append(all, &setting{Name: text, Value: text})
		}
		created, err := settings.UpsertMany(ctx, all, repository.UpsertOptions{})
		if err != nil || slices.Contains(created, false) {
			t.Fatalf("%v, %v", created, err)
		}
		for i, text := range odd {
			all[i].Value = text + text
		}
		check(t, settings.UpdateMany(ctx, all))
		for _, text := range odd {
			got, err := settings.Get(ctx, text)
			check(t, err)
			if got.Name != text || got.Value != text+text {
				t.Errorf("%q: got %+v", text, got)
			}
		}
		created, err = settings.UpsertMany(ctx, all, repository.UpsertOptions{})
		if err != nil || slices.Contains(created, true) {
			t.Errorf("%v, %v", created, err)
		}
		if n, err := settings.DeleteMany(ctx, odd[0], odd[1], odd[2], odd[3], odd[4], odd[5], odd[6], odd[7]); err != nil ||
			n != len(odd) {
			t.Errorf("deleted %d, %v", n, err)
		}
	}, upsertModels()...)
}

// scan has files under a composite key.
type scan struct {
	bun.BaseModel `bun:"table:scans"`
	Box           string                 `bun:"box,pk,type:varchar(100)"`
	Page          int                    `bun:"page,pk"`
	File          *fileobject.FileObject `bun:"file" file:"uploads"`
}

// Rows with files are deleted by their keys, after they were locked; keys of several columns are no exception.
func TestBulkDeletesOfFilesUnderCompositeKeys(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, scans := t.Context(), repository.For[scan](m)
		check(t, scans.CreateMany(ctx, []*scan{{Box: "a", Page: 1, File: text("1")}, {Box: "a", Page: 2, File: text("2")},
			{Box: "b", Page: 1}}))
		n, err := scans.DeleteWhere(ctx, repository.Equal("box", "a"))
		check(t, err)
		if n != 2 {
			t.Errorf("deleted %d", n)
		}
		check(t, wantOrders(ctx, m, 2))
	}, (*scan)(nil))
}

func ExampleRepository_UpdateMany() {
	manager, err := openExample("update-many")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, notes := context.Background(), repository.For[Note](manager)
	a, b := &Note{Title: "a"}, &Note{Title: "b"}
	fmt.Println(notes.CreateMany(ctx, []*Note{a, b}), notes.Delete(ctx, a.ID))
	err = notes.UpdateMany(ctx, []*Note{a, b}, "title")
	var missing *repository.MissingError
	fmt.Println(errors.As(err, &missing), missing.Keys)
	// Output:
	// <nil> <nil>
	// true [[1]]
}

func ExampleRecognise() {
	manager, err := openExample("recognise")
	if err != nil {
		fmt.Println(err)
		return
	}
	err = manager.Run(context.Background(), func(ctx context.Context, s *session.Session) error {
		return s.Insert(ctx, &Note{ID: 1}, &Note{ID: 1, File: fileobject.FromBytes("a.txt", []byte("a"), fileobject.Options{})})
	})
	var found *repository.DatabaseError
	if errors.As(repository.Recognise(err), &found) {
		fmt.Println(errors.Is(found, repository.ErrDuplicate), found.Table, found.Columns)
	}
	// Output: true notes [id]
}
