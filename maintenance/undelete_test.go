package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/maintenance"
	"github.com/dossier-go/dossier/session"
)

// page has a number and a name as its key, and a column with a name that SQL has a word for.
type page struct {
	bun.BaseModel `bun:"table:pages"`
	Number        int64                  `bun:"number,pk"`
	Name          string                 `bun:"name,pk,type:varchar(50)"`
	File          *fileobject.FileObject `bun:"order" file:"uploads"`
	Sheets        fileobject.List        `bun:"sheets" file:"uploads,many:9"`
}

// onEveryDatabase runs a test with a manager whose deletes wait for an hour.
func onEveryDatabase(t *testing.T, test func(t *testing.T, m *session.Manager)) {
	t.Helper()
	for _, on := range []string{"sqlite", "postgresql", "mariadb"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			if on == "sqlite" {
				m := newManagerOver(t, memory.New(memory.Config{}), session.Options{})
				check(t, errors.Join(m.Register((*page)(nil)), m.CreateSchema(t.Context())))
				test(t, m)
				return
			}
			create := servers.PostgreSQL
			if on == "mariadb" {
				create = servers.MariaDB
			}
			test(t, newServerManager(t, create, session.Options{}, (*document)(nil), (*page)(nil)))
		})
	}
}

// deletable returns the ids of the journal by the keys of objects.
func deletable(t *testing.T, m *session.Manager) map[string]string {
	t.Helper()
	ids := map[string]string{}
	for entry, err := range m.Journal().List(t.Context(), journal.Filter{Unclaimed: true}) {
		check(t, err)
		ids[entry.Key] = entry.ID
	}
	return ids
}

func update(t *testing.T, m *session.Manager, model any) {
	t.Helper()
	check(t, m.Run(t.Context(), func(ctx context.Context, s *session.Session) error { return s.Update(ctx, model, "order", "sheets") }))
}

// contentOf reads what a row's file has now.
func contentOf(t *testing.T, m *session.Manager, p *page) string {
	t.Helper()
	all := ""
	check(t, m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
		if err := s.Get(ctx, p); err != nil {
			return err
		}
		for _, f := range append(fileobject.List{p.File}, p.Sheets...) {
			if f == nil {
				continue
			}
			b, err := f.Content(ctx)
			if err != nil {
				return err
			}
			all += string(b) + " "
		}
		return nil
	}))
	return strings.TrimSpace(all)
}

// A file that left its row comes back by the names of table and column alone, into the one file of a row or behind a list, and
// the journal and the audit find everything in order.
func TestUndeleteNeedsNoModel(t *testing.T) {
	t.Parallel()
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		p := &page{Number: 7, Name: "x=y", File: text("one"), Sheets: fileobject.List{text("two"), text("three")}}
		insert(t, m, p, &page{Number: 7, Name: "other"})
		keys := []string{p.File.Key, p.Sheets[0].Key, p.Sheets[1].Key}
		p.File, p.Sheets = nil, nil
		update(t, m, p)
		ids := deletable(t, m)
		row, err := maintenance.ParseRow("number=7", "name=x=y")
		check(t, err)
		opts := maintenance.UndeleteOptions{Manager: m, Row: row, Column: maintenance.Column{Table: "pages", Column: "order"},
			IDs: []string{ids[keys[0]]}, Filename: "plan.txt"}
		files, err := maintenance.Undelete(t.Context(), opts)
		check(t, err)
		if len(files) != 1 || files[0].Key != keys[0] || files[0].Size != 3 || files[0].Filename != "plan.txt" {
			t.Errorf("files %v", files)
		}
		opts.Column.Column, opts.List, opts.IDs = "sheets", true, []string{ids[keys[2]], ids[keys[1]]}
		_, err = maintenance.Undelete(t.Context(), opts)
		check(t, err)
		if got := contentOf(t, m, p); got != "one three two" {
			t.Errorf("the row has %q", got)
		}
		if left := deletable(t, m); len(left) > 0 {
			t.Errorf("orders %v are left", left)
		}
		columns := []maintenance.Column{{Table: "pages", Column: "order"}, {Table: "pages", Column: "sheets"}}
		if findings, _ := audit(t.Context(), t, m, func(o *maintenance.AuditOptions) { o.Columns = columns }); len(findings) > 0 {
			t.Errorf("findings %v", findings)
		}
	})
}

// A row that has another file keeps it, unless that is to be replaced: then it goes as it would by an update.
func TestUndeleteReplacesOnlyWhenTold(t *testing.T) {
	t.Parallel()
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		p := &page{Number: 7, Name: "a", File: text("one")}
		insert(t, m, p)
		one := p.File.Key
		p.File = text("two")
		update(t, m, p)
		opts := maintenance.UndeleteOptions{Manager: m, Row: map[string]string{"number": "7", "name": "a"},
			Column: maintenance.Column{Table: "pages", Column: "order"}, IDs: []string{deletable(t, m)[one]}}
		if _, err := maintenance.Undelete(t.Context(), opts); !errors.Is(err, dossier.ErrExist) {
			t.Errorf("error %v", err)
		}
		if got := contentOf(t, m, p); got != "two" {
			t.Errorf("the row has %q", got)
		}
		two := p.File.Key
		opts.Replace = true
		_, err := maintenance.Undelete(t.Context(), opts)
		check(t, err)
		if ids := deletable(t, m); contentOf(t, m, p) != "one" || len(ids) != 1 || ids[two] == "" {
			t.Errorf("the row has %q, orders are %v", contentOf(t, m, p), ids)
		}
	})
}

// What cannot be done, or was not meant, changes nothing.
func TestUndeleteRefuses(t *testing.T) {
	t.Parallel()
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		p := &page{Number: 7, Name: "a", File: text("one"), Sheets: fileobject.List{text("two")}}
		claimed := &page{Number: 8, Name: "a", File: text("claimed")}
		insert(t, m, p, claimed, &page{Number: 9, Name: "a"}, &page{Number: 9, Name: "b"})
		key, begun := p.File.Key, claimed.File.Key
		p.File, claimed.File = nil, nil // of the first the list stays
		update(t, m, p)
		update(t, m, claimed)
		ids := deletable(t, m)
		execute(t, m, "UPDATE dossier_journal SET attempts = 1 WHERE object_key = ?", begun)
		row := func(number, name string) map[string]string { return map[string]string{"number": number, "name": name} }
		file, sheets := maintenance.Column{Table: "pages", Column: "order"}, maintenance.Column{Table: "pages", Column: "sheets"}
		for name, test := range map[string]struct {
			kind   error
			column maintenance.Column
			row    map[string]string
			ids    []string
		}{
			"no such row":                   {dossier.ErrNotFound, file, row("70", "a"), []string{ids[key]}},
			"a key that only looks equal":   {dossier.ErrNotFound, file, row("7x", "a"), []string{ids[key]}},
			"another case":                  {dossier.ErrNotFound, file, row("7", "A"), []string{ids[key]}},
			"several rows":                  {dossier.ErrStale, file, map[string]string{"number": "9"}, []string{ids[key]}},
			"no row":                        {dossier.ErrInvalid, file, nil, []string{ids[key]}},
			"no such delete":                {dossier.ErrNotFound, file, row("7", "a"), []string{"none"}},
			"a delete that was begun":       {dossier.ErrNotFound, file, row("7", "a"), []string{ids[begun]}},
			"no id":                         {dossier.ErrInvalid, file, row("7", "a"), nil},
			"two files for one":             {dossier.ErrInvalid, file, row("7", "a"), []string{ids[key], ids[begun]}},
			"no such column":                {nil, maintenance.Column{Table: "pages", Column: "no"}, row("7", "a"), []string{ids[key]}},
			"no such table":                 {nil, maintenance.Column{Table: "no", Column: "order"}, row("7", "a"), []string{ids[key]}},
			"a list that is not called one": {nil, sheets, row("7", "a"), []string{ids[key]}},
			"a name that is none": {dossier.ErrInvalid, maintenance.Column{Table: "pages", Column: "order,nullzero"}, row("7", "a"),
				[]string{ids[key]}},
		} {
			opts := maintenance.UndeleteOptions{Manager: m, Column: test.column, Row: test.row, IDs: test.ids, Replace: true}
			_, err := maintenance.Undelete(t.Context(), opts)
			if err == nil || test.kind != nil && !errors.Is(err, test.kind) {
				// PostgreSQL takes no text for a number: that is an error of its own.
				if !(name == "a key that only looks equal" && err != nil && strings.Contains(fmt.Sprint(err), "22P02")) {
					t.Errorf("%s: error %v, want one that is %v", name, err, test.kind)
				}
			}
			if got, still := contentOf(t, m, p), deletable(t, m); got != "two" || still[key] != ids[key] || len(still) != 1 {
				t.Errorf("%s: the row has %q, orders are %v", name, got, still)
			}
		}
		_, err := maintenance.Undelete(t.Context(), maintenance.UndeleteOptions{Row: row("7", "a"), IDs: []string{"1"}, Column: file})
		if !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("without a manager: %v", err)
		}
	})
}

// A column that holds one file is none for a list, and the other way round, as far as what it holds tells.
func TestUndeleteTellsListsFromFiles(t *testing.T) {
	t.Parallel()
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		p, other := &page{Number: 7, Name: "a", File: text("one")}, &page{Number: 8, Name: "a", File: text("two")}
		insert(t, m, p, other)
		gone := other.File.Key
		other.File = nil
		update(t, m, other)
		_, err := maintenance.Undelete(t.Context(), maintenance.UndeleteOptions{
			Manager: m, Column: maintenance.Column{Table: "pages", Column: "order"}, Row: map[string]string{"number": "7", "name": "a"},
			List: true, IDs: []string{deletable(t, m)[gone]},
		})
		if !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("a file became a list: %v", err)
		}
		if got := contentOf(t, m, p); got != "one" || len(deletable(t, m)) != 1 {
			t.Errorf("the row has %q", got)
		}
	})
}

// The object may be gone already: then there is nothing to put back, and the order stays as it is.
func TestUndeleteOfAnObjectThatIsGone(t *testing.T) {
	t.Parallel()
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		p := &page{Number: 7, Name: "a", File: text("one")}
		insert(t, m, p)
		key := p.File.Key
		p.File = nil
		update(t, m, p)
		check(t, uploads(t, m).Delete(t.Context(), key, dossier.DeleteOptions{}))
		_, err := maintenance.Undelete(t.Context(), maintenance.UndeleteOptions{
			Manager: m, Column: maintenance.Column{Table: "pages", Column: "order"}, Row: map[string]string{"number": "7", "name": "a"},
			IDs: []string{deletable(t, m)[key]},
		})
		if !errors.Is(err, dossier.ErrNotExist) || len(deletable(t, m)) != 1 || contentOf(t, m, p) != "" {
			t.Errorf("error %v, orders %v, the row has %q", err, deletable(t, m), contentOf(t, m, p))
		}
	})
}

// A row's key is said column by column; what is no such thing is an error that shows it.
func TestParseRowRefuses(t *testing.T) {
	t.Parallel()
	for _, texts := range [][]string{{"id"}, {"=7"}, {"id=7", "id=8"}, {""}} {
		if row, err := maintenance.ParseRow(texts...); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%q: %v, %v", texts, row, err)
		}
	}
}
