package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/cli"
	"github.com/dossier-go/dossier/maintenance"
)

// The three exit codes are what scripts go by.
func TestAuditExitCodes(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	d := a.insert(t, "hello")
	a.run(t, "audit", "--column", "documents.file").want(t, 0, "", "0 findings; 1 files of rows and 1 objects were compared\n")
	check(t, os.Remove(filepath.Join(a.folder, filepath.FromSlash(d.File.Key))))
	a.run(t, "audit", "--column", "documents.file").want(t, 1, "missing\tdocuments.file\t1\tuploads\t"+d.File.Key+"\t\n",
		"dossier: 1 findings; 1 files of rows and 0 objects were compared\n")
	a.run(t, "audit", "--column", "documents.fil").want(t, 2, "", "the table has the columns id, file")
}

// Each finding is a line; what is not of a row has no column.
func TestAuditPrintsFindings(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	d := a.insert(t, "hello")
	check(t, os.WriteFile(filepath.Join(a.folder, filepath.FromSlash(d.File.Key)), []byte("hello, longer"), 0o600))
	check(t, os.WriteFile(filepath.Join(a.folder, "orphan"), []byte("12"), 0o600))
	check(t, os.WriteFile(filepath.Join(a.folder, "other"), []byte("12"), 0o600))
	a.execute(t, `INSERT INTO documents VALUES (7, 'x'), (8, '{"filename":"k","backend":"gone"}')`)
	size := "size\tdocuments.file\t1\tuploads\t" + d.File.Key + "\t13 bytes, the row says 5\n"
	rest := "malformed\tdocuments.file\t7\t\t\tfile column: invalid argument: invalid character 'x' looking for beginning of value\n" +
		"backend\tdocuments.file\t8\tgone\tk\tthe backend \"gone\" is not registered\n" +
		"orphaned\t\t\tuploads\torphan\t2 bytes\n"
	got := a.run(t, "audit", "--column", "documents.file", "--prefix", "or", "--parallel", "2", "--verify")
	got.want(t, 1, size+rest, "4 findings")
}

// With --json the last line has the counts: a reader knows that nothing was cut off.
func TestAuditAsJSON(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	check(t, os.WriteFile(filepath.Join(a.folder, "a<b"), []byte("12"), 0o600))
	a.run(t, "audit", "--json", "--column", "documents.file").want(t, 1,
		`{"kind":"orphaned","backend":"uploads","key":"a<b","detail":"2 bytes"}`+"\n"+
			`{"summary":{"objects":1,"files":0,"checked":0,"findings":1,"kinds":{"orphaned":1}}}`+"\n", "1 findings")
}

// Without columns or backends everything would look orphaned or missing: that is refused.
func TestAuditNeedsItsFlags(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.run(t, "audit").want(t, 2, "", "name each that holds files: --column documents.file")
	a.run(t, "audit", "--column", "documents").want(t, 2, "", "want table.column")
	run(t, cli.Config{}, "audit", "--column", "documents.file", "--database", a.database).want(t, 2, "", "--backend uploads=file:///srv/uploads")
}

// An application knows its columns: mounted there, the command needs no flags, and offers none for database and stores.
func TestMountedInAnApplication(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.insert(t, "hello")
	a.entry(t, "1", "doomed", "uploads", "d", 0, "")
	cfg := a.mounted()
	cfg.Name = "files"
	cfg.Columns = []maintenance.Column{{Table: "documents", Column: "file"}}
	run(t, cfg, "audit").want(t, 0, "", "0 findings; 1 files of rows and 1 objects")
	if got := run(t, cfg, "journal", "--backend", "uploads"); got.code != 0 || !strings.HasPrefix(got.stdout, "1\tdoomed\tuploads") {
		t.Errorf("journal: %+v", got)
	}
	run(t, cfg, "audit", "--database", a.database).want(t, 2, "", "files: unknown flag: --database; see files audit --help")
}
