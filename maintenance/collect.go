package maintenance

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dossier-go/dossier"
)

// every is how often progress is reported, in objects or rows.
const every = 256

// listObjects notes the keys of each store, once for all names that it is registered under.
func (a *audit) listObjects(ctx context.Context) error {
	const query = "INSERT OR IGNORE INTO temp.dossier_audit_object (store, key) VALUES (?, ?)"
	listed := map[string]bool{}
	return a.scratch.insertMany(ctx, query, func(insert func(args ...any) error) error {
		for _, name := range a.names {
			store := a.stores[name]
			if listed[store] {
				continue
			}
			err := a.listStore(ctx, name, func(key string) error { return insert(store, key) })
			if errors.Is(err, errors.ErrUnsupported) {
				a.report.Unlisted = append(a.report.Unlisted, name)
			} else if err != nil {
				return err
			}
			listed[store] = true
		}
		return nil
	})
}

func (a *audit) listStore(ctx context.Context, name string, note func(key string) error) error {
	for info, err := range dossier.List(ctx, a.objects[name], dossier.ListOptions{Prefix: a.opts.Prefix}) {
		if err != nil {
			return err
		}
		if err := note(info.Key); err != nil {
			return err
		}
		if a.report.Objects++; a.report.Objects%every == 0 {
			a.progress()
		}
	}
	return nil
}

// snapshot takes journal and rows as of one moment, side files just before, and returns the number of files.
func (a *audit) snapshot(ctx context.Context) (files int64, err error) {
	for _, table := range []string{"known", "raw", "file"} {
		if err := a.scratch.exec(ctx, "DELETE FROM temp.dossier_audit_"+table); err != nil {
			return 0, err
		}
	}
	if err := a.database.copyRows(ctx, a.scratch, a.sources); err != nil {
		return 0, err
	}
	if err := a.decodeRows(ctx); err != nil {
		return 0, err
	}
	return a.scratch.count(ctx, "SELECT count(*) FROM temp.dossier_audit_file")
}

// decodeRows makes files of the columns' values, which are read and written on the same connection.
func (a *audit) decodeRows(ctx context.Context) error {
	const query = "INSERT INTO temp.dossier_audit_file (col, pk, backend, store, key, size, checksum, type, problem) " +
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
	return a.scratch.insertMany(ctx, query, func(insert func(args ...any) error) (err error) {
		rows, err := a.scratch.conn.QueryContext(ctx, "SELECT col, pk, value FROM temp.dossier_audit_raw ORDER BY id")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for rows.Next() {
			if err := a.decodeRow(rows, insert); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

func (a *audit) decodeRow(rows *sql.Rows, insert func(args ...any) error) error {
	var column int
	var key string
	var value any
	if err := rows.Scan(&column, &key, &value); err != nil {
		return err
	}
	records, problem := decode(value)
	if problem != nil {
		if err := insert(column, key, "", "", "", -1, "", "", problem.Error()); err != nil {
			return err
		}
	}
	for _, r := range records {
		if err := insert(column, key, r.Backend, a.stores[r.Backend], r.Key, r.Size, r.Checksum, r.ContentType, ""); err != nil {
			return err
		}
	}
	return nil
}

// decode reads a column of one file or of many. It returns what it can read of a list beside the error about the rest.
func decode(value any) (records []dossier.Record, problem error) {
	if text, ok := value.([]byte); ok {
		value = string(text)
	}
	text, ok := value.(string)
	parts := []json.RawMessage{json.RawMessage(text)}
	if !ok {
		return nil, fmt.Errorf("%w: a %T, not text", dossier.ErrInvalid, value)
	}
	if strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "[") {
		parts = nil
		if err := json.Unmarshal([]byte(text), &parts); err != nil {
			return nil, fmt.Errorf("%w: %w", dossier.ErrInvalid, err)
		}
	}
	for _, part := range parts {
		var r dossier.Record
		if err := r.Scan([]byte(part)); err != nil {
			problem = errors.Join(problem, err)
		} else if !r.IsZero() {
			records = append(records, r)
		}
	}
	return records, problem
}
