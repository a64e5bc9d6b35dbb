package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// article has every column that the session fills, and files.
type article struct {
	bun.BaseModel `bun:"table:articles"`
	model.NanoID
	model.Audit
	model.AuditBy[string]
	model.SlugKey `slug:"title"`
	model.Versioned
	model.SoftDelete
	Title string          `bun:"title,notnull"`
	Pages fileobject.List `bun:"pages" file:"uploads,many:60"`
}

// coupon is counted by the database, and its users have UUIDs.
type coupon struct {
	bun.BaseModel `bun:"table:coupons"`
	model.Int64
	model.AuditBy[uuid.UUID]
	Author model.AuditBy[uuid.UUID] `bun:"embed:author_"` // describes another row: nobody fills it
	Title  string                   `bun:"title"`
}

// letter has a random key.
type letter struct {
	bun.BaseModel `bun:"table:letters"`
	model.UUIDv4
	Title string `bun:"title"`
}

// everyDatabase runs a test on a database in a file and on both servers.
func everyDatabase(t *testing.T, test func(t *testing.T, w *world), models ...any) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, newWorld(t, session.Options{}, models...))
	})
	for _, name := range []string{"postgresql", "mariadb"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newServerWorld(t, name, session.Options{}, models...))
		})
	}
}

func load[T any](w *world, id any) *T {
	w.t.Helper()
	var row T
	w.run(func(ctx context.Context, s *session.Session) error { return s.Get(ctx, &row, id) })
	return &row
}

// What is zero is filled on insert, and what comes back is what the struct has: a caller compares the two.
func TestInsertFillsWhatIsZero(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		a, before := &article{Title: "Plan"}, model.Now()
		must(t, w.Run(model.WithActor(w.ctx, "ann"), func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, a) }))
		if len(a.ID) != 21 || a.Slug != "plan" || a.Version != 1 || a.CreatedBy != "ann" || a.UpdatedBy != "ann" {
			t.Errorf("%+v", a)
		}
		if a.CreatedAt.Before(before) || !a.CreatedAt.Equal(a.UpdatedAt) || !a.DeletedAt.IsZero() {
			t.Errorf("times %v and %v, not deleted %v", a.Audit, before, a.DeletedAt)
		}
		got := load[article](w, a.ID)
		if !got.CreatedAt.Equal(a.CreatedAt) || !got.UpdatedAt.Equal(a.UpdatedAt) || got.NanoID != a.NanoID ||
			got.AuditBy != a.AuditBy ||
			got.SlugKey != a.SlugKey || got.Versioned != a.Versioned {
			t.Errorf("row %+v, struct %+v", got, a)
		}
		l := &letter{}
		w.insert(l)
		if l.ID.Version() != 4 {
			t.Errorf("key %v of version %d", l.ID, l.ID.Version())
		}
	}, (*article)(nil), (*letter)(nil))
}

// An imported row keeps its own key, times, number and name: otherwise nothing could be restored from a dump.
func TestInsertKeepsWhatIsSet(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		old := time.Date(2001, 2, 3, 4, 5, 6, 7000, time.UTC)
		a := &article{
			NanoID: model.NanoID{ID: "mine"}, Audit: model.Audit{CreatedAt: old, UpdatedAt: old.Add(time.Hour)},
			AuditBy: model.AuditBy[string]{CreatedBy: "bob"}, SlugKey: model.SlugKey{Slug: "Own Näme"},
			Versioned: model.Versioned{Version: 7}, Title: "Plan",
		}
		w.insert(a)
		got := load[article](w, "mine")
		if !got.CreatedAt.Equal(old) || !got.UpdatedAt.Equal(old.Add(time.Hour)) || got.CreatedBy != "bob" || got.UpdatedBy != "" ||
			got.Slug != "Own Näme" || got.Version != 7 {
			t.Errorf("%+v", got)
		}
	}, (*article)(nil))
}

// The database counts Int64 keys, many rows at once too; a rolled back one leaves the struct, or another row might have it.
func TestInt64KeysAreCounted(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		lost, ann := &coupon{}, uuid.New()
		failed := errors.New("no")
		err := w.try(func(ctx context.Context, s *session.Session) error { return errors.Join(s.Insert(ctx, lost), failed) })
		if !errors.Is(err, failed) || lost.ID != 0 {
			t.Errorf("key %d after a rollback, %v", lost.ID, err)
		}
		rows := []*coupon{{Title: "a"}, {Title: "b"}, {Title: "c"}}
		must(t, w.Run(model.WithActor(w.ctx, ann), func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, &rows) }))
		for _, row := range rows {
			got := load[coupon](w, row.ID)
			if row.ID == 0 || got.Title != row.Title || got.CreatedBy != ann {
				t.Errorf("%+v, want %+v", got, row)
			}
			if got.Author.CreatedBy != uuid.Nil {
				t.Error("the prefixed columns of another row were filled")
			}
		}
	}, (*coupon)(nil))
}

// Keys that differ in case are different keys. A collation that equates them would give one row's data for another's key.
func TestNanoIDsAndSlugsAreCaseSensitive(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		w.insert(&article{NanoID: model.NanoID{ID: "aBc"}, SlugKey: model.SlugKey{Slug: "plan"}},
			&article{NanoID: model.NanoID{ID: "AbC"}, SlugKey: model.SlugKey{Slug: "Plan"}})
		if got := load[article](w, "AbC"); got.ID != "AbC" || got.Slug != "Plan" {
			t.Errorf("%s %s", got.ID, got.Slug)
		}
		err := w.try(func(ctx context.Context, s *session.Session) error { return s.Get(ctx, &article{}, "ABC") })
		wantError(t, err, dossier.ErrNotFound)
	}, (*article)(nil))
}

// update changes an article in a session that loaded it, and returns what the row has then.
func (w *world) update(ctx context.Context, id string, change func(a *article), columns ...string) *article {
	w.t.Helper()
	must(w.t, w.Run(ctx, func(ctx context.Context, s *session.Session) error {
		var a article
		if err := s.Get(ctx, &a, id); err != nil {
			return err
		}
		change(&a)
		return s.Update(ctx, &a, columns...)
	}))
	return load[article](w, id)
}

// oldArticle is a row that was changed long ago by bob.
func oldArticle(w *world) *article {
	w.t.Helper()
	old := model.Now().Add(-time.Hour)
	a := &article{Title: "Plan", Audit: model.Audit{CreatedAt: old, UpdatedAt: old},
		AuditBy: model.AuditBy[string]{CreatedBy: "bob", UpdatedBy: "bob"}}
	w.insert(a)
	return a
}

// A change says when and by whom; what was there when the row was created stays.
func TestUpdateStampsWhatChanged(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		ann := model.WithActor(w.ctx, "ann")
		for name, columns := range map[string][]string{"all columns": nil, "a named column": {"title"}} {
			a := oldArticle(w)
			got := w.update(ann, a.ID, func(a *article) {
				a.Title, a.CreatedBy, a.Slug = name, "nobody", ""
			}, columns...)
			if !got.UpdatedAt.After(a.UpdatedAt) || got.UpdatedBy != "ann" || got.Version != 2 || got.Title != name {
				t.Errorf("%s: not stamped: %+v", name, got)
			}
			if !got.CreatedAt.Equal(a.CreatedAt) || got.CreatedBy != "bob" || got.Slug != a.Slug {
				t.Errorf("%s: changed what must stay: %+v", name, got)
			}
			without := w.update(w.ctx, a.ID, func(a *article) { a.Title += "!" }, columns...)
			if without.UpdatedBy != "ann" || without.Version != 3 {
				t.Errorf("%s: without an actor: %+v", name, without)
			}
		}
	}, (*article)(nil))
}

// A row that is saved as it was loaded was not changed: its time is what caches and synchronisation go by. Nor does it
// overwrite what others changed since.
func TestUpdateWithoutChangeWritesNothing(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		p := &paper{Title: "Plan", Audit: model.Audit{UpdatedAt: model.Now().Add(-time.Hour)}}
		a := oldArticle(w)
		w.insert(p)
		w.run(func(ctx context.Context, s *session.Session) error {
			var same paper
			must(t, s.Get(ctx, &same, p.ID))
			w.exec("UPDATE papers SET title = 'theirs'")
			return s.Update(ctx, &same)
		})
		if got := load[paper](w, p.ID); !got.UpdatedAt.Equal(p.UpdatedAt) || got.Title != "theirs" {
			t.Errorf("%v %s, want %v and theirs", got.UpdatedAt, got.Title, p.UpdatedAt)
		}
		got := w.update(model.WithActor(w.ctx, "ann"), a.ID, func(*article) {})
		if !got.UpdatedAt.Equal(a.UpdatedAt) || got.UpdatedBy != "bob" || got.Version != 1 {
			t.Errorf("%+v", got)
		}
	}, (*article)(nil), (*paper)(nil))
}

// A time that the caller sets is kept, named or not; one that is merely old is not the caller's.
func TestUpdateKeepsExplicitTimes(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		old := time.Date(2001, 2, 3, 4, 5, 6, 7000, time.UTC)
		a := oldArticle(w)
		set := func(a *article) { a.Title, a.UpdatedAt, a.UpdatedBy = a.Title+"!", old, "carl" }
		for _, columns := range [][]string{nil, {"title", "updated_at", "updated_by"}} {
			got := w.update(model.WithActor(w.ctx, "ann"), a.ID, set, columns...)
			if !got.UpdatedAt.Equal(old) || got.UpdatedBy != "carl" {
				t.Errorf("columns %v: %v by %s", columns, got.UpdatedAt, got.UpdatedBy)
			}
		}
		stale := load[article](w, a.ID)
		stale.Title = "stale"
		w.run(func(ctx context.Context, s *session.Session) error {
			var fresh article
			must(t, s.Get(ctx, &fresh, a.ID))
			stale.UpdatedAt = old.Add(-time.Hour)
			return s.Update(ctx, stale)
		})
		if got := load[article](w, a.ID); !got.UpdatedAt.After(old) {
			t.Errorf("the time of an old struct went into the row: %v", got.UpdatedAt)
		}
	}, (*article)(nil))
}

// An actor of another type is a mistake of the program: writing NULL in its place would hide who it was.
func TestActorOfAnotherTypeIsRefused(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{}, (*coupon)(nil))
	err := w.Run(model.WithActor(w.ctx, 7), func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, &coupon{}) })
	wantError(t, err, dossier.ErrInvalid)
	if !strings.Contains(err.Error(), "created_by") || !strings.Contains(err.Error(), "uuid.UUID") {
		t.Errorf("the error does not say which column wants what: %v", err)
	}
	type userID uuid.UUID
	ann := uuid.New()
	row := &coupon{}
	must(t,
		w.Run(model.WithActor(w.ctx, userID(ann)), func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, row) }))
	if row.CreatedBy != ann {
		t.Errorf("created by %v, want %v", row.CreatedBy, ann)
	}
}

// Bulk statements stamp and count like any other change.
func TestUpdateWhereStampsAndCounts(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		a := oldArticle(w)
		must(t, w.Run(model.WithActor(w.ctx, "ann"), func(ctx context.Context, s *session.Session) error {
			_, err := s.UpdateWhere(ctx, a, map[string]any{"title": "B"}, "id = ?", a.ID)
			return err
		}))
		got := load[article](w, a.ID)
		if !got.UpdatedAt.After(a.UpdatedAt) || got.UpdatedBy != "ann" || got.Version != 2 || got.Title != "B" {
			t.Errorf("%+v", got)
		}
		err := w.try(func(ctx context.Context, s *session.Session) error {
			_, err := s.UpdateWhere(ctx, a, map[string]any{"version": 9}, "id = ?", a.ID)
			return err
		})
		wantError(t, err, dossier.ErrInvalid)
	}, (*article)(nil))
}

// A tag that nobody understands would leave a column empty in silence.
func TestFillTagsAreChecked(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{})
	type unknown struct {
		ID int64  `bun:"id,pk"`
		A  string `bun:"a" fill:"colour"`
	}
	type mistyped struct {
		ID int64  `bun:"id,pk"`
		A  string `bun:"a" fill:"version"`
	}
	type sourceless struct {
		ID            int64 `bun:"id,pk"`
		model.SlugKey `slug:"headline"`
	}
	for _, m := range []any{(*unknown)(nil), (*mistyped)(nil), (*sourceless)(nil)} {
		if err := w.Register(m); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%T: %v", m, err)
		}
	}
}

// renamed has the session fill columns of its own names.
type renamed struct {
	bun.BaseModel `bun:"table:renamed"`
	Code          string    `bun:"code,pk" fill:"nanoid"`
	Inserted      time.Time `bun:"inserted" fill:"created"`
	Name          string    `bun:"name"`
	Path          string    `bun:"path,unique" fill:"slug" slug:"name"`
}

// Tables that exist already have other column names; the tag fills those too.
func TestOwnColumnsAreFilled(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{}, (*renamed)(nil))
	r := &renamed{Name: "Ärger & Łódź"}
	w.insert(r)
	if len(r.Code) != 21 || r.Inserted.IsZero() || r.Path != "arger-and-lodz" {
		t.Errorf("%+v", r)
	}
}

// The columns are the ones of docs/models.md: a migration is written by it.
func TestSchemaOfFilledColumns(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"postgresql": "created_at timestamp with time zone NO, created_by character varying(255) YES, deleted_at timestamp with time zone YES, " +
			"id character varying(21) NO, slug character varying(100) NO, updated_at timestamp with time zone NO, " +
			"updated_by character varying(255) YES, version bigint NO",
		"mariadb": "created_at datetime(6) NO, created_by varchar(255) utf8mb4_bin YES, deleted_at datetime(6) YES, id varchar(21) utf8mb4_bin NO, " +
			"slug varchar(100) utf8mb4_bin NO, updated_at datetime(6) NO, updated_by varchar(255) utf8mb4_bin YES, version bigint(20) NO",
	}
	query := map[string]string{
		"postgresql": `SELECT column_name || ' ' || data_type || coalesce('(' || character_maximum_length || ')', '') || ' ' || is_nullable
			FROM information_schema.columns WHERE table_name = 'articles' AND table_schema = current_schema() AND column_name NOT IN ('title', 'pages') ORDER BY column_name`,
		"mariadb": `SELECT concat_ws(' ', column_name, column_type, collation_name, is_nullable)
			FROM information_schema.columns WHERE table_name = 'articles' AND table_schema = database() AND column_name NOT IN ('title', 'pages') ORDER BY column_name`,
	}
	for _, name := range []string{"postgresql", "mariadb"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newServerWorld(t, name, session.Options{}, (*article)(nil), (*coupon)(nil), (*letter)(nil))
			if got := strings.Join(w.texts(query[name]), ", "); got != want[name] {
				t.Errorf("got  %s\nwant %s", got, want[name])
			}
			identity := map[string]string{
				"postgresql": "SELECT identity_generation FROM information_schema.columns WHERE table_name = 'coupons' AND column_name = 'id' AND table_schema = current_schema()",
				"mariadb":    "SELECT extra FROM information_schema.columns WHERE table_name = 'coupons' AND column_name = 'id' AND table_schema = database()",
			}
			if got := fmt.Sprint(w.texts(identity[name])); got != map[string]string{"postgresql": "[BY DEFAULT]",
				"mariadb": "[auto_increment]"}[name] {
				t.Errorf("the key of coupons: %s", got)
			}
		})
	}
}
