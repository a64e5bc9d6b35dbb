package gcs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"

	"cloud.google.com/go/storage"

	"github.com/dossier-go/dossier"
)

// settle finds out what became of a write.
func (b *Backend) settle(
	ctx context.Context, w *write, attrs *storage.ObjectAttrs, lost bool, err error,
) (*storage.ObjectAttrs, error) {
	refused := status(err) == http.StatusPreconditionFailed
	switch {
	case err == nil:
		return attrs, nil
	case missing(err):
		return nil, unknownIf(lost, b.absent(ctx, err))
	case !lost && !refused:
		return nil, err
	}
	later, cancel := detached(ctx)
	defer cancel()
	present, asked := b.stat(later, w.key)
	if asked == nil && present.Metadata[putIDName] == w.putID {
		return present, nil
	}
	if refused {
		err = fmt.Errorf("%w: %w", w.refusal(), err)
	}
	settled := asked == nil || missing(asked)
	if !lost || settled && status(err) != 0 && !refused {
		return nil, err // an answer that came after the effect, had there been one
	}
	return nil, unknownIf(true, err)
}

// refusal is the kind of a condition that does not hold.
func (w *write) refusal() error {
	if w.cond.IfAbsent {
		return dossier.ErrExist
	}
	return dossier.ErrPrecondition
}

// verify compares what the store has with what was sent. The store was told the checksum with the last request, so this
// finds only servers that do not look at it.
func (b *Backend) verify(ctx context.Context, w *write, attrs *storage.ObjectAttrs, sums dossier.Checksums, size int64) error {
	if attrs.CRC32C == binary.BigEndian.Uint32(sums.CRC32C) && attrs.Size == size {
		return nil
	}
	later, cancel := detached(ctx)
	defer cancel()
	err := fmt.Errorf("%w: the store has %d bytes with the CRC32C %08x, %d with %x were sent",
		dossier.ErrChecksum, attrs.Size, attrs.CRC32C, size, sums.CRC32C)
	err = errors.Join(err, b.changing(w.key).If(storage.Conditions{GenerationMatch: attrs.Generation}).Delete(later))
	return unknownIf(true, err) // the object that was there before is gone
}

// forgotten is for uploads: if the bucket is there, a missing thing is the upload itself, which is no missing object.
func forgotten(err error) error {
	if errors.Is(err, dossier.ErrNotExist) {
		hidden := errors.New(err.Error())
		return fmt.Errorf("%w: the store forgot the upload: %w", dossier.ErrUnavailable, hidden)
	}
	return err
}
