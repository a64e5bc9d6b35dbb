package session_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// A unit of work that fails before or in its statement has taken nothing out of a row: an order that stayed would delete an
// object that has one.
func TestFailedUpdatesLeaveNoOrderUnderTriggers(t *testing.T) {
	triggerWorlds(t, func(t *testing.T, w *world) {
		a, _ := w.withTriggers()
		broken := errors.New("broken")
		for name, change := range map[string]func(ctx context.Context, s *session.Session) error{
			"reader": func(ctx context.Context, s *session.Session) error {
				a.Cover = *fileobject.FromReader("a.txt", iotest.ErrReader(broken), fileobject.Options{})
				return s.Update(ctx, a)
			},
			"statement": func(ctx context.Context, s *session.Session) error {
				a.Body = "a\xff\x00" // no text for PostgreSQL
				if err := s.Update(ctx, a); err != nil {
					return err
				}
				return broken
			},
			"savepoint": func(ctx context.Context, s *session.Session) error {
				err := s.Nested(ctx, func(ctx context.Context) error { return errors.Join(s.Update(ctx, a), broken) })
				if !errors.Is(err, broken) {
					t.Errorf("the savepoint: error %v", err)
				}
				return nil
			},
		} {
			err := w.try(func(ctx context.Context, s *session.Session) error {
				if err := s.Get(ctx, a, a.ID); err != nil {
					return err
				}
				a.File, a.Pages = text("new"), nil
				return change(ctx, s)
			})
			if (err == nil) != (name == "savepoint") {
				t.Errorf("%s: error %v", name, err)
			}
			if orders := w.texts("SELECT object_key FROM dossier_journal WHERE owner = 'trigger'"); len(orders) > 0 {
				t.Errorf("%s: triggers ordered the delete of %q", name, orders)
			}
			if held, doomed := w.held(), w.doomed(); len(held) != 8 || slices.ContainsFunc(held, func(key string) bool {
				return slices.Contains(doomed, key)
			}) {
				t.Errorf("%s: rows hold %q, and the deletes of %q are ordered", name, held, doomed)
			}
		}
		w.settle("a1", "a2", "a3", "a4", "b1", "b2", "b3", "b4")
	})
}

// JSON has many ways to write one key, and a text column may compare without case or hold no JSON at all.
func TestTriggersReadKeysAsJSONSaysThem(t *testing.T) {
	for _, on := range []string{"sqlite", "postgresql", "mariadb"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			file := map[string]string{
				"sqlite": "TEXT COLLATE NOCASE", "postgresql": "TEXT", "mariadb": "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
			}[on]
			w := newLeaves(t, on, "CREATE TABLE leaves (id BIGINT PRIMARY KEY, parent BIGINT, slug VARCHAR(20), file "+file+")")
			w.exec("DELETE FROM leaves WHERE id = 2")
			w.exec("DELETE FROM dossier_journal")
			set := func(value string) { w.exec("UPDATE leaves SET file = ?", value) }
			set(`{"backend":"uploads","to_filename":"K\u00e9\"\\\ud83d\ude00"}`)
			w.exec("DELETE FROM dossier_journal")
			set(`[{"to_filename":"Ké\"\\😀","backend":"uploads"},{"to_filename":"two","backend":"uploads"}]`)
			w.wantDoomed(0, "another way to write it")
			set(`{"backend":"uploads","to_filename":"ké\"\\😀"}`)
			w.wantDoomed(2, "another case, and out of a list")
			if doomed := w.doomed(); !slices.Equal(doomed, []string{"Ké\"\\😀", "two"}) {
				t.Errorf("the deletes of %q are ordered", doomed)
			}
			if on != "postgresql" {
				set("no JSON")
				w.wantDoomed(3, "no JSON")
			}
		})
	}
}

// The table of notes is nobody's reference: what only a note names has no row.
func TestNotesOfReplacedRowsAreNoReferences(t *testing.T) {
	t.Parallel()
	w := newWorld(t, session.Options{})
	w.withTriggers()
	w.exec("INSERT OR IGNORE INTO papers (id, created_at, updated_at, title) SELECT id, created_at, updated_at, 'x' FROM papers")
	if notes := w.texts("SELECT object_key FROM dossier_replaced"); len(notes) == 0 {
		t.Fatal("there are no notes, so nothing is tested")
	}
	w.check()
	w.wantDoomed(0, "nothing was replaced")
	w.exec("UPDATE papers SET title = title, id = id")
	w.exec("UPDATE papers SET file = NULL WHERE title = 'a'")
	w.wantDoomed(1, "one file left, the notes name others")
	w.exec("DELETE FROM papers")
	w.wantDoomed(8, "all files left")
	w.sweep()
	w.settle()
}
