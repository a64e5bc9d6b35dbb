package faultkit

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
)

// Check compares the rows of a database with the objects of a store: the folder of a local backend or any [Inventory]. It
// is independent: plain SQL and a plain walk of the folder, and the standard library only. It keeps all keys in memory and
// reads every object, so it is for tests; nothing may be writing meanwhile.
type Check struct {
	// DB holds the rows, and the journal if there is one.
	DB *sql.DB
	// Columns that hold files, each as "table.column". Names that SQL would want quoted are refused.
	Columns []string
	// Dir is the folder of the local backend. Default: "", see Inventory.
	Dir string
	// Inventory is the store when it is no folder. Default: nil, the folder.
	Inventory Inventory
	// Backend is the registered name of that backend: records that name another one are left out. Default: "", all
	// records are of this backend.
	Backend string
}

// record is what a file column holds, as far as it can be checked.
type record struct {
	Backend  string  `json:"backend"`
	Filename string  `json:"filename"`
	Key      *string `json:"to_filename"`
	Size     *int64  `json:"size"`
	Checksum *string `json:"checksum"`

	place string // "table.column"
}

func (r record) key() string {
	if r.Key != nil {
		return *r.Key
	}
	return r.Filename
}

// Run reads everything and reports. Its error is about reading alone; what was found is [Report.Err].
func (c Check) Run(ctx context.Context) (Report, error) {
	var report Report
	references := map[string][]record{}
	for _, column := range c.Columns {
		if err := c.readColumn(ctx, column, references, &report); err != nil {
			return report, fmt.Errorf("check column %s: %w", column, err)
		}
	}
	states, err := c.readJournal(ctx)
	if err != nil {
		return report, fmt.Errorf("check journal: %w", err)
	}
	report.Journal = len(states)
	store := c.Inventory
	if store == nil {
		store = folder(c.Dir)
	}
	keys, leftover, err := store.Objects(ctx)
	if err != nil {
		return report, fmt.Errorf("check objects: %w", err)
	}
	report.Objects, report.Leftover = len(keys), leftover
	objects := shelf{ctx, store, map[string]bool{}}
	for _, key := range keys {
		objects.keys[key] = true
	}
	compareRows(references, states, objects, &report)
	compareObjects(references, states, objects, &report)
	report.sort()
	return report, nil
}

var plainColumn = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)\.([A-Za-z_][A-Za-z0-9_]*)$`)

func (c Check) readColumn(ctx context.Context, column string, references map[string][]record, report *Report) error {
	parts := plainColumn.FindStringSubmatch(column)
	if parts == nil {
		return fmt.Errorf("%q is not of the form table.column", column)
	}
	rows, err := c.DB.QueryContext(ctx, "SELECT "+parts[2]+" FROM "+parts[1]+" WHERE "+parts[2]+" IS NOT NULL")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text []byte
		if err := rows.Scan(&text); err != nil {
			return err
		}
		report.Rows++
		records, err := decode(text)
		if err != nil {
			return fmt.Errorf("%w in %s", err, text)
		}
		for _, r := range records {
			if c.Backend == "" || r.Backend == c.Backend {
				r.place = column
				references[r.key()] = append(references[r.key()], r)
				report.References++
			}
		}
	}
	return rows.Err()
}

// decode reads a column of one file or of many.
func decode(text []byte) (records []record, err error) {
	if text = bytes.TrimSpace(text); bytes.HasPrefix(text, []byte("[")) {
		return records, json.Unmarshal(text, &records)
	}
	records = make([]record, 1)
	return records, json.Unmarshal(text, &records[0])
}

// noTable is how SQLite, and then PostgreSQL and MySQL, say that there is no journal.
var noTable = regexp.MustCompile(`no such table.*dossier_journal|dossier_journal.*(does not|doesn't) exist`)

// readJournal returns the states of the keys that the journal has; none when there is no journal.
func (c Check) readJournal(ctx context.Context) (map[string]string, error) {
	states := map[string]string{}
	rows, err := c.DB.QueryContext(ctx, "SELECT backend, object_key, state FROM dossier_journal WHERE state NOT IN ('marker', 'open')")
	if err != nil {
		if noTable.MatchString(err.Error()) {
			return states, nil
		}
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var backend, key, state string
		if err := rows.Scan(&backend, &key, &state); err != nil {
			return nil, err
		}
		if c.Backend == "" || backend == c.Backend {
			states[key] = state
		}
	}
	return states, rows.Err()
}

// compareRows looks for what the rows promise.
func compareRows(references map[string][]record, states map[string]string, objects shelf, report *Report) {
	for key, records := range references {
		if len(records) > 1 {
			report.Shared = append(report.Shared, fmt.Sprintf("%s: %d references, in %s and %s", key, len(records), records[0].place, records[1].place))
		}
		if state := states[key]; state != "" {
			report.Condemned = append(report.Condemned, fmt.Sprintf("%s: in %s, and %s in the journal", key, records[0].place, state))
		}
		if !objects.keys[key] {
			report.Missing = append(report.Missing, fmt.Sprintf("%s: in %s", key, records[0].place))
			continue
		}
		for _, r := range records {
			if err := objects.verify(key, r); errors.Is(err, fs.ErrNotExist) {
				report.Missing = append(report.Missing, fmt.Sprintf("%s: in %s", key, r.place))
			} else if err != nil {
				report.Mismatched = append(report.Mismatched, fmt.Sprintf("%s: in %s: %v", key, r.place, err))
			}
		}
	}
}

// compareObjects looks for objects that no row has.
func compareObjects(references map[string][]record, states map[string]string, objects shelf, report *Report) {
	for key := range objects.keys {
		if references[key] != nil {
			continue
		}
		if state := states[key]; state != "" {
			report.Known = append(report.Known, key+": "+state+" in the journal")
			continue
		}
		report.Orphaned = append(report.Orphaned, key)
	}
}
