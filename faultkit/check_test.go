package faultkit_test

import (
	"database/sql"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/faultkit"
)

// checked is a database and a folder made by hand: the check must not depend on what it checks.
type checked struct {
	*testing.T
	db  *sql.DB
	dir string
}

func newChecked(t *testing.T) *checked {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	execute(t, db, "CREATE TABLE docs (file TEXT, pages TEXT)")
	return &checked{t, db, t.TempDir()}
}

func (c *checked) write(name, content string) {
	c.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		c.Fatal(err)
	}
}

func (c *checked) row(file, pages any) {
	c.Helper()
	execute(c.T, c.db, "INSERT INTO docs VALUES (?, ?)", file, pages)
}

func (c *checked) journal(key, state string) {
	c.Helper()
	execute(c.T, c.db, "CREATE TABLE IF NOT EXISTS dossier_journal (backend TEXT, object_key TEXT, state TEXT)")
	execute(c.T, c.db, "INSERT INTO dossier_journal VALUES ('uploads', ?, ?)", key, state)
}

func (c *checked) run() (faultkit.Report, error) {
	return faultkit.Check{DB: c.db, Columns: []string{"docs.file", "docs.pages"}, Dir: c.dir, Backend: "uploads"}.Run(c.Context())
}

// hello has the CRC32C of RFC 3720 of "hello".
const hello = `{"backend":"uploads","to_filename":"KEY","size":5,"checksum":"crc32c:9a71bb4c"}`

func record(key string) string { return strings.Replace(hello, "KEY", key, 1) }

// Rows and objects that belong together are no finding: one file, lists, records without checksum, another library's
// records, other backends, NULL, and the folder's own files.
func TestCheckFindsNothingWrongInOrder(t *testing.T) {
	t.Parallel()
	c := newChecked(t)
	c.write("a/1.txt", "hello")
	c.write("a/2.txt", "hello")
	c.write("a/3.txt", "hello")
	c.write("foreign.txt", "anything")
	c.write(".dossier/store", "identity")
	c.write(".dossier/locks/3f", "")
	c.row(record("a/1.txt"), "["+record("a/2.txt")+","+record("a/3.txt")+"]")
	c.row(`{"backend":"uploads","filename":"foreign.txt","size":null,"checksum":null}`, nil)
	c.row(`{"backend":"elsewhere","to_filename":"not here"}`, "[]")
	report, err := c.run()
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Err(); err != nil {
		t.Error(err)
	}
	if report.Rows != 5 || report.References != 4 || report.Objects != 4 || report.Journal != 0 {
		t.Errorf("%+v", report)
	}
	want := "5 rows, 4 references, 4 objects, 0 in the journal: 0 missing, 0 mismatched, 0 shared, 0 condemned, 0 orphaned, 0 known, 0 leftover"
	if report.String() != want {
		t.Error(report)
	}
}

// Every way in which rows and objects can part is found, each by its own name.
func TestCheckFindsEveryFault(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		spoil func(c *checked)
		want  string
		fault bool
	}{
		"missing":   {func(c *checked) { c.row(record("gone"), nil) }, "\nmissing: gone: in docs.file", true},
		"in a list": {func(c *checked) { c.row(nil, "["+record("gone")+"]") }, "\nmissing: gone: in docs.pages", true},
		"truncated": {func(c *checked) { c.write("a", "hell") }, "\nmismatched: a: in docs.file: 4 bytes, the row says 5", true},
		"other":     {func(c *checked) { c.write("a", "HELLO") }, "the row says 9a71bb4c", true},
		"unknown":   {func(c *checked) { c.row(`{"backend":"uploads","to_filename":"a","checksum":"md4:1"}`, nil) }, `unknown checksum "md4:1"`, true},
		"folder":    {func(c *checked) { c.write("b/c", "x"); c.row(record("b"), nil) }, "\nmissing: b", true},
		"shared":    {func(c *checked) { c.row(nil, "["+record("a")+"]") }, "\nshared: a: 2 references, in docs.file and docs.pages", true},
		"condemned": {func(c *checked) { c.journal("a", "doomed") }, "\ncondemned: a: in docs.file, and doomed in the journal", true},
		"orphaned":  {func(c *checked) { c.write("o", "x") }, "\norphaned: o", true},
		"noted": {func(c *checked) {
			c.write("o", "x")
			execute(c.T, c.db, "CREATE TABLE dossier_replaced (row_of TEXT, store TEXT, backend TEXT, object_key TEXT)")
			execute(c.T, c.db, "INSERT INTO dossier_replaced VALUES ('docs', '', 'uploads', 'o')")
		}, "\norphaned: o", true},
		"known":      {func(c *checked) { c.write("o", "x"); c.journal("o", "pending") }, "\nknown: o: pending in the journal", false},
		"left over":  {func(c *checked) { c.write(".dossier/tmp/tmp-1", "x") }, "\nleftover: .dossier/tmp/tmp-1", false},
		"unfinished": {func(c *checked) { c.write(".dossier/uploads/1/record", "x") }, "\nleftover: .dossier/uploads/1/record", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newChecked(t)
			c.write("a", "hello")
			c.row(record("a"), nil)
			one.spoil(c)
			report, err := c.run()
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(report.String(), one.want) || (report.Err() != nil) != one.fault {
				t.Errorf("want %q, a fault: %v, in:\n%v", one.want, one.fault, report)
			}
		})
	}
}

// What cannot be read is an error and never a clean report.
func TestCheckFailsOnWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(c *checked, check *faultkit.Check){
		"JSON":   func(c *checked, _ *faultkit.Check) { c.row("{", nil) },
		"column": func(_ *checked, check *faultkit.Check) { check.Columns = []string{"docs.none"} },
		"name":   func(_ *checked, check *faultkit.Check) { check.Columns = []string{"docs.file FROM docs; --"} },
		"folder": func(_ *checked, check *faultkit.Check) { check.Dir += "/none" },
		"journal": func(c *checked, _ *faultkit.Check) {
			execute(c.T, c.db, "CREATE TABLE dossier_journal (x TEXT)")
		},
	} {
		c := newChecked(t)
		check := faultkit.Check{DB: c.db, Columns: []string{"docs.file"}, Dir: c.dir}
		spoil(c, &check)
		if report, err := check.Run(t.Context()); err == nil {
			t.Errorf("%s: %v", name, report)
		}
	}
}

// A judge that shares code with the accused proves nothing: the check is made of the standard library only.
func TestCheckUsesTheStandardLibraryOnly(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"check.go", "folder.go", "report.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imported := range file.Imports {
			if strings.Contains(imported.Path.Value, ".") {
				t.Errorf("%s imports %s", name, imported.Path.Value)
			}
		}
	}
}
