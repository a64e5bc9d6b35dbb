package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dossier-go/dossier/internal/filelock"
	"github.com/dossier-go/dossier/journal"
)

// sweepSideFiles settles the side files of dead owners: what a committed one lists is kept, what another one lists
// becomes delete orders.
func (m *Manager) sweepSideFiles(ctx context.Context) error {
	if m.sideDir == "" || !filelock.Supported {
		return nil
	}
	markers, err := m.journal.Markers(ctx) // before the files: a marker without a file is then surely settled
	if err != nil {
		return err
	}
	names, err := os.ReadDir(m.sideDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sweep side files: %w", err)
	}
	var errs []error
	for _, name := range names {
		path := filepath.Join(m.sideDir, name.Name())
		if id, ok := strings.CutSuffix(name.Name(), sideSuffix); ok {
			errs = append(errs, m.sweepSideFile(ctx, path, id))
		} else if strings.HasSuffix(name.Name(), ".draft") {
			errs = append(errs, removeDraft(path))
		}
	}
	errs = append(errs, m.unmarkGone(ctx, markers))
	return errors.Join(errs...)
}

// unmarkGone removes the markers whose side files are gone. The folder is synchronised first: an unlinked side file that
// came back after a power loss, without its marker, would look like one that never committed.
func (m *Manager) unmarkGone(ctx context.Context, markers []string) error {
	if len(markers) == 0 {
		return nil
	}
	if err := m.step("side.syncdir", func() error { return syncDir(m.sideDir) }); err != nil {
		return fmt.Errorf("sweep side files: %w", err)
	}
	var gone []string
	for _, id := range markers {
		if _, err := os.Stat(filepath.Join(m.sideDir, id+sideSuffix)); errors.Is(err, fs.ErrNotExist) {
			gone = append(gone, id)
		}
	}
	return m.journal.Unmark(ctx, gone...)
}

// lockSideFile takes the lock of a side file whose owner is gone; nil means that it is in use, or not there any more.
func lockSideFile(path string) (*os.File, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return lockOpened(file, path)
}

// lockOpened locks a side file that is open, or closes it.
func lockOpened(file *os.File, path string) (*os.File, error) {
	if err := filelock.TryLock(file); err != nil {
		if errors.Is(err, filelock.ErrLocked) {
			err = nil
		}
		return nil, errors.Join(err, file.Close())
	}
	// The owner may have unlinked the file between our open and our lock.
	here, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	there, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(here, there) {
		return nil, file.Close()
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (m *Manager) sweepSideFile(ctx context.Context, path, id string) (err error) {
	file, err := lockSideFile(path)
	if err != nil || file == nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	entries, err := readSideFile(file)
	if err != nil {
		return fmt.Errorf("side file %s: %w", path, err)
	}
	if err := m.settleSideFile(ctx, id, entries); err != nil {
		return err
	}
	return m.step("side.unlink", func() error { return os.Remove(path) })
}

// settleSideFile turns the entries into orders unless the marker is there, in one transaction.
func (m *Manager) settleSideFile(ctx context.Context, id string, entries []sideEntry) error {
	tx := &transaction{}
	if err := m.begin(ctx, tx, m.level); err != nil {
		return err
	}
	marked, err := m.journal.Marked(ctx, tx.conn, id)
	if err == nil && !marked && len(entries) > 0 {
		err = m.journal.Order(ctx, tx.conn, 0, sideOrders(entries)...)
	}
	if err == nil {
		err = tx.commit(ctx)
	}
	if err != nil {
		return errors.Join(err, tx.rollback(ctx))
	}
	return tx.release()
}

func sideOrders(entries []sideEntry) []journal.Order {
	var orders []journal.Order
	for _, entry := range entries {
		orders = append(orders, journal.Order{
			ID: journal.NewID(), Backend: entry.Backend, Store: entry.Store, Key: entry.Key, UploadID: entry.Upload, Intent: true,
		})
	}
	return orders
}

// removeDraft removes a side file whose owner died before it had its name.
func removeDraft(path string) error {
	info, err := os.Stat(path)
	if err != nil || time.Since(info.ModTime()) < draftAge {
		return nil //nolint:nilerr // gone, or young
	}
	file, err := lockSideFile(path)
	if err != nil || file == nil {
		return err
	}
	return errors.Join(os.Remove(path), file.Close())
}
