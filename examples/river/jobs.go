package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"github.com/uptrace/bun"
)

// Document is a row with a file. A job fills Words.
type Document struct {
	bun.BaseModel `bun:"table:documents"`
	model.UUID
	Title string                 `bun:"title,notnull"`
	Words *int                   `bun:"words"`
	File  *fileobject.FileObject `bun:"file" file:"uploads,max:20MiB,accept:text/plain"`
}

// sweepArgs is the job that executes what is due in the journal.
type sweepArgs struct{}

func (sweepArgs) Kind() string { return "dossier_sweep" }

// InsertOpts gives up at once: the next sweep is soon.
func (sweepArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 1} }

type sweeper struct {
	river.WorkerDefaults[sweepArgs]
	manager *session.Manager
}

// Timeout is River's own for a job, which a sweep of very much may exceed: what it did not come to stays due.
func (w *sweeper) Timeout(*river.Job[sweepArgs]) time.Duration { return 10 * time.Minute }

// Work sweeps. What could not be deleted is in the journal with its error, and is tried again by a later sweep.
func (w *sweeper) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	_, err := w.manager.Sweep(ctx, journal.SweepOptions{})
	return err
}

// countArgs is the job that counts the words of a document.
type countArgs struct {
	Document uuid.UUID `json:"document"`
}

func (countArgs) Kind() string { return "count_words" }

type counter struct {
	river.WorkerDefaults[countArgs]
	manager *session.Manager
}

// Work reads the file outside of any transaction and then writes the row, if it still has that file.
func (w *counter) Work(ctx context.Context, job *river.Job[countArgs]) error {
	return w.manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
		doc := &Document{UUID: model.UUID{ID: job.Args.Document}}
		err := s.Get(ctx, doc)
		if errors.Is(err, dossier.ErrNotFound) {
			return river.JobCancel(err) // deleted meanwhile
		}
		if err != nil {
			return err
		}
		var text strings.Builder
		if _, err := doc.File.CopyTo(ctx, io.Writer(&text)); err != nil {
			return fmt.Errorf("count words: %w", err)
		}
		words := len(strings.Fields(text.String()))
		doc.Words = &words
		return s.Update(ctx, doc)
	})
}
