package maintenance

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/dossier-go/dossier"
)

// page is how many files are read, and then compared, at a time.
const page = 256

const (
	noRow = " AND NOT EXISTS (SELECT 1 FROM temp.dossier_audit_file f WHERE f.store = o.store AND f.key = o.key)" +
		" AND NOT EXISTS (SELECT 1 FROM temp.dossier_audit_known k WHERE k.store = o.store AND k.key = o.key)"
	findOrphans = "INSERT INTO temp.dossier_audit_suspect (col, store, key, backend, pk) " +
		"SELECT -1, o.store, o.key, '', '' FROM temp.dossier_audit_object o WHERE true" + noRow
	addSuspect = "INSERT OR IGNORE INTO temp.dossier_audit_suspect (col, store, key, backend, pk) VALUES (?, ?, ?, ?, ?)"

	selectFiles = "SELECT f.id, f.col, f.pk, f.backend, f.store, f.key, f.size, f.checksum, f.type, f.problem, coalesce(k.state, '') " +
		"FROM temp.dossier_audit_file f LEFT JOIN temp.dossier_audit_known k ON k.store = f.store AND k.key = f.key "
	onlySuspects = "CROSS JOIN temp.dossier_audit_suspect s ON " + // CROSS JOIN: SQLite keeps the order of the tables
		"s.col = f.col AND s.store = f.store AND s.key = f.key AND s.backend = f.backend AND s.pk = f.pk "
	filesAfter = "WHERE f.id > ? ORDER BY f.id LIMIT ?"

	selectOrphans = "SELECT o.store, o.key FROM temp.dossier_audit_suspect o " +
		"WHERE o.col = -1 AND (o.store, o.key) > (?, ?)" + noRow + " ORDER BY o.store, o.key LIMIT ?"
)

// suspect notes what looks wrong and returns how much that is.
func (a *audit) suspect(ctx context.Context) (int64, error) {
	if err := a.scratch.exec(ctx, findOrphans); err != nil {
		return 0, err
	}
	err := a.eachFile(ctx, selectFiles+filesAfter, func(f *file) error {
		a.report.Checked++
		if len(f.findings) == 0 {
			return nil
		}
		return a.scratch.exec(ctx, addSuspect, f.column, f.store, f.record.Key, f.record.Backend, f.row)
	})
	if err != nil {
		return 0, err
	}
	return a.scratch.count(ctx, "SELECT count(*) FROM temp.dossier_audit_suspect")
}

// confirm looks at the suspects again, with rows and journal as they are now, and reports what is still wrong.
func (a *audit) confirm(ctx context.Context) error {
	err := a.eachFile(ctx, selectFiles+onlySuspects+filesAfter, func(f *file) error {
		for _, finding := range f.findings {
			if err := a.found(finding); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return a.confirmOrphans(ctx)
}

// eachFile checks the files that a query yields page by page, many at the same time, and calls next in their order.
func (a *audit) eachFile(ctx context.Context, query string, next func(*file) error) error {
	for last := int64(0); ; {
		files, err := a.filePage(ctx, query, last)
		if err != nil || len(files) == 0 {
			return err
		}
		a.parallel(files, func(f *file) { a.check(ctx, f) })
		if err := context.Cause(ctx); err != nil {
			return err
		}
		for i := range files {
			if err := next(&files[i]); err != nil {
				return err
			}
		}
		last = files[len(files)-1].id
		a.progress()
	}
}

// parallel calls fn for every file, Options.Parallel at a time.
func (a *audit) parallel(files []file, fn func(*file)) {
	var group sync.WaitGroup
	limit := make(chan struct{}, a.opts.Parallel)
	for i := range files {
		limit <- struct{}{}
		group.Go(func() {
			defer func() { <-limit }()
			fn(&files[i])
		})
	}
	group.Wait()
}

func (a *audit) filePage(ctx context.Context, query string, after int64) (files []file, err error) {
	rows, err := a.scratch.conn.QueryContext(ctx, query, after, page)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var f file
		r := &f.record
		err := rows.Scan(&f.id, &f.column, &f.row, &r.Backend, &f.store, &r.Key, &r.Size, &r.Checksum, &r.ContentType, &f.problem, &f.journal)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, rows.Err()
}

// confirmOrphans reports the objects that still have neither row nor journal entry, and are still there.
func (a *audit) confirmOrphans(ctx context.Context) error {
	for store, key := "", ""; ; {
		files, err := a.orphanPage(ctx, store, key)
		if err != nil || len(files) == 0 {
			return err
		}
		a.parallel(files, func(f *file) { a.checkOrphan(ctx, f) })
		if err := context.Cause(ctx); err != nil {
			return err
		}
		for _, f := range files {
			for _, finding := range f.findings {
				if err := a.found(finding); err != nil {
					return err
				}
			}
		}
		last := files[len(files)-1]
		store, key = last.store, last.record.Key
		a.progress()
	}
}

func (a *audit) orphanPage(ctx context.Context, store, key string) (files []file, err error) {
	rows, err := a.scratch.conn.QueryContext(ctx, selectOrphans, store, key, page)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		f := file{column: -1}
		if err := rows.Scan(&f.store, &f.record.Key); err != nil {
			return nil, err
		}
		f.record.Backend = a.nameOf(f.store)
		files = append(files, f)
	}
	return files, rows.Err()
}

// nameOf returns the first name that the store is registered under.
func (a *audit) nameOf(store string) string {
	for _, name := range a.names {
		if a.stores[name] == store {
			return name
		}
	}
	return ""
}

func (a *audit) checkOrphan(ctx context.Context, f *file) {
	finding := Finding{Kind: Orphaned, Backend: f.record.Backend, Key: f.record.Key}
	info, err := a.objects[f.record.Backend].Stat(ctx, f.record.Key)
	switch {
	case errors.Is(err, dossier.ErrNotExist):
		return
	case err != nil:
		finding.Kind, finding.Detail = Unreadable, err.Error()
	default:
		finding.Detail = fmt.Sprintf("%d bytes", info.Size)
	}
	f.findings = []Finding{finding}
}
