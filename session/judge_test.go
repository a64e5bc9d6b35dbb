package session_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/journal"
)

// reference is what a row holds of a file, read from its JSON.
type reference struct {
	Key      string `json:"to_filename"`
	Size     int64  `json:"size"`
	Checksum string `json:"checksum"`
	place    string
}

// references reads every file column with plain SQL.
func (w *world) references() []reference {
	w.t.Helper()
	var all []reference
	for _, column := range w.columns {
		table, name, _ := strings.Cut(column, ".")
		for _, value := range w.texts(fmt.Sprintf(`SELECT %s FROM %s WHERE %[1]s IS NOT NULL`, name, table)) {
			var refs []reference
			if !strings.HasPrefix(value, "[") {
				value = "[" + value + "]"
			}
			must(w.t, json.Unmarshal([]byte(value), &refs))
			for _, ref := range refs {
				ref.place = column
				all = append(all, ref)
			}
		}
	}
	return all
}

// objects reads the store: with a plain walk of its folder, or from memory.
func (w *world) objects() map[string]string {
	w.t.Helper()
	all := map[string]string{}
	if w.memory != nil {
		for info, err := range w.memory.List(w.ctx, dossier.ListOptions{}) {
			must(w.t, err)
			object, err := w.memory.Get(w.ctx, info.Key, dossier.GetOptions{})
			must(w.t, err)
			b, err := io.ReadAll(object)
			must(w.t, errors.Join(err, object.Close()))
			all[info.Key] = string(b)
		}
		return all
	}
	must(w.t, filepath.WalkDir(w.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		key, _ := filepath.Rel(w.folder, path)
		if strings.HasPrefix(key, ".dossier") {
			return nil
		}
		b, err := os.ReadFile(path)
		all[filepath.ToSlash(key)] = string(b)
		return err
	}))
	return all
}

// journal returns the journal's rows as "state key".
func (w *world) journal() []string {
	w.t.Helper()
	return w.texts("SELECT concat(state, ' ', object_key) FROM dossier_journal WHERE state NOT IN ('marker', 'open') ORDER BY 1")
}

// check is the independent judge: plain SQL and a plain walk. Every reference has its whole object, no object has two, and
// every other object is known to the journal or to a side file.
func (w *world) check() {
	w.t.Helper()
	objects, known := w.objects(), map[string]string{}
	for _, row := range w.journal() {
		state, key, _ := strings.Cut(row, " ")
		known[key] = state
	}
	held := map[string]bool{}
	for _, ref := range w.references() {
		content, there := objects[ref.Key]
		sum := fmt.Sprintf("crc32c:%08x", crc32.Checksum([]byte(content), crc32.MakeTable(crc32.Castagnoli)))
		switch {
		case !there:
			w.t.Errorf("%s: the object %s is missing", ref.place, ref.Key)
		case int64(len(content)) != ref.Size || sum != ref.Checksum:
			w.t.Errorf("%s: %s has %d bytes %s, the row says %d %s", ref.place, ref.Key, len(content), sum, ref.Size, ref.Checksum)
		case held[ref.Key]:
			w.t.Errorf("%s: %s stands at two places", ref.place, ref.Key)
		case known[ref.Key] != "":
			w.t.Errorf("%s: %s is %s in the journal", ref.place, ref.Key, known[ref.Key])
		}
		held[ref.Key] = true
	}
	side := w.sideText()
	for key := range objects {
		if !held[key] && known[key] == "" && !strings.Contains(side, key) {
			w.t.Errorf("nobody knows the object %s", key)
		}
	}
}

// sideText is what all side files say.
func (w *world) sideText() string {
	w.t.Helper()
	var all strings.Builder
	for _, name := range w.sideFiles() {
		b, err := os.ReadFile(filepath.Join(w.sideDir, name))
		must(w.t, err)
		all.Write(b)
	}
	return all.String()
}

func (w *world) sideFiles() []string {
	w.t.Helper()
	if w.sideDir == "" {
		return nil
	}
	entries, err := os.ReadDir(w.sideDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	must(w.t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// fallDue makes everything in the journal due now.
func (w *world) fallDue() {
	w.t.Helper()
	w.exec("UPDATE dossier_journal SET due_at = 0 WHERE state <> 'marker'")
}

// settle sweeps everything that is due or will be, tombstones too, and then wants nothing left over: exactly the objects
// with these contents, each in a row, an empty journal and no side file.
func (w *world) settle(contents ...string) {
	w.t.Helper()
	w.check()
	w.faults.set(nil)
	for range 3 {
		w.fallDue()
		_, err := w.Sweep(w.ctx, journal.SweepOptions{})
		must(w.t, err)
	}
	w.check()
	w.wantObjects(contents...)
	if left := w.texts("SELECT concat(state, ' ', object_key) FROM dossier_journal"); len(left) > 0 {
		w.t.Errorf("left in the journal: %q", left)
	}
	if left := w.sideFiles(); len(left) > 0 {
		w.t.Errorf("side files left: %q", left)
	}
	if refs := w.references(); len(refs) != len(contents) {
		w.t.Errorf("the rows hold %d files, want %d", len(refs), len(contents))
	}
}

// wantObjects wants exactly the objects with these contents in the store.
func (w *world) wantObjects(contents ...string) {
	w.t.Helper()
	var have []string
	for _, content := range w.objects() {
		have = append(have, content)
	}
	slices.Sort(have)
	slices.Sort(contents)
	if !slices.Equal(have, contents) {
		w.t.Errorf("the store has %q, want %q", have, contents)
	}
}
