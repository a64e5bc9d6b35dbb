package lifecycle_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/mysqldialect"
)

// onServers is onEveryDatabase for what only databases with a server do.
func onServers(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	for _, name := range databases[1:] {
		t.Run(name, test)
	}
}

// At these levels PostgreSQL's transaction would not see the intent that it must adopt: the upload is refused before a byte
// is sent. MariaDB reads what is there when it changes something.
func TestUploadInsideASnapshot(t *testing.T) { onEveryDatabase(t, testUploadInsideASnapshot) }

func testUploadInsideASnapshot(t *testing.T) {
	t.Helper()
	t.Parallel()
	for _, level := range []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable} {
		w, backend := faultyWorld(t, &faultkit.Points{}, session.Options{})
		staged := &document{Title: "staged", File: file("staged")}
		source := &failingReader{after: 1 << 20}
		err := w.m.RunWith(t.Context(), session.RunOptions{Isolation: level}, func(ctx context.Context, s *session.Session) error {
			must(t, s.Stage(ctx, staged))
			must(t, s.Insert(ctx, staged))
			if databaseOf(t) == "postgresql" && level != sql.LevelReadCommitted {
				late := &document{Title: "late", File: fileobject.FromReader("a.txt", source, fileobject.Options{})}
				wantError(t, s.Insert(ctx, late), dossier.ErrUploadInTransaction)
				wantError(t, s.StageFile(ctx, late, "file", late.File), dossier.ErrUploadInTransaction)
				return nil
			}
			return s.Insert(ctx, &document{Title: "late", File: file("late")})
		})
		must(t, err)
		want := 2
		if databaseOf(t) == "postgresql" && level != sql.LevelReadCommitted {
			want = 1
		}
		if n := backend.Usage("put").Calls; n != want || source.after != 1<<20 {
			t.Errorf("%v: %d uploads, %d bytes were read", level, n, 1<<20-source.after)
		}
		w.check(t, []string{"staged", "late"}[:want]...)
	}
}

// A level that the database does not have is refused before anything is done.
func TestUnknownIsolationIsRefused(t *testing.T) { onEveryDatabase(t, testUnknownIsolationIsRefused) }

func testUnknownIsolationIsRefused(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	err := w.m.RunWith(t.Context(), session.RunOptions{Isolation: sql.LevelLinearizable}, func(context.Context, *session.Session) error {
		t.Error("it was called")
		return nil
	})
	wantError(t, err, errors.ErrUnsupported)
	_, err = session.New(w.m.DB(), session.Options{Registry: w.m.Registry(), Isolation: sql.LevelLinearizable})
	wantError(t, err, errors.ErrUnsupported)
}

// What a caller does not read to its end can hide an error that ended the transaction: COMMIT alone would report success.
func TestErrorInRowsThatNobodyReads(t *testing.T) {
	onEveryDatabase(t, testErrorInRowsThatNobodyReads)
}

func testErrorInRowsThatNobodyReads(t *testing.T) {
	t.Helper()
	t.Parallel()
	if databaseOf(t) != "postgresql" {
		return // elsewhere such an error ends no transaction; a deadlock does, see below
	}
	const query = "SELECT 1 / (3 - n) FROM generate_series(1, 3) n"
	for name, read := range map[string]func(ctx context.Context, s *session.Session){
		"row": func(ctx context.Context, s *session.Session) {
			var n int
			_ = s.IDB().QueryRowContext(ctx, query).Scan(&n)
		},
		"rows": func(ctx context.Context, s *session.Session) {
			if rows, err := s.IDB().QueryContext(ctx, query); err == nil {
				rows.Next()
				_ = rows.Close()
			}
		},
		"bun": func(ctx context.Context, s *session.Session) {
			var n int
			_ = s.IDB().NewRaw(query).Scan(ctx, &n)
		},
		"stream": func(ctx context.Context, s *session.Session) {
			for range session.Stream[document](ctx, s, s.IDB().NewSelect().Model((*document)(nil)).ColumnExpr("title").Where("1 / (length(title) - 3) < 9")) {
				break
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			for _, title := range []string{"a", "bb", "ccc"} {
				w.insert(t, title, title)
			}
			err := w.try(func(ctx context.Context, s *session.Session) error {
				must(t, s.Insert(ctx, &document{Title: "new", File: file("new")}))
				read(ctx, s)
				return nil
			})
			if err == nil || errors.Is(err, dossier.ErrOutcomeUnknown) {
				t.Errorf("Run returned %v", err)
			}
			if titles := w.titles(t); titles != "a bb ccc" {
				t.Errorf("rows %q", titles)
			}
			w.check(t, "a", "bb", "ccc")
		})
	}
}

// The leases of what is staged go on being renewed while a transaction is open, and those that an undone savepoint gave
// back are renewed again: a long transaction loses nothing.
func TestLeasesAreKeptBesideTheTransaction(t *testing.T) {
	onServers(t, testLeasesAreKeptBesideTheTransaction)
}

func testLeasesAreKeptBesideTheTransaction(t *testing.T) {
	t.Helper()
	t.Parallel()
	const lease = 400 * time.Millisecond
	w := newWorld(t, setup{options: session.Options{Lease: lease}})
	staged, undone := &document{Title: "staged", File: file("staged")}, &document{Title: "undone", File: file("undone")}
	w.run(t, func(ctx context.Context, s *session.Session) error {
		must(t, s.Insert(ctx, &document{Title: "first", File: file("first")}))
		must(t, s.Stage(ctx, staged))
		wantError(t, s.Nested(ctx, func(ctx context.Context) error {
			must(t, s.Insert(ctx, undone))
			return errNo
		}), errNo)
		begin, err := w.m.Journal().Clock(ctx)
		must(t, err)
		for now := begin; now < begin+3*lease.Milliseconds(); { // the sweep would take what is not renewed
			w.sweepNow(t)
			now, err = w.m.Journal().Clock(ctx)
			must(t, err)
		}
		return errors.Join(s.Insert(ctx, staged), s.Insert(ctx, undone))
	})
	w.check(t, "first", "staged", "undone")
}

// While one session's transaction has a row, another one that replaces its file waits, and both orders are made.
func TestReplaceWaitsForTheRow(t *testing.T) { onServers(t, testReplaceWaitsForTheRow) }

func testReplaceWaitsForTheRow(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{options: session.Options{DeleteAfter: session.AtOnce}})
	d := w.insert(t, "a", "one")
	done := make(chan error, 1)
	w.run(t, func(ctx context.Context, s *session.Session) error {
		must(t, s.Update(ctx, &document{UUID: d.UUID, File: file("two")}, "file"))
		go func() {
			done <- w.try(func(ctx context.Context, s *session.Session) error {
				return s.Update(ctx, &document{UUID: d.UUID, File: file("three")}, "file")
			})
		}()
		w.waitForLock(t)
		return nil
	})
	must(t, <-done)
	w.check(t, "three")
}

// What MySQL and MariaDB commit the transaction with is refused, and the unit of work goes on; temporary tables are not.
func TestImplicitCommitIsRefused(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, setup{})
		err := w.try(func(ctx context.Context, s *session.Session) error {
			must(t, s.Insert(ctx, &document{Title: "a", File: file("one")}))
			for _, query := range []string{
				"CREATE TABLE x (a INT)", "DROP TABLE documents", "ALTER TABLE documents ADD x INT", "TRUNCATE TABLE documents",
				"RENAME TABLE documents TO x", "LOCK TABLES documents WRITE", "SET autocommit = 1", "CALL x()", "ANALYZE TABLE documents",
				"/*! COMMIT */", "/*M!100100 COMMIT */", "# a comment\nCOMMIT", "-- \nCOMMIT", "XA END 'x'", "GRANT ALL ON *.* TO x",
			} {
				_, err := s.IDB().ExecContext(ctx, query)
				wantError(t, err, dossier.ErrInvalid)
			}
			_, err := s.IDB().NewCreateIndex().Model((*document)(nil)).Index("x").Column("title").Exec(ctx)
			wantError(t, err, dossier.ErrInvalid)
			_, err = s.IDB().ExecContext(ctx, "CREATE TEMPORARY TABLE x (a INT)")
			must(t, err)
			return errNo
		})
		wantError(t, err, errNo)
		if titles := w.titles(t); titles != "" {
			t.Errorf("rows %q", titles)
		}
		w.check(t)
	})
}

// Connections that count, read or take other things than the session means are refused by New, with what to do.
func TestNewRefusesConnectionsThatCannotWork(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, setup{})
		_, dsn := w.makeDatabase(t)
		for change, says := range map[string]string{
			"clientFoundRows=true>clientFoundRows=false":                       "clientFoundRows=true",
			"parseTime=true>parseTime=true&loc=Asia%2FTokyo":                   "loc=UTC",
			"parseTime=true>multiStatements=true":                              "multiStatements",
			"parseTime=true>sql_mode='ANSI'":                                   "strict",
			"parseTime=true>sql_mode='STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES'": "NO_BACKSLASH_ESCAPES",
			"parseTime=true>autocommit=0":                                      "autocommit",
			">":                                                                "",
		} {
			from, to, _ := strings.Cut(change, ">")
			pool, err := sql.Open("mysql", strings.Replace(dsn, from, to, 1))
			must(t, err)
			_, err = session.New(bun.NewDB(pool, mysqldialect.New()), session.Options{Registry: w.m.Registry()})
			must(t, pool.Close())
			if says == "" {
				must(t, err)
			} else if !errors.Is(err, dossier.ErrInvalid) || !strings.Contains(fmt.Sprint(err), says) {
				t.Errorf("%s: %v", change, err)
			}
		}
	})
}

// A time of another zone is the same time when it is read back, to the microsecond.
func TestTimesComeBack(t *testing.T) { onEveryDatabase(t, testTimesComeBack) }

func testTimesComeBack(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	at := time.Date(2026, 3, 29, 2, 30, 0, 123456000, time.FixedZone("far", 5*3600))
	d := &document{Title: "a"}
	d.CreatedAt = at
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
	if back := w.load(t, d.UUID).CreatedAt; !back.Equal(at) {
		t.Errorf("%v came back as %v", at, back)
	}
}

// What is written of a file comes back, whatever the database makes of the JSON: names and metadata of any text, numbers
// digit by digit, and keys of other libraries.
func TestRecordsComeBack(t *testing.T) { onEveryDatabase(t, testRecordsComeBack) }

func testRecordsComeBack(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	d := &document{Title: "a", File: fileobject.FromBytes(`a "b" \ 'c' ü 😀?.txt`, []byte("one"), fileobject.Options{
		Metadata: map[string]any{"text": `\n " ' ? ü 😀`, "list": []any{true, nil}},
	})}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
	w.exec(t, strings.NewReplacer("JSON", map[string]string{
		"sqlite":     `json_set(file, '$.later', json('{"n": 12345678901234567890}'))`,
		"postgresql": `jsonb_set(file, '{later}', '{"n": 12345678901234567890}')`,
		"mariadb":    `JSON_SET(file, '$.later', JSON_EXTRACT('{"n": 12345678901234567890}', '$'))`,
	}[w.on]).Replace("UPDATE documents SET file = JSON"))
	w.run(t, func(ctx context.Context, s *session.Session) error {
		back := &document{}
		must(t, s.Get(ctx, back, d.ID))
		if back.File.Filename != d.File.Filename || fmt.Sprint(back.File.Metadata) != fmt.Sprint(d.File.Metadata) {
			t.Errorf("%q %v came back as %q %v", d.File.Filename, d.File.Metadata, back.File.Filename, back.File.Metadata)
		}
		return s.Update(ctx, back)
	})
	var text string
	must(t, w.raw.QueryRow("SELECT file FROM documents").Scan(&text))
	if !strings.Contains(text, "12345678901234567890") {
		t.Errorf("the unknown key is lost: %s", text)
	}
	w.check(t, "one")
}

// numbered has a key that the database makes.
type numbered struct {
	bun.BaseModel `bun:"table:numbered"`
	ID            int64                  `bun:"id,pk,autoincrement"`
	Title         string                 `bun:"title"`
	File          *fileobject.FileObject `bun:"file" file:"uploads"`
}

// Each model gets the key of its own row, however the database tells keys, also where they are not one after the other.
func TestKeysOfTheDatabase(t *testing.T) { onEveryDatabase(t, testKeysOfTheDatabase) }

func testKeysOfTheDatabase(t *testing.T) {
	t.Helper()
	t.Parallel()
	for _, name := range []string{"RETURNING", "last key"} {
		w := newWorld(t, setup{models: []any{(*numbered)(nil)}})
		if name == "last key" {
			if w.on != "mariadb" {
				continue
			}
			_, dsn := w.makeDatabase(t)
			pool, err := sql.Open("mysql", dsn+"&auto_increment_increment=7")
			must(t, err)
			t.Cleanup(func() { must(t, pool.Close()) })
			db := bun.NewDB(pool, withoutReturning{mysqldialect.New()})
			w.m, err = session.New(db, session.Options{Registry: w.m.Registry()})
			must(t, err)
			must(t, w.m.Register((*numbered)(nil)))
			must(t, w.m.CreateSchema(t.Context()))
			w.raw = pool
		}
		var rows []*numbered
		for i := range 20 {
			rows = append(rows, &numbered{Title: fmt.Sprint("row ", i), File: file(fmt.Sprint(i))})
		}
		w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, &rows) })
		for _, row := range rows {
			var title string
			must(t, w.raw.QueryRow(w.rebind("SELECT title FROM numbered WHERE id = ?"), row.ID).Scan(&title))
			if title != row.Title {
				t.Errorf("%s: key %d of %q is that of %q", name, row.ID, row.Title, title)
			}
		}
	}
}

// withoutReturning is what bun takes MySQL 8 for.
type withoutReturning struct{ *mysqldialect.Dialect }

// Init does not look for MariaDB.
func (withoutReturning) Init(*sql.DB) {}

// With a journal pool of its own, one connection is enough for each.
func TestOneConnectionAndAJournalOfItsOwn(t *testing.T) {
	onServers(t, testOneConnectionAndAJournalOfItsOwn)
}

func testOneConnectionAndAJournalOfItsOwn(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	w.m.DB().SetMaxOpenConns(1)
	_, err := session.New(w.m.DB(), session.Options{Registry: w.m.Registry()})
	wantError(t, err, dossier.ErrInvalid)
	wantError(t, w.try(func(ctx context.Context, s *session.Session) error {
		return s.Insert(ctx, &document{Title: "a"})
	}), dossier.ErrInvalid) // the pool was made smaller than what the manager can live with
	w.raw.SetMaxOpenConns(1)
	m, err := session.New(w.m.DB(), session.Options{Registry: w.m.Registry(), Journal: bun.NewDB(w.raw, w.m.DB().Dialect())})
	must(t, err)
	done := make(chan error)
	for i := range 4 {
		go func() {
			done <- m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
				must(t, s.Insert(ctx, &document{Title: fmt.Sprint("first ", i), File: file(fmt.Sprint("first ", i))}))
				return s.Insert(ctx, &document{Title: fmt.Sprint("second ", i), File: file(fmt.Sprint("second ", i))})
			})
		}()
	}
	for range 4 {
		must(t, <-done)
	}
	if n := w.number(t, "SELECT count(*) FROM documents"); n != 8 {
		t.Errorf("%d rows", n)
	}
}

type author struct {
	bun.BaseModel `bun:"table:authors"`
	ID            int64 `bun:"id,pk,autoincrement"`
}

type book struct {
	bun.BaseModel `bun:"table:books"`
	ID            int64   `bun:"id,pk,autoincrement"`
	AuthorID      int64   `bun:"author_id,nullzero"`
	Author        *author `bun:"rel:belongs-to,join:author_id=id"`
}

type chapter struct {
	bun.BaseModel `bun:"table:chapters"`
	ID            int64 `bun:"id,pk,autoincrement"`
	BookID        int64 `bun:"book_id"`
	Book          *book `bun:"rel:belongs-to,join:book_id=id"`
}

// Tables that refer to each other are created in whatever order they need.
func TestCreateSchemaWithForeignKeys(t *testing.T) {
	onEveryDatabase(t, testCreateSchemaWithForeignKeys)
}

func testCreateSchemaWithForeignKeys(t *testing.T) {
	t.Helper()
	t.Parallel()
	for range 4 { // the order is not the same each time
		w := newWorld(t, setup{models: []any{(*chapter)(nil), (*book)(nil), (*author)(nil)}})
		err := w.try(func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, &chapter{BookID: 5}) })
		if err == nil {
			t.Error("the foreign key is not there")
		}
	}
}
