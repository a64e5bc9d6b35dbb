package maintenance

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
)

// AuditOptions of [Audit].
type AuditOptions struct {
	// Database with the rows and the journal. Required.
	Database *bun.DB
	// Registry of the backends to compare with; each that can list is listed. Required, with one backend at least.
	Registry *dossier.Registry
	// Columns that hold files, all of them: the objects of a column left out look orphaned. Required.
	Columns []Column
	// Prefix limits the search for orphans to keys that begin so; rows are all compared. Default: "", all keys.
	Prefix string
	// Verify reads every object and compares its bytes with the row's size and checksum, instead of asking the store
	// what it knows. Default: false.
	Verify bool
	// Parallel is how many objects are asked for at the same time. Default: 0, which means 8.
	Parallel int
	// Found is called with each finding, from one goroutine, when it has been confirmed; its error ends the audit. Default:
	// nil, findings are only counted.
	Found func(Finding) error
	// Progress is called now and then with the counts so far, from the same goroutine. Default: nil.
	Progress func(AuditReport)
}

// AuditReport counts what an audit saw.
type AuditReport struct {
	// Objects that were listed.
	Objects int64 `json:"objects"`
	// Files that rows have; a list has several.
	Files int64 `json:"files"`
	// Checked is how many of the files were compared with their objects.
	Checked int64 `json:"checked"`
	// Findings of all kinds.
	Findings int64 `json:"findings"`
	// Kinds counts the findings of each kind.
	Kinds map[Kind]int64 `json:"kinds"`
	// Unlisted names backends that cannot list their objects: orphans in them were not looked for.
	Unlisted []string `json:"unlisted,omitempty"`
}

// Audit compares rows and objects both ways and reports what differs; it changes nothing. See the package's
// documentation for what it promises while the application works. Findings are not an error.
//
// Errors: dossier.ErrInvalid (options; an unknown table or column), errors.ErrUnsupported (another database),
// those of the database, of Found, and of a store that cannot be listed because it does not work now. The report has what was
// counted until then.
func Audit(ctx context.Context, opts AuditOptions) (AuditReport, error) {
	a := audit{opts: opts, report: AuditReport{Kinds: map[Kind]int64{}}}
	err := a.prepare()
	if err == nil {
		err = a.run(ctx)
	}
	if err != nil {
		err = fmt.Errorf("audit: %w", err)
	}
	return a.report, err
}

// audit is one run of Audit.
type audit struct {
	opts     AuditOptions
	names    []string                   // registered, in order
	stores   map[string]string          // identity by registered name
	objects  map[string]dossier.Backend // by registered name
	database database
	scratch  *scratch
	sources  []source
	report   AuditReport
}

func (a *audit) prepare() error {
	switch {
	case a.opts.Database == nil:
		return fmt.Errorf("%w: no database", dossier.ErrInvalid)
	case databaseOf(a.opts.Database) == nil:
		return fmt.Errorf("%w: the %v dialect; SQLite, PostgreSQL and MySQL are supported",
			errors.ErrUnsupported, a.opts.Database.Dialect().Name())
	case a.opts.Registry == nil || len(a.opts.Registry.Names()) == 0:
		return fmt.Errorf("%w: no backend is registered, so every file would be missing", dossier.ErrInvalid)
	case len(a.opts.Columns) == 0:
		return fmt.Errorf("%w: no columns, so every object would be orphaned", dossier.ErrInvalid)
	}
	for i, column := range a.opts.Columns {
		if slices.Index(a.opts.Columns, column) != i {
			return fmt.Errorf("%w: column %s is named twice", dossier.ErrInvalid, column)
		}
	}
	if a.opts.Parallel <= 0 {
		a.opts.Parallel = 8
	}
	return errors.Join(dossier.CheckPrefix(a.opts.Prefix), a.resolve())
}

// resolve asks each backend for the identity of its store: two names may stand for the same objects.
func (a *audit) resolve() error {
	a.stores, a.objects = map[string]string{}, map[string]dossier.Backend{}
	a.names = a.opts.Registry.Names()
	for _, name := range a.names {
		b, err := a.opts.Registry.Backend(name)
		if err != nil {
			return err
		}
		a.stores[name], a.objects[name] = b.Describe().Store, b
	}
	return nil
}

// run collects objects, journal and rows in this order, notes what looks wrong, and looks at that again.
func (a *audit) run(ctx context.Context) (err error) {
	a.database = databaseOf(a.opts.Database)
	if a.scratch, err = a.database.scratch(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.scratch.close(ctx)) }()
	if err := a.resolveColumns(ctx); err != nil {
		return err
	}
	if err := a.listObjects(ctx); err != nil {
		return err
	}
	if a.report.Files, err = a.snapshot(ctx); err != nil {
		return err
	}
	suspects, err := a.suspect(ctx)
	if err != nil || suspects == 0 {
		return err
	}
	if _, err := a.snapshot(ctx); err != nil {
		return err
	}
	return a.confirm(ctx)
}

func (a *audit) resolveColumns(ctx context.Context) error {
	for _, column := range a.opts.Columns {
		source, err := a.database.resolve(ctx, a.scratch, column)
		if err != nil {
			return err
		}
		a.sources = append(a.sources, source)
	}
	return nil
}

func (a *audit) progress() {
	if a.opts.Progress != nil {
		a.opts.Progress(a.report)
	}
}

// found counts a finding and hands it on.
func (a *audit) found(f Finding) error {
	a.report.Findings++
	a.report.Kinds[f.Kind]++
	if a.opts.Found == nil {
		return nil
	}
	return a.opts.Found(f)
}
