package repository_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// writer, volume and tag are related in each way that there is.
type writer struct {
	bun.BaseModel `bun:"table:writers"`
	model.Int64
	Name     string                 `bun:"name,notnull"`
	Portrait *fileobject.FileObject `bun:"portrait" file:"uploads"`
	Books    []*volume              `bun:"rel:has-many,join:id=author_id"`
}

type volume struct {
	bun.BaseModel `bun:"table:books"`
	model.Int64
	Title    string                 `bun:"title,notnull"`
	AuthorID int64                  `bun:"author_id,notnull"`
	Author   *writer                `bun:"rel:belongs-to,join:author_id=id"`
	Cover    *fileobject.FileObject `bun:"cover" file:"uploads"`
	Labels   []*sticker             `bun:"m2m:book_labels,join:Book=Label"`
}

type sticker struct {
	bun.BaseModel `bun:"table:labels"`
	model.Int64
	Name string                 `bun:"name,notnull"`
	Icon *fileobject.FileObject `bun:"icon" file:"uploads"`
}

type volumeLabel struct {
	bun.BaseModel `bun:"table:book_labels"`
	BookID        int64    `bun:"book_id,pk"`
	Book          *volume  `bun:"rel:belongs-to,join:book_id=id"`
	LabelID       int64    `bun:"label_id,pk"`
	Label         *sticker `bun:"rel:belongs-to,join:label_id=id"`
}

// newLibrary has a writer with a portrait, two books with covers, and labels with icons.
func newLibrary(t *testing.T, m *session.Manager) (ids []int64) {
	t.Helper()
	m.DB().RegisterModel((*volumeLabel)(nil))
	check(t, m.Register((*writer)(nil), (*volume)(nil), (*sticker)(nil), (*volumeLabel)(nil)))
	check(t, m.CreateSchema(t.Context()))
	run(t, m, func(ctx context.Context, s *session.Session) error {
		a := &writer{Name: "Ann", Portrait: text("portrait")}
		check(t, s.Insert(ctx, a))
		books := []*volume{{Title: "One", AuthorID: a.ID, Cover: text("cover one")},
			{Title: "Two", AuthorID: a.ID, Cover: text("cover two")}}
		labels := []*sticker{{Name: "red", Icon: text("red icon")}, {Name: "blue", Icon: text("blue icon")}}
		check(t, s.Insert(ctx, &books, &labels))
		ids = []int64{a.ID, books[0].ID}
		return s.Insert(ctx, &volumeLabel{BookID: books[0].ID, LabelID: labels[0].ID},
			&volumeLabel{BookID: books[0].ID, LabelID: labels[1].ID})
	})
	return ids
}

// Handles in related rows must find their backends, or a page that shows a writer's books shows none of their covers.
func TestRelationsComeWithTheirFiles(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ids := newLibrary(t, m)
		ctx := t.Context()
		a, err := repository.For[writer](m).With(repository.Options{Relations: []string{"Books", "Books.Labels"}}).Get(ctx, ids[0])
		check(t, err)
		if len(a.Books) != 2 || content(ctx, t, a.Books[0].Cover) != "cover one" || len(a.Books[0].Labels) != 2 ||
			content(ctx, t, a.Books[0].Labels[0].Icon) == "" {
			t.Errorf("got %+v", a)
		}
		books := repository.For[volume](m).With(repository.Options{Relations: []string{"Author", "Labels"}})
		rows, err := books.List(ctx, repository.ListOptions{})
		check(t, err)
		if len(rows) != 2 || content(ctx, t, rows[1].Author.Portrait) != "portrait" || len(rows[0].Labels) != 2 {
			t.Errorf("got %+v", rows)
		}
		one, err := books.GetOne(ctx, repository.Equal("title", "Two"))
		check(t, err)
		if one.Author.Name != "Ann" {
			t.Errorf("got %+v", one)
		}
		_, err = repository.For[volume](m).With(repository.Options{Relations: []string{"Publisher"}}).Get(ctx, ids[1])
		wantError(t, err, dossier.ErrInvalid)
	})
}

// One, none and more are three answers.
func TestGetOneTellsNoneAndSeveralApart(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, items := t.Context(), repository.For[item](m)
		check(t, items.CreateMany(ctx, []*item{{Tenant: 1, Code: "a"}, {Tenant: 1, Code: "b"}, {Tenant: 2, Code: "c"}}))
		got, err := items.GetOne(ctx, repository.Equal("tenant", 2))
		check(t, err)
		if got.Code != "c" {
			t.Errorf("got %+v", got)
		}
		_, err = items.GetOne(ctx, repository.Equal("tenant", 3))
		wantError(t, err, dossier.ErrNotFound)
		_, err = items.GetOne(ctx, repository.Equal("tenant", 1))
		wantError(t, err, repository.ErrMultiple)
		none, found, err := items.GetOneOrNone(ctx, repository.Equal("tenant", 3))
		if none != nil || found || err != nil {
			t.Errorf("none: %v %v %v", none, found, err)
		}
		_, _, err = items.GetOneOrNone(ctx, repository.Equal("tenant", 1))
		wantError(t, err, repository.ErrMultiple)
		_, err = items.GetOne(ctx, repository.Equal("nothing", 1))
		wantError(t, err, dossier.ErrInvalid)
		exists, err := items.Exists(ctx, repository.Equal("tenant", 1))
		none2, err2 := items.Exists(ctx, repository.Equal("tenant", 3))
		n, err3 := items.Count(ctx, repository.Equal("tenant", 1))
		if !exists || none2 || n != 2 || errors.Join(err, err2, err3) != nil {
			t.Errorf("exists %v and %v, count %d, %v", exists, none2, n, errors.Join(err, err2, err3))
		}
	}, scopeModels()...)
}

// A composite key is given by position, or as a struct that names its parts, in every method that takes keys.
func TestCompositeKeys(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, places := t.Context(), repository.For[place](m)
		check(t, places.CreateMany(ctx, []*place{
			{Street: "main", Number: 1, Name: "a"}, {Street: "main", Number: 2, Name: "b"}, {Street: "side", Number: 1, Name: "c"},
		}))
		type placeKey struct {
			Street string
			Number int
		}
		for _, id := range [][]any{
			{"main", 2}, {placeKey{"main", 2}}, {&placeKey{"main", 2}}, {place{Street: "main", Number: 2}},
			{&place{Street: "main", Number: 2}},
		} {
			got, err := places.Get(ctx, id...)
			check(t, err)
			if got.Name != "b" {
				t.Errorf("%v: got %+v", id, got)
			}
		}
		for _, id := range [][]any{nil, {"main"}, {"main", 2, 3}, {"main", "x"}, {struct{ Street string }{"main"}}} {
			_, err := places.Get(ctx, id...)
			wantError(t, err, dossier.ErrInvalid)
		}
		check(t, places.UpdateMany(ctx, []*place{{Street: "main", Number: 1, Name: "A"}, {Street: "side", Number: 1, Name: "C"}}))
		n, err := places.DeleteMany(ctx, []any{"main", 1}, placeKey{"main", 2}, placeKey{"main", 9})
		if err != nil || n != 2 {
			t.Errorf("deleted %d, %v", n, err)
		}
		got, err := places.GetOne(ctx)
		check(t, err)
		if got.Name != "C" {
			t.Errorf("left is %+v", got)
		}
		created, err := places.UpsertMany(ctx, []*place{{Street: "new", Number: 1}, {Street: "side", Number: 1, Name: "D"}},
			repository.UpsertOptions{})
		if err != nil || !slices.Equal(created, []bool{true, false}) {
			t.Errorf("upserted %v, %v", created, err)
		}
		check(t, places.Delete(ctx, placeKey{"side", 1}))
	}, (*place)(nil))
}

// A lock keeps others away until the end of the transaction; a repository whose calls are transactions has no use for it.
func TestRowsAreLocked(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, items := t.Context(), repository.For[item](m)
		a, b := &item{Code: "a"}, &item{Code: "b"}
		check(t, items.CreateMany(ctx, []*item{a, b}))
		_, err := items.With(repository.Options{Lock: repository.ForUpdate}).Get(ctx, a.ID)
		wantError(t, err, dossier.ErrInvalid)
		if m.DB().Dialect().Name().String() == "sqlite" {
			run(t, m, func(ctx context.Context, s *session.Session) error {
				_, err := repository.New[item](s).With(repository.Options{Lock: repository.ForUpdateSkipLocked}).Get(ctx, a.ID)
				return err
			})
			return // others wait for the write lock in the queue of the process
		}
		run(t, m, func(ctx context.Context, s *session.Session) error {
			_, err := repository.New[item](s).With(repository.Options{Lock: repository.ForUpdate}).Get(ctx, a.ID)
			check(t, err)
			err = m.Run(ctx, func(ctx context.Context, other *session.Session) error {
				rows, err := repository.New[item](other).With(repository.Options{Lock: repository.ForUpdateSkipLocked}).List(ctx,
					repository.ListOptions{})
				check(t, err)
				if len(rows) != 1 || rows[0].ID != b.ID {
					t.Errorf("not skipped: %+v", rows)
				}
				_, err = repository.New[item](other).With(repository.Options{Lock: repository.ForUpdateNoWait}).Get(ctx, a.ID)
				return err
			})
			wantError(t, err, repository.ErrSerialization)
			_, err = repository.New[item](s).With(repository.Options{Lock: repository.ForShare}).Get(ctx, b.ID)
			return err
		})
	}, scopeModels()...)
}

// Rows of a whole table pass through a loop that holds one of them, or one batch, at a time.
func TestStreamAndBatchesSeeEveryRowOnce(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, items, places := t.Context(), repository.For[item](m), repository.For[place](m)
		var all []*item
		for i := range 25 {
			all = append(all, &item{Tenant: i % 2, Code: name(i)})
		}
		check(t, items.CreateMany(ctx, all))
		seen := map[string]int{}
		for row, err := range items.Stream(ctx, repository.Equal("tenant", 1)) {
			check(t, err)
			seen[row.Code]++
		}
		var sizes []int
		for batch, err := range items.Batches(ctx, 5, repository.Equal("tenant", 1)) {
			check(t, err)
			sizes = append(sizes, len(batch))
			for _, row := range batch {
				seen[row.Code]++
			}
			_, err = items.DeleteMany(ctx, batch[0], batch[1]) // the loop may write
			check(t, err)
		}
		if len(seen) != 12 || !slices.Equal(sizes, []int{5, 5, 2}) || seen["001"] != 2 {
			t.Errorf("seen %v in batches of %v", seen, sizes)
		}
		for i := range 7 {
			check(t, places.Create(ctx, &place{Street: name(i / 3), Number: i}))
		}
		n := 0
		for batch, err := range places.Batches(ctx, 2) {
			check(t, err)
			n += len(batch)
		}
		if n != 7 {
			t.Errorf("%d places in batches, want 7", n)
		}
		for _, err := range items.Batches(ctx, 0) {
			wantError(t, err, dossier.ErrInvalid)
		}
		for range items.Stream(ctx) {
			break // must not keep the connection
		}
		check(t, items.Create(ctx, &item{Code: "more"}))
	}, append(scopeModels(), (*place)(nil))...)
}

// Memory must not grow with the table.
func TestStreamIsConstantInMemory(t *testing.T) { //nolint:paralleltest // it reads the memory of the whole process
	m := openOn(t, "sqlite", session.Options{}, scopeModels()...)
	_, err := m.DB().ExecContext(t.Context(), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
		INSERT INTO items (tenant, code, count) SELECT 1, 'a long code to be kept ' || i, i FROM n`)
	check(t, err)
	n, most, base := 0, uint64(0), heap()
	for _, err := range repository.For[item](m).Stream(t.Context()) {
		check(t, err)
		if n++; n%10_000 == 0 {
			most = max(most, heap())
		}
	}
	if n != 50_000 || most > base+8<<20 {
		t.Errorf("%d rows; the heap grew from %d to %d bytes", n, base, most)
	}
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// Two databases at once are two managers; nothing is shared between their repositories.
func TestSeveralDatabasesAtOnce(t *testing.T) {
	t.Parallel()
	first := openOn(t, "sqlite", session.Options{}, scopeModels()...)
	for _, on := range databases {
		second := openOn(t, on, session.Options{}, scopeModels()...)
		check(t, repository.For[item](first).Create(t.Context(), &item{Code: on}))
		moved := 0
		for row, err := range repository.For[item](first).Stream(t.Context()) {
			check(t, err)
			check(t, repository.For[item](second).Create(t.Context(), &item{Code: row.Code}))
			moved++
		}
		if n := count(t, repository.For[item](second)); int(n) != moved || moved == 0 {
			t.Errorf("%s: %d rows, moved %d", on, n, moved)
		}
	}
}

func ExampleRepository_Batches() {
	manager, err := openExample("batches")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, notes := context.Background(), repository.For[Note](manager)
	for i := range 5 {
		if err := notes.Create(ctx, &Note{Title: fmt.Sprint("note ", i)}); err != nil {
			fmt.Println(err)
		}
	}
	for batch, err := range notes.Batches(ctx, 2) {
		fmt.Println(len(batch), err)
	}
	// Output:
	// 2 <nil>
	// 2 <nil>
	// 1 <nil>
}
