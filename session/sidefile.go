package session

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/filelock"
	"github.com/dossier-go/dossier/journal"
)

// sideFile holds the intents of uploads that are made while the session's own transaction holds SQLite's write lock, so
// that the journal cannot be written: a file beside the database, locked by flock for as long as its owner lives. Its
// marker is inserted in that transaction: if it commits, the objects that the file lists have rows; else a sweep that
// gets the lock deletes them. For a database in memory there is no file: what a crash leaves is gone with the rows.
type sideFile struct {
	m     *Manager
	id    string
	path  string // "" in memory
	file  *os.File
	frame *frame // in which its marker is; nil when there is none

	mu      sync.Mutex // parallel uploads add their ids
	entries []sideEntry
	broken  error // the last line may be torn: nothing can be added behind it
}

// sideEntry is one line of a side file. A later line about the same object takes the place of an earlier one.
type sideEntry struct {
	Backend string `json:"backend"`
	Store   string `json:"store"`
	Key     string `json:"key"`
	Upload  string `json:"upload,omitempty"` // id of a multipart upload

	doubtful bool // nobody knows whether its upload took effect
}

// addEntry adds what a line says.
func addEntry(entries []sideEntry, e sideEntry) []sideEntry {
	i := slices.IndexFunc(entries, func(known sideEntry) bool { return known.Store == e.Store && known.Key == e.Key })
	if i < 0 {
		return append(entries, e)
	}
	entries[i] = e
	return entries
}

const (
	sideSuffix = ".intent"
	sideHeader = "dossier side file v1\n"
)

// Steps lists the names that Options.Step is called with, each with ".before" and ".after".
func Steps() []string {
	return []string{"side.create", "side.sync", "side.lock", "side.rename", "side.syncdir", "side.append", "side.unlink"}
}

// step runs one step between its two names.
func (m *Manager) step(name string, fn func() error) error {
	if err := m.opts.Step(name + ".before"); err != nil {
		return err
	}
	if err := fn(); err != nil {
		return err
	}
	return m.opts.Step(name + ".after")
}

// newSideFile makes a locked, empty side file: written and locked under another name first, so that a sweep never sees it
// without its lock.
func (m *Manager) newSideFile() (*sideFile, error) {
	f := &sideFile{m: m, id: journal.NewID()}
	if m.sideDir == "" {
		return f, nil
	}
	if !filelock.Supported {
		return nil, fmt.Errorf("%w: this system has no file locks; stage the files first", dossier.ErrUploadInTransaction)
	}
	if err := f.create(); err != nil {
		_ = os.Remove(f.path) // it lists nothing yet; one that cannot be removed is left to a sweep
		return nil, errors.Join(fmt.Errorf("side file: %w", err), f.abandon())
	}
	return f, nil
}

func (f *sideFile) create() error {
	if err := os.MkdirAll(f.m.sideDir, 0o700); err != nil {
		return err
	}
	draft := filepath.Join(f.m.sideDir, f.id+".draft")
	f.path = draft
	steps := []struct {
		name string
		do   func() error
	}{
		{"side.create", func() (err error) {
			if f.file, err = os.OpenFile(draft, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600); err == nil {
				_, err = f.file.WriteString(sideHeader)
			}
			return err
		}},
		{"side.lock", func() error { return filelock.TryLock(f.file) }},
		{"side.sync", func() error { return f.file.Sync() }},
		{"side.rename", func() error {
			err := os.Rename(draft, filepath.Join(f.m.sideDir, f.id+sideSuffix))
			if err == nil {
				f.path = filepath.Join(f.m.sideDir, f.id+sideSuffix)
			}
			return err
		}},
		{"side.syncdir", func() error { return syncDir(f.m.sideDir) }},
	}
	for _, step := range steps {
		if err := f.m.step(step.name, step.do); err != nil {
			return err
		}
	}
	return nil
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// append lists objects durably, before their bytes are sent. A line that was not written whole is no entry.
func (f *sideFile) append(entries ...sideEntry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return fmt.Errorf("side file: it cannot be added to after: %w", f.broken)
	}
	var lines []byte
	for _, entry := range entries {
		line, err := json.Marshal(entry)
		if err != nil {
			return fmt.Errorf("side file: %w", err)
		}
		lines = append(append(lines, line...), '\n')
		f.entries = addEntry(f.entries, entry)
	}
	if f.file == nil {
		return nil
	}
	f.broken = f.m.step("side.append", func() error {
		if _, err := f.file.Write(lines); err != nil {
			return err
		}
		return f.file.Sync()
	})
	if f.broken != nil {
		return fmt.Errorf("side file: %w", f.broken)
	}
	return nil
}

// doubt notes that nobody knows whether the upload of an object took effect.
func (f *sideFile) doubt(store, key string) {
	for i, entry := range f.entries {
		if entry.Store == store && entry.Key == key {
			f.entries[i].doubtful = true
		}
	}
}

// remove unlinks the file, when its objects are settled, and gives the lock up.
func (f *sideFile) remove() error {
	if f.file == nil {
		return nil
	}
	err := f.m.step("side.unlink", func() error { return os.Remove(f.path) })
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, f.abandon())
}

// abandon gives the lock up and leaves the file to a sweep.
func (f *sideFile) abandon() error {
	if f.file == nil {
		return nil
	}
	file := f.file
	f.file = nil
	return file.Close()
}

// uploadInside uploads while the transaction is open: intents go to the side file.
func (s *Session) uploadInside(ctx context.Context, batch []*stagedFile) error {
	if s.side == nil {
		side, err := s.m.newSideFile()
		if err != nil {
			return err
		}
		s.side = side
	}
	var entries []sideEntry
	for _, staged := range batch {
		staged.side = s.side
		entries = append(entries, staged.sideEntry())
	}
	if err := s.side.append(entries...); err != nil {
		return err
	}
	return s.put(ctx, batch, func(staged *stagedFile) func(string) error {
		return func(uploadID string) error {
			entry := staged.sideEntry()
			entry.Upload = uploadID
			return staged.side.append(entry)
		}
	})
}

func (f *stagedFile) sideEntry() sideEntry {
	return sideEntry{Backend: f.ref.Backend, Store: f.store, Key: f.ref.Key}
}

// readSideFile returns the whole lines of a side file.
func readSideFile(file io.Reader) ([]sideEntry, error) {
	var entries []sideEntry
	reader := bufio.NewReader(file)
	for first := true; ; first = false {
		line, err := reader.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return entries, nil // what follows the last newline was never written whole
		}
		if err != nil {
			return nil, err
		}
		if first && line != sideHeader {
			return nil, fmt.Errorf("%w: it begins with %q, not with %q", dossier.ErrInvalid, strings.TrimSpace(line), strings.TrimSpace(sideHeader))
		}
		if first {
			continue
		}
		var entry sideEntry
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			return nil, fmt.Errorf("%w: %q", dossier.ErrInvalid, strings.TrimSpace(line))
		}
		entries = addEntry(entries, entry)
	}
}

// draftAge is when a side file that never got its name is left over.
const draftAge = time.Hour
