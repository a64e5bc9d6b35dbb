package azure

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/uploader"
)

// Attempts of a Put whose blocks another writer of the key discards, and the longest pause between two.
const (
	maxAttempts = 4
	maxPause    = 200 * time.Millisecond
)

// errBlocksLost says that another writer of the key discarded the blocks of an upload.
var errBlocksLost = fmt.Errorf("%w: another writer of this key discarded the blocks of this upload", dossier.ErrConflict)

// Put implements [dossier.Backend]. What fits into one block goes in one request. Larger sources are staged in blocks that
// nobody sees; the last request makes them the object. When another writer of the same key finishes in between, the
// service discards the blocks: a replayable source is then sent again, up to four times, any other is ErrConflict.
// opts.OnUploadID is never called: blocks that a killed process leaves expire after seven days by themselves.
func (b *Backend) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	opts, err := b.checkPut(ctx, key, opts)
	if err != nil {
		return dossier.Info{}, fail("put", key, err)
	}
	for attempt := 1; ; attempt++ {
		w := &write{b: b, key: key, opts: opts}
		err := w.send(ctx, src)
		if err == nil {
			return w.info, nil
		}
		if !errors.Is(err, errBlocksLost) || !src.Replayable() || attempt == maxAttempts || !pause(ctx, attempt) {
			return dossier.Info{}, fail("put", key, err)
		}
	}
}

// checkPut refuses bad options and returns good ones with the configured defaults and a put id.
func (b *Backend) checkPut(ctx context.Context, key string, opts dossier.PutOptions) (dossier.PutOptions, error) {
	err := b.check(ctx, dossier.CheckKey(key), dossier.CheckPutOptions(opts), b.description.Capabilities.CheckPut(opts),
		checkNames(opts.Metadata))
	if err != nil {
		return opts, err
	}
	if _, err := conditions(opts.If); err != nil {
		return opts, err
	}
	if opts.Class == "" {
		opts.Class = b.cfg.Class
	}
	if len(opts.Tags) == 0 {
		opts.Tags = b.cfg.Tags
	}
	if opts.PutID == "" {
		opts.PutID = rand.Text()
	}
	opts.Metadata, opts.Tags = maps.Clone(opts.Metadata), maps.Clone(opts.Tags)
	return opts, nil
}

// pause waits a random time before an attempt, so that two writers do not go on in step. It reports whether ctx goes on.
func pause(ctx context.Context, attempt int) bool {
	timer := time.NewTimer(mathrand.N(maxPause) * time.Duration(attempt) / maxAttempts) //nolint:gosec // chance, not a secret
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// send receives the source and uploads it.
func (w *write) send(ctx context.Context, src dossier.Source) (err error) {
	if err := w.b.upload(ctx, src, w.opts, w.b.plan(maxBlocks), w); err != nil {
		if ended := dossier.ContextError(ctx); ended != nil && answerOf(err) == nil && !errors.Is(err, ended) {
			err = errors.Join(ended, err)
		}
		return err
	}
	return nil
}

// plan is how a source is cut into at most so many blocks.
func (b *Backend) plan(blocks int) uploader.Plan {
	return uploader.Plan{
		PartSize: b.cfg.PartSize, MaxWhole: b.cfg.PartSize, MinPart: 1, MaxPart: maxBlockSize, MaxParts: blocks,
		Parallel: b.cfg.Parallel,
	}
}

// upload receives a source under the limits of opts and hands it to target.
func (b *Backend) upload(
	ctx context.Context, src dossier.Source, opts dossier.PutOptions, plan uploader.Plan, target uploader.Target,
) (err error) {
	reading, interrupt := context.WithCancel(ctx)
	defer interrupt()
	in, err := dossier.Receive(reading, src, opts)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // all its bytes were read and checked, or the write failed anyway
	source := uploader.Source{Reader: in, Size: src.Size(), Interrupt: interrupt}
	at, seekable, err := src.ReaderAt()
	if err != nil {
		return err
	}
	if seekable {
		defer func() { err = errors.Join(err, at.Close()) }()
		source.At = io.ReaderAt(at)
	}
	return uploader.Upload(ctx, b.pool, plan, source, target)
}

// newInfo describes the object that a write makes, but for what only the service knows.
func newInfo(key string, size int64, sums dossier.Checksums, opts dossier.PutOptions) dossier.Info {
	sums.SHA256, sums.MD5 = slices.Clone(opts.Expect.SHA256), slices.Clone(opts.Expect.MD5)
	return dossier.Info{
		Key: key, Size: size, Header: opts.Header, Metadata: opts.Metadata, Checksums: sums, PutID: opts.PutID,
	}
}
