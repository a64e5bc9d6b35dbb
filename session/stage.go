package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
)

// stagedFile is an object that was uploaded in this unit of work. No committed row has it yet.
type stagedFile struct {
	transfer *fileobject.Transfer
	ref      fileobject.Reference
	store    string
	column   string       // "table.column" whose policy it passed
	id       string       // of its journal row; "" when the side file has it
	side     *sideFile    // that lists it; nil when the journal has it
	frame    *frame       // whose row took it; nil when none did
	direct   *uploadClaim // of a direct upload, whose intent is not this session's
	tookBack bool         // an import that cancelled the object's delete order
}

// wanted is a pending file of a call with the column that it is for.
type wanted struct {
	row   row
	field *fileField
	file  *fileobject.FileObject
}

func (w wanted) column() string { return w.row.table.Name + "." + w.field.field.Name }

func (w wanted) fail(err error) error {
	return fmt.Errorf("%s: %w", w.column(), err)
}

// Stage uploads the pending files of models now, so that the transaction that writes the rows later is short: rules 1
// and 2. The rows are written with Insert, Update or AppendFiles; what no row takes is removed at the end of the unit
// of work. Models need no more than what their key templates use.
func (s *Session) Stage(ctx context.Context, models ...any) error {
	if err := s.enterWrite("stage"); err != nil {
		return err
	}
	defer s.leave()
	rows, err := s.m.rows(models...)
	if err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	return s.stageRows(ctx, rows, nil)
}

// StageFile uploads one pending file for a field of the model, named by column or Go name: for forms that arrive part by
// part. Put the file into the field, or give it to AppendFiles, afterwards.
func (s *Session) StageFile(ctx context.Context, model any, field string, f *fileobject.FileObject) error {
	if err := s.enterWrite("stage file"); err != nil {
		return err
	}
	defer s.leave()
	rows, err := s.m.rows(model)
	if err != nil {
		return fmt.Errorf("stage file: %w", err)
	}
	if len(rows) != 1 {
		return fmt.Errorf("stage file: %w: one model is needed, not %d", dossier.ErrInvalid, len(rows))
	}
	column, err := rows[0].fileField(field)
	if err != nil {
		return fmt.Errorf("stage file: %w", err)
	}
	if f == nil {
		return fmt.Errorf("stage file: %w: the file is nil", dossier.ErrInvalid)
	}
	return s.upload(ctx, []wanted{{rows[0], column, f}})
}

// stageRows uploads the pending files of rows, in the named columns or in all.
func (s *Session) stageRows(ctx context.Context, rows []row, only map[string]bool) error {
	var all []wanted
	for _, r := range rows {
		for _, field := range r.plan.files {
			if only != nil && !only[field.field.Name] {
				continue
			}
			if err := r.checkList(field); err != nil {
				return wanted{row: r, field: field}.fail(err)
			}
			for _, file := range r.files(field) {
				if unstored(file) {
					all = append(all, wanted{r, field, file})
				}
			}
		}
	}
	return s.upload(ctx, all)
}

// upload stores the wanted files: intents first, then the bytes, in parallel.
func (s *Session) upload(ctx context.Context, all []wanted) error {
	if len(all) == 0 {
		return nil
	}
	if err := s.checkUpload(); err != nil {
		return err
	}
	batch, err := s.beginTransfers(ctx, all)
	begun := batch
	defer func() {
		for _, staged := range begun {
			_ = staged.transfer.Close() // closes a source that was read; its error came from reading it
		}
	}()
	if err != nil {
		return err
	}
	if batch, err = s.takeUploaded(ctx, batch); err != nil || len(batch) == 0 {
		return err
	}
	if s.tx != nil && s.m.engine.traits().oneWriter {
		return s.uploadInside(ctx, batch)
	}
	return s.uploadOutside(ctx, batch)
}

// checkUpload refuses an upload whose intent the open transaction could not adopt, because it would not see it.
func (s *Session) checkUpload() error {
	traits := s.m.engine.traits()
	if s.tx == nil || traits.oneWriter || traits.seesOthers || s.tx.level == sql.LevelReadCommitted {
		return nil
	}
	return fmt.Errorf("%w: at %v it does not see what is committed after its beginning; upload with Stage before the first statement, "+
		"or queue with Add", dossier.ErrUploadInTransaction, s.tx.level)
}

// beginTransfers opens every file and checks it before anything is stored.
func (s *Session) beginTransfers(ctx context.Context, all []wanted) ([]*stagedFile, error) {
	var batch []*stagedFile
	for _, w := range all {
		claim := directUpload(w.file)
		if err := s.checkDirect(ctx, w, batch); err != nil {
			return batch, w.fail(err)
		}
		t, err := s.beginTransfer(ctx, w)
		if err != nil {
			return batch, w.fail(err)
		}
		w.file.Bind(s.m.opts.Registry) // so that it can be read when it is committed
		batch = append(batch, &stagedFile{transfer: t, ref: t.Reference(), store: t.Backend().Describe().Store, column: w.column(), direct: claim})
	}
	return batch, nil
}

// beginTransfer opens one file. A reader that another handle has read, as in the attempt before, would deliver nothing, and
// an empty file would be stored without a word.
func (s *Session) beginTransfer(ctx context.Context, w wanted) (*fileobject.Transfer, error) {
	for _, other := range s.read {
		if fileobject.SameReader(w.file, other) {
			return nil, fmt.Errorf("file %q: %w: another handle has read its reader; make the handle once, outside of what is "+
				"tried again, or from bytes, a path or an upload", w.file.Filename, dossier.ErrConsumed)
		}
	}
	t, err := fileobject.Begin(ctx, w.file, fileobject.Target{
		Registry: s.m.opts.Registry, Policy: w.field.policy, Values: w.row.keyValues(w.field),
	})
	if errors.Is(err, dossier.ErrConsumed) {
		err = fmt.Errorf("%w; make a new one from bytes, a path or an upload, which can be read again", err)
	}
	if w.file.ReadsOnce() {
		s.read = append(s.read, w.file)
	}
	return t, err
}

// uploadOutside is rules 1 and 2 beside the transaction, if one is open: one statement of the journal's own announces all,
// then the bytes go, each upload within its lease.
func (s *Session) uploadOutside(ctx context.Context, batch []*stagedFile) error {
	var intents []journal.Intent
	var ids []string
	for _, staged := range batch {
		staged.id = journal.NewID()
		ids = append(ids, staged.id)
		intents = append(intents, journal.Intent{ID: staged.id, Backend: staged.ref.Backend, Store: staged.store, Key: staged.ref.Key})
	}
	from := time.Now() // before the insert: the lease ends at the database no earlier
	if err := s.m.journal.Announce(ctx, "session", s.m.opts.Lease, intents...); err != nil {
		return s.failedBatch(ctx, nil, err)
	}
	s.keeper.add(from, ids...)
	uploads, cancel := s.keeper.bound(ctx)
	defer cancel()
	s.keeper.start(ctx)
	return s.put(uploads, batch, func(staged *stagedFile) func(string) error {
		return func(uploadID string) error { return s.m.journal.RecordUpload(uploads, staged.id, uploadID) }
	})
}

// put sends the bytes in parallel; the first failure cancels the rest. What was stored is staged, what was not is
// forgotten if that is certain.
func (s *Session) put(ctx context.Context, batch []*stagedFile, onUploadID func(*stagedFile) func(string) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	errs := make([]error, len(batch))
	slots := make(chan struct{}, s.m.opts.ParallelUploads)
	var group sync.WaitGroup
	for i, staged := range batch {
		slots <- struct{}{}
		if context.Cause(ctx) != nil {
			errs[i] = context.Cause(ctx)
			<-slots
			continue
		}
		group.Go(func() {
			defer func() { <-slots }()
			if errs[i] = staged.transfer.Put(ctx, onUploadID(staged)); errs[i] != nil {
				cancel(errs[i])
			}
		})
	}
	group.Wait()
	return s.sortOut(ctx, batch, errs)
}

// sortOut keeps what was stored and forgets what positively was not.
func (s *Session) sortOut(ctx context.Context, batch []*stagedFile, errs []error) error {
	var gone []*stagedFile
	var first error
	for i, staged := range batch {
		switch {
		case errs[i] == nil:
			put(&s.staged, staged.ref, staged)
			continue
		case dossier.OutcomeOf(errs[i]) == dossier.OutcomeNotApplied:
			gone = append(gone, staged)
		case staged.side != nil:
			staged.side.doubt(staged.store, staged.ref.Key)
		default:
			s.keeper.remove(staged.id) // left to a sweep
		}
		if first == nil || errors.Is(first, context.Canceled) {
			first = fmt.Errorf("%s: %w", staged.column, errs[i])
		}
	}
	if first == nil {
		return nil
	}
	return s.failedBatch(ctx, gone, first)
}

// failedBatch removes the intents of what was not stored.
func (s *Session) failedBatch(ctx context.Context, gone []*stagedFile, cause error) error {
	var ids []string
	for _, staged := range gone {
		if staged.id != "" {
			ids = append(ids, staged.id)
		}
	}
	if len(ids) == 0 {
		return cause
	}
	s.keeper.remove(ids...)
	ctx, cancel := s.m.detached(ctx)
	defer cancel()
	return errors.Join(cause, s.m.journal.Forget(ctx, ids...))
}
