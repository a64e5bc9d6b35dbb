package repository_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"
	"modernc.org/sqlite"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// With makes another repository: what one caller asks for must not come up in the calls of the next.
func TestWithChangesNothingOfTheFirst(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, items := t.Context(), repository.For[item](m)
		check(t, items.CreateMany(ctx, []*item{{Tenant: 1, Code: "a"}, {Tenant: 1, Code: "b"}, {Tenant: 2, Code: "c"}}))
		mine := items.With(ofTenant(1))
		first := mine.With(repository.Options{Scope: []repository.Filter{repository.Equal("code", "a")}})
		second := mine.With(repository.Options{Scope: []repository.Filter{repository.Equal("code", "b")}})
		for want, rows := range map[string]*repository.Repository[item]{"a b c": items, "a b": mine, "a": first, "b": second} {
			if got := codes(t, rows, repository.ListOptions{}); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
	}, scopeModels()...)
}

func codes(t *testing.T, rows *repository.Repository[item], opts repository.ListOptions) string {
	t.Helper()
	all, err := rows.List(t.Context(), opts)
	check(t, err)
	text := ""
	for _, one := range all {
		text += " " + one.Code
	}
	return text[min(len(text), 1):]
}

// A repository has an order of its own, for callers that ask for none; who asks gets what was asked for.
func TestTheOrderOfARepository(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, items := t.Context(), repository.For[item](m)
		check(t, items.CreateMany(ctx, []*item{{Code: "a", Count: 1}, {Code: "b", Count: 3}, {Code: "c", Count: 3}}))
		byCount := []repository.Order{{Column: "count", Descending: true}}
		most := items.With(repository.Options{Order: byCount})
		byCount[0].Column = "nothing" // the caller's slice is the caller's
		if got := codes(t, most, repository.ListOptions{}); got != "b c a" {
			t.Errorf("list: %s", got)
		}
		if got := codes(t, most, repository.ListOptions{Order: []repository.Order{{Column: "code"}}}); got != "a b c" {
			t.Errorf("asked for another order: %s", got)
		}
		page, err := most.Page(ctx, repository.ListOptions{Limit: 1})
		check(t, err)
		keyset, err := most.Keyset(ctx, repository.KeysetOptions{Signer: testSigner(t), Limit: 2})
		check(t, err)
		if page.Items[0].Code != "b" || keyset.Items[0].Code != "b" || keyset.Items[1].Code != "c" {
			t.Errorf("page %+v, keyset %+v", page, keyset)
		}
		last := most.With(repository.Options{Order: []repository.Order{{Column: "code", Descending: true}}})
		if got := codes(t, last, repository.ListOptions{}) + codes(t, items, repository.ListOptions{}); got != "c b aa b c" {
			t.Errorf("replaced, and as it was: %s", got)
		}
		_, err = items.With(repository.Options{Order: []repository.Order{{Column: "nothing"}}}).List(ctx, repository.ListOptions{})
		wantError(t, err, dossier.ErrInvalid)
	}, scopeModels()...)
}

// Nothing is loaded in silence, row by row: a relation is nil until it is named, and "all" is no name.
func TestRelationsAreLoadedWhenNamed(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ids := newLibrary(t, m)
		ctx, books := t.Context(), repository.For[volume](m)
		plain, err := books.Get(ctx, ids[1])
		check(t, err)
		seen := watchStatements(m)
		both, err := books.With(repository.Options{Relations: []string{"Author"}}).With(repository.Options{Relations: []string{"Labels"}}).
			Get(ctx, ids[1])
		check(t, err)
		if n := seen.take("SELECT"); plain.Author != nil || plain.Labels != nil || both.Author == nil || len(both.Labels) != 2 ||
			n != 2 {
			t.Errorf("plain %+v, both %+v, %d queries", plain, both, n)
		}
		for _, name := range []string{"*", "", "author", "Author.", "Author.Nothing", "Title"} {
			_, err := books.With(repository.Options{Relations: []string{name}}).Get(ctx, ids[1])
			wantError(t, err, dossier.ErrInvalid)
		}
	})
}

// A row is saved without its relations. Elsewhere an update through a struct whose list was never loaded emptied it.
func TestUpdateLeavesRelatedRowsAlone(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ids := newLibrary(t, m)
		ctx, books := t.Context(), repository.For[volume](m)
		all := books.With(repository.Options{Relations: []string{"Author", "Labels"}})
		book, err := all.Get(ctx, ids[1])
		check(t, err)
		book.Title, book.Author.Name, book.Labels = "changed", "nobody", nil
		check(t, all.Update(ctx, book))
		bare, err := books.Get(ctx, ids[1])
		check(t, err)
		bare.Title = "changed again"
		check(t, books.UpdateMany(ctx, []*volume{bare}))
		got, err := all.Get(ctx, ids[1])
		check(t, err)
		if got.Title != "changed again" || got.Author.Name != "Ann" || len(got.Labels) != 2 ||
			content(ctx, t, got.Cover) != "cover one" {
			t.Errorf("got %+v by %+v", got, got.Author)
		}
	})
}

// More keys than one statement takes are several, and none is forgotten between them.
func TestDeleteManyOfMoreThanOneStatement(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, places := t.Context(), repository.For[place](m)
		var all []*place
		var ids []any
		for i := range 1003 {
			all = append(all, &place{Street: "Elm", Number: i})
			ids = append(ids, []any{"Elm", i}, []any{"Oak", i})
		}
		check(t, places.CreateMany(ctx, append(all, &place{Street: "Ash", Number: 1})))
		n, err := places.DeleteMany(ctx, ids...)
		if err != nil || n != 1003 || count(t, places) != 1 {
			t.Errorf("deleted %d, left %d, %v", n, count(t, places), err)
		}
		_, err = places.DeleteMany(ctx, []any{"Ash", 1}, []any{"Ash", nil})
		wantError(t, err, dossier.ErrInvalid)
		_, err = places.Get(ctx, "Ash", nil)
		wantError(t, err, dossier.ErrInvalid)
		if n := count(t, places); n != 1 {
			t.Errorf("%d left: a key without a value deleted what stood before it", n)
		}
	}, (*place)(nil))
}

// NULL equals nothing, so no row can be found by it: every call would make another one.
func TestNULLMatchesNoRow(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, accounts := t.Context(), repository.For[account](m)
		badge := []string{"badge"}
		_, _, err := accounts.GetOrCreate(ctx, &account{Email: "a"}, repository.MatchOptions{Match: badge})
		wantError(t, err, dossier.ErrInvalid)
		_, err = accounts.Upsert(ctx, &account{Email: "a"}, repository.UpsertOptions{Match: badge})
		wantError(t, err, dossier.ErrInvalid)
		if n := count(t, accounts); n != 0 {
			t.Errorf("%d rows", n)
		}
	}, upsertModels()...)
}

// parcel has a column that the database fills, and a name for URLs.
type parcel struct {
	bun.BaseModel `bun:"table:parcels"`
	model.UUID
	model.SlugKey `slug:"title"`
	Title         string              `bun:"title,notnull,type:varchar(10)"`
	State         string              `bun:"state,notnull,nullzero,default:'new',type:varchar(10)"`
	Weight        int16               `bun:"weight,notnull,type:smallint"`
	Labels        map[string][]string `bun:"labels,nullzero"`
}

// What the database itself put into the row is in the struct after the insert, as what the session put there is.
func TestDefaultsOfTheDatabaseComeBack(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, parcels := t.Context(), repository.For[parcel](m)
		p := &parcel{Title: "a b"}
		check(t, parcels.Create(ctx, p))
		got, found, err := parcels.GetOneOrNone(ctx, repository.Equal("slug", "a-b"))
		if err != nil || !found || got.ID != p.ID || got.State != "new" {
			t.Errorf("the row is %+v, %v", got, err)
		}
		if p.State != got.State {
			t.Errorf("the struct has %q, the row %q", p.State, got.State)
		}
		if _, found, err := parcels.GetOneOrNone(ctx, repository.Equal("slug", "a-b-c")); found || err != nil {
			t.Errorf("a name that nobody has: %v, %v", found, err)
		}
	}, (*parcel)(nil))
}

// A map in a column is JSON, and what was written is what is read, also where the driver gives it as text.
func TestJSONColumnsComeBack(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, parcels := t.Context(), repository.For[parcel](m)
		labels := map[string][]string{"to": {"Ä", `"'\`, "a?b"}, "": nil}
		p, none := &parcel{Title: "a", Labels: labels}, &parcel{Title: "b"}
		check(t, parcels.CreateMany(ctx, []*parcel{p, none}))
		got, err := parcels.Get(ctx, p.ID)
		check(t, err)
		if fmt.Sprint(got.Labels) != fmt.Sprint(labels) {
			t.Errorf("%q, want %q", got.Labels, labels)
		}
		without, err := parcels.List(ctx, repository.ListOptions{Where: []repository.Filter{repository.Null("labels")}})
		if err != nil || len(without) != 1 || without[0].ID != none.ID || without[0].Labels != nil {
			t.Errorf("without labels: %+v, %v", without, err)
		}
	}, (*parcel)(nil))
}

// A value that does not fit is the client's mistake, not the server's; and a mistake of the program is no conflict.
func TestOtherErrorsOfStatements(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, parcels := t.Context(), repository.For[parcel](m)
		check(t, parcels.Create(ctx, &parcel{Title: "a"}))
		long := parcels.Create(ctx, &parcel{Title: "longer than ten"})
		_, big := parcels.UpdateWhere(ctx, map[string]any{"weight": bun.Safe("1048576")}, repository.All())
		if m.DB().Dialect().Name().String() != "sqlite" {
			for column, err := range map[string]error{"title": long, "weight": big} {
				var found *repository.DatabaseError
				if !errors.Is(err, repository.ErrCheck) || !errors.As(err, &found) || found.Constraint != "" {
					t.Errorf("%s: %v", column, err)
				} else if m.DB().Dialect().Name().String() == "mysql" && !slices.Equal(found.Columns, []string{column}) {
					t.Errorf("%s: columns %q", column, found.Columns)
				}
			}
		}
		check(t, errors.Join(parcels.Create(ctx, &parcel{Title: "b"})))
		_, err := m.DB().ExecContext(ctx, "DROP TABLE parcels")
		check(t, err)
		_, err = parcels.List(ctx, repository.ListOptions{})
		if err == nil || repository.StatusOf(err) != 500 {
			t.Errorf("no such table: %v", err)
		}
		for _, kind := range []error{repository.ErrDuplicate, repository.ErrCheck, dossier.ErrNotFound, dossier.ErrUnavailable} {
			if errors.Is(err, kind) {
				t.Errorf("no such table: %v is %v", err, kind)
			}
		}
	}, (*parcel)(nil))
}

// Who needs what this package does not tell asks the driver's own error, which is never replaced.
func TestTheDriversErrorIsInTheChain(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		places := repository.For[place](m)
		err := places.CreateMany(t.Context(), []*place{{Street: "Elm", Number: 1}, {Street: "Elm", Number: 1}})
		wantError(t, err, repository.ErrDuplicate)
		var pg *pgconn.PgError
		var my *mysql.MySQLError
		var lite *sqlite.Error
		if !errors.As(err, &pg) && !errors.As(err, &my) && !errors.As(err, &lite) {
			t.Errorf("%v", err)
		}
	}, (*place)(nil))
}

// Every code that the databases document for these kinds is known, also those that are hard to bring about.
func TestCodesOfDatabases(t *testing.T) {
	t.Parallel()
	for kind, codes := range map[error][]string{
		repository.ErrDuplicate: {"23505", "23P01"}, repository.ErrForeignKey: {"23503", "23001"}, repository.ErrNotNull: {"23502"},
		repository.ErrCheck: {"23514", "22001", "22003", "22007", "22008", "22021", "22P02", "22P05"}, repository.ErrSerialization: {"40001", "40P01", "55P03"},
		dossier.ErrUnavailable: {"08000", "08006", "53300", "57P01", "57P02", "57P03"},
	} {
		for _, code := range codes {
			wantError(t, repository.Recognise(&pgconn.PgError{Code: code}), kind)
		}
	}
	for kind, numbers := range map[error][]uint16{
		repository.ErrDuplicate: {1062, 1586}, repository.ErrForeignKey: {1451, 1452, 1216, 1217}, repository.ErrNotNull: {1048, 1364},
		repository.ErrCheck: {3819, 4025, 1264, 1265, 1292, 1366, 1406}, repository.ErrSerialization: {1213, 1205, 3572, 1020},
		dossier.ErrUnavailable: {1040, 1053, 1927, 2006, 2013},
	} {
		for _, number := range numbers {
			wantError(t, repository.Recognise(&mysql.MySQLError{Number: number, Message: "as it is"}), kind)
		}
	}
	for kind, codes := range map[error][]liteError{
		repository.ErrDuplicate: {1555, 2067}, repository.ErrForeignKey: {787}, repository.ErrNotNull: {1299},
		repository.ErrCheck:         {275},
		repository.ErrSerialization: {5, 6, 261, 262, 517}, dossier.ErrUnavailable: {10, 14, 522},
	} {
		for _, code := range codes {
			wantError(t, repository.Recognise(code), kind)
		}
	}
}

// liteError is an error of SQLite with an extended code.
type liteError int

func (e liteError) Error() string { return fmt.Sprintf("as it is (%d)", int(e)) }
func (e liteError) Code() int     { return int(e) }

// What is no row of a model is a query of bun, in the session, with the same errors.
func TestQueriesOfAnyShape(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		check(t, repository.For[item](m).CreateMany(t.Context(), []*item{
			{Tenant: 1, Code: "a", Count: 1}, {Tenant: 1, Code: "b", Count: 2}, {Tenant: 2, Code: "c", Count: 4},
		}))
		run(t, m, func(ctx context.Context, s *session.Session) error {
			check(t, repository.New[item](s).Create(ctx, &item{Tenant: 2, Code: "d", Count: 8})) // is seen, though not committed
			var sums []struct{ Tenant, Total int }
			query := m.DB().NewSelect().Model((*item)(nil)).ColumnExpr("tenant, sum(count) AS total").Group("tenant").Order("tenant")
			check(t, s.Select(ctx, query, &sums))
			if fmt.Sprint(sums) != "[{1 3} {2 12}]" {
				t.Errorf("%v", sums)
			}
			return nil
		})
	}, scopeModels()...)
}

// A service works in the unit of work that it is given, as its repository does.
func TestServiceInTheCallersSession(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		changedMind := errors.New("changed my mind")
		var asked []string
		err := m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
			members := repository.NewService(repository.New[member](s), memberRules(&asked))
			ann := &member{Email: "Ann@a", Name: "Ann"}
			check(t, members.Create(ctx, ann))
			got, err := members.Rows().Get(ctx, ann.ID)
			check(t, err)
			if got.Email != "ann@a" {
				t.Errorf("inside: %+v", got)
			}
			return changedMind
		})
		wantError(t, err, changedMind)
		if n := count(t, repository.For[member](m)); n != 0 {
			t.Errorf("%d rows after the rollback", n)
		}
	}, (*member)(nil))
}
