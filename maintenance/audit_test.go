package maintenance_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/maintenance"
	"github.com/dossier-go/dossier/session"
)

// An audit that cries wolf is switched off: rows and objects that belong together are no findings.
func TestWhatBelongsTogetherIsNoFinding(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	insert(t, m, &document{Title: "one", File: text("1")}, &document{Title: "many", Pages: fileobject.List{text("2"), text("3")}}, &document{Title: "none"})
	findings, report := audit(t.Context(), t, m, nil)
	if len(findings) > 0 || report.Objects != 3 || report.Files != 3 || report.Checked != 3 {
		t.Errorf("findings %v, report %+v", findings, report)
	}
}

// Promise 1 is what an audit checks first: a row whose object is gone.
func TestARowWithoutItsObjectIsMissing(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	d := &document{Title: "list", Pages: fileobject.List{text("kept"), text("lost")}}
	insert(t, m, d)
	check(t, uploads(t, m).Delete(t.Context(), d.Pages[1].Key, dossier.DeleteOptions{}))
	findings, _ := audit(t.Context(), t, m, nil)
	f := only(t, findings, maintenance.Missing)
	if f.Table != "documents" || f.Column != "pages" || f.Row != d.ID.String() || f.Backend != "uploads" || f.Key != d.Pages[1].Key {
		t.Errorf("finding %+v does not name the row and the key", f)
	}
}

// Promise 2: what nobody knows any more is found, with its key.
func TestAnObjectWithoutRowIsOrphaned(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	insert(t, m, &document{Title: "one", File: text("1")})
	put(t, m, "left/behind.txt", "12345", "")
	findings, _ := audit(t.Context(), t, m, nil)
	if f := only(t, findings, maintenance.Orphaned); f.Key != "left/behind.txt" || f.Backend != "uploads" || f.Table != "" {
		t.Errorf("finding %+v", f)
	}
}

// The triggers' table of notes is no table of files: what only a note names is orphaned.
func TestNotesOfTriggersExcuseNothing(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	check(t, m.InstallTriggers(t.Context()))
	d := &document{Title: "one", File: text("1")}
	insert(t, m, d)
	execute(t, m, "INSERT OR IGNORE INTO documents SELECT * FROM documents")
	n, err := m.DB().NewSelect().TableExpr("dossier_replaced").Where("object_key = ?", d.File.Key).Count(t.Context())
	check(t, err)
	if n == 0 {
		t.Fatal("there is no note, so nothing is tested")
	}
	if findings, _ := audit(t.Context(), t, m, nil); len(findings) > 0 {
		t.Errorf("findings %v", findings)
	}
	execute(t, m, "DELETE FROM documents")
	execute(t, m, "DELETE FROM dossier_journal")
	findings, _ := audit(t.Context(), t, m, nil)
	if f := only(t, findings, maintenance.Orphaned); f.Key != d.File.Key {
		t.Errorf("finding %+v", f)
	}
}

// A prefix keeps other applications' objects out, and never hides what rows are missing.
func TestPrefixLimitsOrphansOnly(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	d := &document{Title: "one", File: text("1")}
	insert(t, m, d)
	put(t, m, "theirs/a", "1", "")
	put(t, m, "ours/b", "1", "")
	check(t, uploads(t, m).Delete(t.Context(), d.File.Key, dossier.DeleteOptions{}))
	findings, report := audit(t.Context(), t, m, func(o *maintenance.AuditOptions) { o.Prefix = "ours/" })
	if len(findings) != 2 || report.Kinds[maintenance.Missing] != 1 || report.Kinds[maintenance.Orphaned] != 1 || findings[1].Key != "ours/b" {
		t.Errorf("findings %v", findings)
	}
}

// What the journal knows is under way: a sweep deals with it, so it is not orphaned.
func TestWhatTheJournalKnowsIsNotOrphaned(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"pending", "doomed", "tombstone"} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			m := newManager(t)
			put(t, m, "known", "1", "")
			execute(t, m, "INSERT INTO dossier_journal (id, backend, store, object_key, state, due_at, created_at) VALUES ('1', 'uploads', ?, 'known', ?, 0, 0)",
				uploads(t, m).Describe().Store, state)
			if findings, _ := audit(t.Context(), t, m, nil); len(findings) > 0 {
				t.Errorf("findings %v", findings)
			}
		})
	}
}

// A journal entry of another store with the same key says nothing about this one.
func TestTheJournalOfAnotherStoreDoesNotExcuse(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	put(t, m, "known", "1", "")
	execute(t, m, "INSERT INTO dossier_journal (id, backend, store, object_key, state, due_at, created_at) VALUES ('1', 'uploads', 'mem:other', 'known', 'doomed', 0, 0)")
	findings, _ := audit(t.Context(), t, m, nil)
	only(t, findings, maintenance.Orphaned)
}

// Uploads inside an open transaction are known to its side file alone until it ends.
func TestUploadsOfAnOpenTransactionAreNotOrphaned(t *testing.T) {
	t.Parallel()
	m := newFileManager(t, session.Options{})
	check(t, m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
		if err := s.Insert(ctx, &document{Title: "first", File: text("before the transaction")}); err != nil {
			return err
		}
		if err := s.Insert(ctx, &document{Title: "second", File: text("inside it")}); err != nil {
			return err
		}
		findings, report := audit(ctx, t, m, nil)
		if len(findings) > 0 || report.Objects != 2 || report.Files != 0 {
			t.Errorf("findings %v, report %+v", findings, report)
		}
		return nil
	}))
	if findings, report := audit(t.Context(), t, m, nil); len(findings) > 0 || report.Files != 2 {
		t.Errorf("after the commit: findings %v, report %+v", findings, report)
	}
}

// The most urgent finding: a sweep would delete the object of a living row.
func TestARowWhoseObjectIsToBeDeletedIsDoomed(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	d := &document{Title: "one", File: text("1")}
	insert(t, m, d)
	execute(t, m, "INSERT INTO dossier_journal (id, backend, store, object_key, state, due_at, created_at) VALUES ('1', 'uploads', ?, ?, 'doomed', 0, 0)",
		uploads(t, m).Describe().Store, d.File.Key)
	findings, _ := audit(t.Context(), t, m, nil)
	if f := only(t, findings, maintenance.Doomed); f.Row != d.ID.String() {
		t.Errorf("finding %+v", f)
	}
}

// Two names for one store are one set of objects: neither is listed twice, and a row may use either.
func TestTwoNamesOfOneStoreAreOne(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	insert(t, m, &document{Title: "one", File: text("1")})
	register(t, m, "again", uploads(t, m))
	findings, report := audit(t.Context(), t, m, nil)
	if len(findings) > 0 || report.Objects != 1 {
		t.Errorf("findings %v, report %+v", findings, report)
	}
}

// A store that cannot list is said so: silence would look like "no orphans".
func TestStoresThatCannotListAreNamed(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	register(t, m, "silent", newUnlistable())
	_, report := audit(t.Context(), t, m, nil)
	if len(report.Unlisted) != 1 || report.Unlisted[0] != "silent" {
		t.Errorf("unlisted %v", report.Unlisted)
	}
}

// Bad input is refused before anything is read.
func TestBadOptionsAreRefused(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	for name, change := range map[string]func(*maintenance.AuditOptions){
		"no database": func(o *maintenance.AuditOptions) { o.Database = nil },
		"no backend":  func(o *maintenance.AuditOptions) { o.Registry = nil },
		"no columns":  func(o *maintenance.AuditOptions) { o.Columns = nil },
		"named twice": func(o *maintenance.AuditOptions) { o.Columns = append(o.Columns, o.Columns[0]) },
		"has no table": func(o *maintenance.AuditOptions) {
			o.Columns = []maintenance.Column{{Table: "nothing", Column: "file"}}
		},
		"has the columns id, title, file, pages": func(o *maintenance.AuditOptions) {
			o.Columns = []maintenance.Column{{Table: "documents", Column: "nothing"}}
		},
		"prefix": func(o *maintenance.AuditOptions) { o.Prefix = "/x" },
		"no table \"documents;": func(o *maintenance.AuditOptions) {
			o.Columns = []maintenance.Column{{Table: `documents; DROP TABLE documents`, Column: "file"}}
		},
		`column documents.file"`: func(o *maintenance.AuditOptions) {
			o.Columns = []maintenance.Column{{Table: "documents", Column: `file" FROM documents; DROP TABLE documents; --`}}
		},
	} {
		opts := maintenance.AuditOptions{Database: m.DB(), Registry: m.Registry(), Columns: columns}
		change(&opts)
		_, err := maintenance.Audit(t.Context(), opts)
		if !errors.Is(err, dossier.ErrInvalid) && !errors.Is(err, dossier.ErrInvalidKey) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if findings, _ := audit(t.Context(), t, m, nil); len(findings) > 0 {
		t.Errorf("the table suffered: %v", findings)
	}
}

// Names with quotes and spaces are names, not SQL.
func TestTablesMayHaveAnyName(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	execute(t, m, `CREATE TABLE "odd "" name" ("a" INTEGER, "b""; --" BLOB, "the file" TEXT, PRIMARY KEY ("b""; --", "a")) WITHOUT ROWID`)
	execute(t, m, `INSERT INTO "odd "" name" VALUES (7, x'c0ffee', '{"filename":"lost.txt","backend":"uploads"}')`)
	findings, _ := audit(t.Context(), t, m, func(o *maintenance.AuditOptions) {
		o.Columns = []maintenance.Column{{Table: `odd " name`, Column: "the file"}}
	})
	if f := only(t, findings, maintenance.Missing); f.Row != "c0ffee,7" || f.Key != "lost.txt" {
		t.Errorf("finding %+v", f)
	}
}

// The caller can stop an audit: by an error of Found, which comes back, or by its context.
func TestAnAuditCanBeStopped(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	put(t, m, "a", "1", "")
	put(t, m, "b", "1", "")
	enough := errors.New("enough")
	opts := maintenance.AuditOptions{Database: m.DB(), Registry: m.Registry(), Columns: columns, Found: func(maintenance.Finding) error { return enough }}
	if report, err := maintenance.Audit(t.Context(), opts); !errors.Is(err, enough) || report.Findings != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	opts.Found, opts.Progress = nil, func(maintenance.AuditReport) { cancel() }
	if _, err := maintenance.Audit(ctx, opts); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// The temporary tables go with the audit, also when it fails: the connection goes back to the application's pool.
func TestAnAuditLeavesNothingOnItsConnection(t *testing.T) {
	t.Parallel()
	m := newFileManager(t, session.Options{})
	m.DB().SetMaxOpenConns(1)
	put(t, m, "a", "1", "")
	opts := maintenance.AuditOptions{
		Database: m.DB(), Registry: m.Registry(), Columns: columns,
		Found: func(maintenance.Finding) error { return errors.New("stop") },
	}
	if _, err := maintenance.Audit(t.Context(), opts); err == nil {
		t.Fatal("the audit was not stopped")
	}
	n, err := m.DB().NewSelect().TableExpr("temp.sqlite_master").Count(t.Context())
	if err != nil || n != 0 {
		t.Errorf("%d temporary tables and indexes are left, %v", n, err)
	}
}

// An application that has not made the journal's table is told so; without it every upload under way would look orphaned.
func TestAnAuditNeedsTheJournal(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	execute(t, m, "DROP TABLE dossier_journal")
	_, err := maintenance.Audit(t.Context(), maintenance.AuditOptions{Database: m.DB(), Registry: m.Registry(), Columns: columns})
	if err == nil || !strings.Contains(err.Error(), "read the journal") {
		t.Error(err)
	}
}

var _ dossier.Backend = unlistable{memory.New(memory.Config{})}
