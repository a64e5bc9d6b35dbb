package maintenance

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dossier-go/dossier"
)

// Side files hold the intents of uploads that a session makes inside its open transaction: package session writes
// them beside the database, a header and then one JSON object a line, each synchronised before its object is sent.
const (
	sideFolderSuffix = "-dossier"
	sideFileSuffix   = ".intent"
	sideHeader       = "dossier side file v1"
)

// noteSideFiles notes the objects that side files know. They are read before the rows: one that is gone by then is
// settled, so its objects have rows, orders, or are deleted.
func (s *scratch) noteSideFiles(ctx context.Context) error {
	folder, err := s.sideFolder(ctx)
	if err != nil || folder == "" {
		return err
	}
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read side files: %w", err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), sideFileSuffix) {
			continue
		}
		if err := s.noteSideFile(ctx, filepath.Join(folder, entry.Name())); err != nil {
			return fmt.Errorf("read side file %s: %w", entry.Name(), err)
		}
	}
	return nil
}

// sideFolder returns where the side files of the database are, or "" when it is not in a file.
func (s *scratch) sideFolder(ctx context.Context) (string, error) {
	var path sql.NullString
	err := s.conn.QueryRowContext(ctx, "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&path)
	if err != nil {
		return "", fmt.Errorf("ask for the database file: %w", err)
	}
	if path.String == "" {
		return "", nil
	}
	real, err := filepath.EvalSymlinks(path.String)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil // a file system of SQLite's own
	}
	return real + sideFolderSuffix, err
}

func (s *scratch) noteSideFile(ctx context.Context, path string) (err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	reader := bufio.NewReader(file)
	header, err := reader.ReadString('\n')
	if err != nil || strings.TrimSuffix(header, "\n") != sideHeader {
		return fmt.Errorf("%w: it does not begin with %q; was it written by another version?", dossier.ErrInvalid, sideHeader)
	}
	for {
		line, err := reader.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil // what follows the last newline was never written whole, and its object never sent
		}
		if err != nil {
			return err
		}
		if err := s.noteSideLine(ctx, line); err != nil {
			return err
		}
	}
}

func (s *scratch) noteSideLine(ctx context.Context, line string) error {
	var entry struct{ Store, Key string }
	if err := json.Unmarshal([]byte(line), &entry); err != nil {
		return fmt.Errorf("%w: %w", dossier.ErrInvalid, err)
	}
	return s.exec(ctx, "INSERT OR IGNORE INTO temp.dossier_audit_known (store, key, state) VALUES (?, ?, 'side file')", entry.Store, entry.Key)
}
