package cli_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/cli"
	"github.com/dossier-go/dossier/session"
)

// deleted has a row whose file was taken out, and returns its key and the id of the order.
func deleted(t *testing.T, a *application) (d *document, key, id string) {
	t.Helper()
	d = a.insert(t, "plan")
	key = d.File.Key
	d.File = nil
	check(t, a.manager.Run(t.Context(), func(ctx context.Context, s *session.Session) error { return s.Update(ctx, d, "file") }))
	got := run(t, cli.Config{}, "journal", "--unclaimed", "--database", a.database)
	fields := strings.Split(got.stdout, "\t")
	if got.code != 0 || len(fields) < 4 || fields[3] != key {
		t.Fatalf("journal: %+v", got)
	}
	return d, key, fields[0]
}

// What journal --unclaimed lists is what undelete takes: the row has its file again, no sweep deletes it, and an audit finds
// everything in order, on each database.
func TestUndeletePutsAFileBackIntoItsRow(t *testing.T) {
	t.Parallel()
	for _, on := range []string{"sqlite", "postgresql", "mariadb"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			a := (*application)(nil)
			if on == "sqlite" {
				a = newApplication(t)
			} else {
				a = newServerApplication(t, on)
				check(t, a.manager.CreateSchema(t.Context()))
			}
			d, key, id := deleted(t, a)
			row := "id=" + strconv.FormatInt(d.ID, 10)
			undelete := []string{"undelete", "--column", "documents.file", "--row", row, "--filename", "plan.txt", id}
			a.run(t, undelete...).want(t, 0, "uploads\t"+key+"\t4\ttext/plain; charset=utf-8\n", "")
			a.run(t, "sweep").want(t, 0, "claimed 0, deleted 0, abandoned 0, failed 0, parked 0\n", "")
			a.run(t, "audit", "--column", "documents.file").want(t, 0, "", "0 findings")
			check(t, a.manager.Run(t.Context(), func(ctx context.Context, s *session.Session) error { return s.Get(ctx, d, d.ID) }))
			if d.File == nil || d.File.Key != key || d.File.Filename != "plan.txt" {
				t.Errorf("the row has %v", d.File)
			}
			a.run(t, undelete...).want(t, 2, "", "there is no delete of this id that can be taken back")
		})
	}
}

// With --json the answer is an object a line, and --replace lets go of what is there.
func TestUndeleteReplacesAsJSON(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	d, key, id := deleted(t, a)
	other := a.insert(t, "other")
	args := []string{"undelete", "--column", "documents.file", "--row", "id=" + strconv.FormatInt(other.ID, 10), "--json", id}
	a.run(t, args...).want(t, 2, "", "already exists: the row has the file uploads:")
	a.run(t, append(args, "--replace")...).want(t, 0, fmt.Sprintf(
		`{"backend":"uploads","content_type":"text/plain; charset=utf-8","key":%q,"size":4}`+"\n", key), "")
	a.run(t, "sweep").want(t, 0, "claimed 0, deleted 0, abandoned 0, failed 0, parked 0\n", "") // in an hour
	if !a.exists(key) || !a.exists(other.File.Key) || d.ID == other.ID {
		t.Error("an object is gone")
	}
}

// Wrong usage is said before anything is opened.
func TestUndeleteRefusesWrongUsage(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"undelete":                                   "requires at least 1 arg",
		"undelete 1":                                 "--column documents.file --row id=7",
		"undelete 1 --column documents.file":         "--column documents.file --row id=7",
		"undelete 1 --column file --row id=7":        "want table.column",
		"undelete 1 --column documents.file --row 7": "want column=value",
		"undelete 1 --column documents.file --row id=7 --database x.db": "no such database",
	} {
		run(t, cli.Config{}, strings.Fields(args)...).want(t, 2, "", want)
	}
	a := newApplication(t)
	run(t, cli.Config{}, "undelete", "1", "--column", "documents.file", "--row", "id=7", "--database", a.database).want(t, 2, "", "no backend")
}
