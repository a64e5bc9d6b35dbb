package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dossier-go/dossier"
)

// examineFile finds the file of an SQLite database and refuses pools that cannot work.
func (m *Manager) examineFile(ctx context.Context) error {
	path, err := databasePath(ctx, m.db.DB)
	if err != nil {
		return err
	}
	open := m.db.Stats().MaxOpenConnections
	if path == "" && open != 1 {
		private, err := privateMemory(ctx, m.db.DB)
		if err != nil {
			return err
		}
		if private {
			return fmt.Errorf("%w: each connection is a private database in memory; open \"file:/name?vfs=memdb\", "+
				"which all connections share", dossier.ErrInvalid)
		}
	}
	if err := m.notAlone(); err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		m.sideDir = path + "-dossier"
	}
	return nil
}

// privateMemory reports whether two connections see two databases: then both can hold the write lock.
func privateMemory(ctx context.Context, db *sql.DB) (private bool, err error) {
	first, err := db.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, first.Close()) }()
	second, err := db.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, second.Close()) }()
	var wait int
	if err := second.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&wait); err != nil {
		return false, err
	}
	if _, err := first.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return false, err
	}
	_, _ = second.ExecContext(ctx, "PRAGMA busy_timeout = 0")
	if _, busy := second.ExecContext(ctx, "BEGIN IMMEDIATE"); busy == nil {
		private = true
		_, err = second.ExecContext(ctx, "ROLLBACK")
	}
	_, restore := second.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", wait))
	_, end := first.ExecContext(ctx, "ROLLBACK")
	return private, errors.Join(err, restore, end)
}

// databasePath asks SQLite for the file of the main database; "" is a private database.
func databasePath(ctx context.Context, db *sql.DB) (path string, err error) {
	rows, err := db.QueryContext(ctx, "PRAGMA database_list")
	if err != nil {
		return "", fmt.Errorf("ask for the database file: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var seq int
		var name string
		var file sql.NullString
		if err := rows.Scan(&seq, &name, &file); err != nil {
			return "", err
		}
		if name == "main" {
			path = file.String
		}
	}
	return path, rows.Err()
}
