package lifecycle_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/faultkit/inventory"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// document has every kind of file column.
type document struct {
	bun.BaseModel `bun:"table:documents"`
	model.UUID
	model.Audit
	Title string                 `bun:"title,notnull,unique"`
	File  *fileobject.FileObject `bun:"file" file:"uploads,max:1MiB"`
	Extra fileobject.FileObject  `bun:"extra" file:"uploads"`
	Pages fileobject.List        `bun:"pages" file:"uploads,many:60"`
}

// world is a manager over a database and a store, with the means to look behind both.
type world struct {
	m     *session.Manager
	on    string // which database
	dir   string
	files string
	raw   *sql.DB // a pool of its own: no code of ours
	store dossier.Backend
	judge *inventory.Inventory // of a cloud store; nil is a folder
}

// setup lets a test exchange parts of a world.
type setup struct {
	options session.Options
	open    func(driver, dsn string) (*sql.DB, error)
	wrap    func(dossier.Backend) dossier.Backend
	models  []any
	local   local.Config
	url     string // of a cloud store; "" is a folder
	// triggers are installed, which must make no difference to what sessions do.
	triggers bool
}

func newWorld(t testing.TB, with setup) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), on: databaseOf(t)}
	w.files = filepath.Join(w.dir, "files")
	if with.open == nil {
		with.open = sql.Open
	}
	db := w.openDatabase(t, with.open)
	w.openStore(t, with)
	backend := w.store
	if with.wrap != nil {
		backend = with.wrap(backend)
	}
	if with.options.Registry == nil {
		with.options.Registry = &dossier.Registry{}
	}
	must(t, with.options.Registry.Register("uploads", backend))
	var err error
	w.m, err = session.New(db, with.options)
	must(t, err)
	if with.models == nil {
		with.models = []any{(*document)(nil)}
	}
	must(t, w.m.Register(with.models...))
	must(t, w.m.CreateSchema(context.Background()))
	if with.triggers {
		must(t, w.m.InstallTriggers(context.Background()))
	}
	return w
}

func (w *world) openStore(t testing.TB, with setup) {
	t.Helper()
	if with.url != "" {
		w.openCloudStore(t, with.url)
		return
	}
	with.local.Durability = local.Fast
	store, err := local.New(w.files, with.local)
	must(t, err)
	w.store = store
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run is Manager.Run that must succeed.
func (w *world) run(t testing.TB, fn func(ctx context.Context, s *session.Session) error) {
	t.Helper()
	must(t, w.m.Run(context.Background(), fn))
}

// insert stores a document with a file of this content.
func (w *world) insert(t testing.TB, title, content string) *document {
	t.Helper()
	d := &document{Title: title, File: file(content)}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
	return d
}

func file(content string) *fileobject.FileObject {
	return fileobject.FromBytes("a.txt", []byte(content), fileobject.Options{})
}

// objects reads the folder of the store: contents in order, without the store's own files.
func (w *world) objects(t testing.TB) []string {
	t.Helper()
	var contents []string
	for _, key := range w.keys(t) {
		contents = append(contents, w.object(t, key))
	}
	slices.Sort(contents)
	return contents
}

func (w *world) object(t testing.TB, key string) string {
	t.Helper()
	if w.judge != nil {
		return w.cloudObject(t, key)
	}
	b, err := os.ReadFile(filepath.Join(w.files, key))
	must(t, err)
	return string(b)
}

func (w *world) keys(t testing.TB) []string {
	t.Helper()
	if w.judge != nil {
		return w.cloudKeys(t)
	}
	var keys []string
	must(t, filepath.WalkDir(w.files, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		key, err := filepath.Rel(w.files, path)
		if !strings.HasPrefix(key, ".dossier") {
			keys = append(keys, filepath.ToSlash(key))
		}
		return err
	}))
	return keys
}

// referenced reads the keys that rows hold, with SQL and encoding/json alone.
func (w *world) referenced(t testing.TB) []string {
	t.Helper()
	rows, err := w.raw.Query("SELECT file FROM documents UNION ALL SELECT extra FROM documents UNION ALL SELECT pages FROM documents")
	must(t, err)
	defer rows.Close()
	var keys []string
	for rows.Next() {
		var text sql.NullString
		must(t, rows.Scan(&text))
		if !text.Valid {
			continue
		}
		list := text.String
		if !strings.HasPrefix(list, "[") {
			list = "[" + list + "]"
		}
		var records []struct {
			Key string `json:"to_filename"`
		}
		must(t, json.Unmarshal([]byte(list), &records))
		for _, record := range records {
			keys = append(keys, record.Key)
		}
	}
	must(t, rows.Err())
	slices.Sort(keys)
	return keys
}

// journal counts the rows of the journal by state.
func (w *world) journal(t testing.TB) map[string]int {
	t.Helper()
	rows, err := w.raw.Query("SELECT state, count(*) FROM dossier_journal GROUP BY state")
	must(t, err)
	defer rows.Close()
	counts := map[string]int{}
	for rows.Next() {
		var state string
		var n int
		must(t, rows.Scan(&state, &n))
		counts[state] = n
	}
	return counts
}

// fallDue makes everything in the journal due now.
func (w *world) fallDue(t testing.TB) {
	t.Helper()
	_, err := w.raw.Exec("UPDATE dossier_journal SET due_at = 0")
	must(t, err)
}

// sweep executes everything, tombstones too.
func (w *world) sweep(t testing.TB) {
	t.Helper()
	for range 3 {
		w.fallDue(t)
		_, err := w.m.Sweep(context.Background(), journal.SweepOptions{})
		must(t, err)
	}
}

// check demands that rows and objects agree after a full sweep, that these are the contents, and that nothing is left.
func (w *world) check(t testing.TB, contents ...string) {
	t.Helper()
	w.sweep(t)
	keys, refs := w.keys(t), w.referenced(t)
	slices.Sort(keys)
	if !slices.Equal(keys, refs) {
		t.Errorf("objects and rows differ:\nobjects %q\nrows    %q", keys, refs)
	}
	slices.Sort(contents)
	if have := w.objects(t); !slices.Equal(have, contents) {
		t.Errorf("objects hold %q, want %q", have, contents)
	}
	if left := w.journal(t); len(left) > 0 {
		t.Errorf("the journal has %v", left)
	}
	if left, _ := os.ReadDir(filepath.Join(w.dir, "app.db-dossier")); len(left) > 0 {
		t.Errorf("%d side files are left", len(left))
	}
}

// titles lists the rows.
func (w *world) titles(t testing.TB) string {
	t.Helper()
	rows, err := w.raw.Query("SELECT title FROM documents ORDER BY title")
	must(t, err)
	defer rows.Close()
	var titles []string
	for rows.Next() {
		var title string
		must(t, rows.Scan(&title))
		titles = append(titles, title)
	}
	must(t, rows.Err())
	return strings.Join(titles, " ")
}

// sweepNow executes what is due by the clock.
func (w *world) sweepNow(t testing.TB) {
	t.Helper()
	_, err := w.m.Sweep(context.Background(), journal.SweepOptions{})
	must(t, err)
}

func pages(contents ...string) fileobject.List {
	var list fileobject.List
	for _, content := range contents {
		list = append(list, file(content))
	}
	return list
}

func contentsOf(t testing.TB, list fileobject.List) string {
	t.Helper()
	var all []string
	for _, f := range list {
		b, err := f.Content(context.Background())
		must(t, err)
		all = append(all, string(b))
	}
	return fmt.Sprint(all)
}
