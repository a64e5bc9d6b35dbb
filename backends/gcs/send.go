package gcs

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"cloud.google.com/go/storage"
	gax "github.com/googleapis/gax-go/v2"

	"github.com/dossier-go/dossier"
)

// sender is one upload by the client's writer. A writer commits when it is closed; so it is closed only after the end of
// the source, and aborted else.
type sender struct {
	guard  *guard
	writer *storage.Writer
	begun  bool
}

func (b *Backend) newSender(ctx context.Context, w *write, handle *storage.ObjectHandle) *sender {
	s := &sender{guard: newGuard(ctx, b.cfg.StallTimeout)}
	s.writer = handle.NewWriter(s.guard.ctx)
	s.writer.ObjectAttrs = w.attrs
	s.writer.ForceEmptyContentType = true // else the client guesses one
	return s
}

// write sends bytes in pieces.
func (s *sender) write(content []byte) error {
	for len(content) > 0 {
		piece := content[:min(len(content), chunkUnit)]
		content = content[len(piece):]
		s.begun = true
		if err := s.guard.during(func() error { _, err := s.writer.Write(piece); return err }); err != nil {
			return err
		}
	}
	return nil
}

// commit ends the upload. It is also for writers that failed while writing: they do not send anything more, and say why.
func (s *sender) commit() (*storage.ObjectAttrs, error) {
	if err := s.guard.during(s.writer.Close); err != nil {
		return nil, s.guard.explain(err)
	}
	return s.writer.Attrs(), nil
}

// abort ends the upload without effect: whatever the writer still does fails, and never sees the end of the content.
func (s *sender) abort(cause error) {
	if !s.begun {
		return
	}
	s.guard.cancel(cause)
	//nolint:staticcheck // It is deprecated for the context alone, with which the writer might see the end first. It returns nil.
	_ = s.writer.CloseWithError(cause)
	_ = s.writer.Close() // waits; the error is the cause
}

// insert makes one request with all of the content. The client cannot repeat it, and does not.
func (b *Backend) insert(ctx context.Context, w *write, content []byte, sum uint32) (*storage.ObjectAttrs, error) {
	s := b.newSender(ctx, w, w.object)
	defer s.guard.end()
	s.writer.ChunkSize = 0
	s.writer.CRC32C, s.writer.SendCRC32C = sum, true
	_ = s.write(content) // commit has the reason
	return s.commit()
}

// sendChunks is a resumable upload: first head, after the first piece of which it calls sent, then the rest of the source.
// The client repeats requests, which are safe to repeat, and sends the checksum of everything with the last one.
func (b *Backend) sendChunks(
	ctx context.Context, w *write, in *dossier.Incoming, head [][]byte, sent func(),
) (*storage.ObjectAttrs, error) {
	var failures atomic.Int32
	s := b.newSender(ctx, w, w.object.Retryer(
		storage.WithPolicy(storage.RetryAlways),
		storage.WithBackoff(gax.Backoff{Initial: b.cfg.pause, Max: longestPause, Multiplier: 2}),
		storage.WithErrorFunc(func(err error) bool { return transient(err) && failures.Add(1) < maxAttempts }),
	))
	defer s.guard.end()
	s.writer.ChunkSize = int(b.cfg.PartSize)
	s.writer.ProgressFunc = func(int64) { failures.Store(0) }
	source, err := b.pour(s, in, head, sent)
	if source {
		s.abort(err)
		return nil, err
	}
	complete := err == nil
	attrs, err := s.commit()
	if attrs, err = b.settle(ctx, w, attrs, complete && maybeApplied(err), err); err != nil {
		return nil, forgotten(err)
	}
	return attrs, b.verify(ctx, w, attrs, in.Checksums(), in.Size())
}

// pour writes head and the rest of the source. source says that the error is the source's; any other is the writer's.
func (b *Backend) pour(s *sender, in io.Reader, head [][]byte, sent func()) (source bool, err error) {
	defer func() {
		if trouble := recover(); trouble != nil {
			s.abort(errors.New("the source panicked"))
			panic(trouble)
		}
	}()
	for i, part := range head {
		if err := s.write(part); err != nil {
			return false, err
		}
		if i == 0 {
			sent() // the writer took it without waiting for the store
		}
	}
	piece := b.scratch.Get().(*[scratchSize]byte) //nolint:forcetypeassert // the pool's own
	defer b.scratch.Put(piece)
	for {
		n, ended, err := fill(in, piece[:])
		if err != nil {
			return true, err
		}
		if err := s.write(piece[:n]); err != nil || ended {
			return false, err
		}
	}
}
