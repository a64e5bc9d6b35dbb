package faultkit_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/faultkit"
)

// check compares rows and objects, independently.
func (w *world) check(ctx context.Context) (faultkit.Report, error) {
	judge, err := w.inventory(ctx)
	if err != nil {
		return faultkit.Report{}, err
	}
	return faultkit.Check{
		DB: w.pool, Columns: []string{"documents.file", "documents.pages"}, Dir: storeFolder(w.dir), Inventory: judge,
		Backend: "uploads",
	}.Run(ctx)
}

// judge looks at the world when nothing runs, before and after a restart that cleans up.
func (s *scene) judge() error {
	in, err := readDatabase(s.dir)
	if err == nil {
		err = in.idle(s.Context())
	}
	if err != nil {
		return fmt.Errorf("wait for the database: %w", err)
	}
	w, err := openWorld(s.dir, nil, 0)
	if err != nil {
		return fmt.Errorf("open the world again: %w", err)
	}
	steps := []struct {
		name string
		do   func(*world) error
	}{
		{"before the sweep", s.checkWreck},
		{"audit before the sweep", s.audit},
		{"sweep", s.recover},
		{"after the sweep", s.checkTidy},
		{"audit after the sweep", s.audit},
		{"scratch stores", s.checkScratches},
	}
	for _, step := range steps {
		if err := step.do(w); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", step.name, err), w.close())
		}
	}
	return w.close()
}

// checkWreck looks at what dead processes have left: all rows are right, and every object without a row is known to the
// journal or to a side file.
func (s *scene) checkWreck(w *world) error {
	report, err := w.check(s.Context())
	if err != nil {
		return err
	}
	listed, err := sideFileKeys(s.dir)
	if err != nil {
		return err
	}
	var forgotten []string
	for _, key := range report.Orphaned {
		if !listed[key] {
			forgotten = append(forgotten, key)
		}
	}
	report.Orphaned = forgotten
	return report.Err()
}

// sideFileKeys reads the keys that side files list.
func sideFileKeys(dir string) (map[string]bool, error) {
	names, err := filepath.Glob(filepath.Join(sideFolder(dir), "*.intent"))
	keys := map[string]bool{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			var entry struct{ Key string }
			if json.Unmarshal([]byte(line), &entry) == nil {
				keys[entry.Key] = true
			}
		}
	}
	return keys, err
}

// recover does what the next start of an application does, in less time: drafts are made old, and everything is due.
func (s *scene) recover(w *world) error {
	drafts, err := filepath.Glob(filepath.Join(sideFolder(s.dir), "*.draft"))
	if err != nil {
		return err
	}
	for _, draft := range drafts {
		if err := olden(draft); err != nil {
			return err
		}
	}
	if w.url == "" { // in a cloud store all leftovers are the sweep's
		if _, err := w.uploads.Reclaim(s.Context(), 0); err != nil {
			return err
		}
	}
	left := 1
	for range 5 { // pending, doomed, tombstone, gone
		if err := w.execute(s.Context(), "UPDATE dossier_journal SET due_at = 0 WHERE state <> 'marker'"); err != nil {
			return err
		}
		report, err := w.manager.Sweep(s.Context(), sweepOptions)
		if err != nil || report.Failed+report.Parked > 0 {
			return fmt.Errorf("%+v: %w", report, err)
		}
		if left, err = w.number(s.Context(), "SELECT count(*) FROM dossier_journal"); err != nil || left == 0 {
			return err
		}
	}
	return fmt.Errorf("the journal does not get empty: %d rows are left", left)
}

// checkTidy demands perfection: rows and objects belong together, and there is nothing else.
func (s *scene) checkTidy(w *world) error {
	report, err := w.check(s.Context())
	if err != nil {
		return err
	}
	if err := report.Err(); err != nil {
		return err
	}
	side, err := filepath.Glob(filepath.Join(sideFolder(s.dir), "*"))
	if err != nil {
		return err
	}
	if len(report.Known)+len(report.Leftover)+report.Journal+len(side) > 0 {
		return fmt.Errorf("something is left over: side files %q, %v", side, report)
	}
	undone, err := w.number(s.Context(), "SELECT count(*) FROM documents WHERE title = '"+never+"'")
	if err == nil && undone > 0 {
		err = fmt.Errorf("%d rows are there that were rolled back", undone)
	}
	return err
}

// checkScratches opens every scratch store, also those that were never opened to the end, and looks for torn objects.
func (s *scene) checkScratches(*world) error {
	folders, err := filepath.Glob(filepath.Join(s.dir, scratchPrefix+"*"))
	if err != nil {
		return err
	}
	for _, folder := range folders {
		fresh := []string{folder}
		if strings.HasSuffix(folder, "-fresh") {
			if fresh, err = filepath.Glob(filepath.Join(folder, "*")); err != nil {
				return err
			}
		}
		for _, one := range fresh {
			if err := s.checkScratch(one); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *scene) checkScratch(dir string) error {
	b, err := local.New(dir, local.Config{})
	if err != nil {
		return err
	}
	if _, err := b.Reclaim(s.Context(), 0); err != nil {
		return err
	}
	if err := checkScratch(dir); err != nil {
		return err
	}
	return b.Close()
}

// picture is all that there is to see after a failure.
func (s *scene) picture() string {
	var b strings.Builder
	fmt.Fprintln(&b, strings.Join(s.lives, "\n"))
	_ = filepath.WalkDir(s.dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !strings.Contains(path, "locks") {
			info, _ := entry.Info()
			inside, _ := filepath.Rel(s.dir, path)
			fmt.Fprintf(&b, "%s %d %s\n", inside, info.Size(), info.ModTime().Format(time.StampMicro))
		}
		return nil
	})
	w, err := openWorld(s.dir, nil, 0)
	if err != nil {
		return fmt.Sprint(&b, err)
	}
	defer func() { _ = w.close() }()
	for _, query := range []string{
		"SELECT id, state, object_key, due_at, attempts, last_error FROM dossier_journal",
		"SELECT id, title, file, pages FROM documents",
	} {
		if err := w.print(s.Context(), &b, query); err != nil {
			fmt.Fprintln(&b, err)
		}
	}
	return b.String()
}

// print writes the rows of a query, one a line.
func (w *world) print(ctx context.Context, out io.Writer, query string) error {
	rows, err := w.pool.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, places := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			return err
		}
		for _, value := range values {
			fmt.Fprint(out, value.String, " ")
		}
		fmt.Fprintln(out)
	}
	return rows.Err()
}
