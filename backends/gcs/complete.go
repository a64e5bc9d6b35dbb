package gcs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"cloud.google.com/go/storage"

	"github.com/dossier-go/dossier"
)

// CompleteUpload implements [dossier.MultipartBackend]: the store joins the parts, 32 at a time, and the last join is
// conditional. Checksums that were expected are checked by reading the parts before. After an error the upload is as it was.
func (b *Backend) CompleteUpload(ctx context.Context, up dossier.Upload, parts []dossier.Part) (dossier.Info, error) {
	numbers := make([]int, len(parts))
	for i, part := range parts {
		numbers[i] = part.Number
	}
	err := b.check(ctx, dossier.CheckKey(up.Key), checkPartNumbers(numbers...), b.checkMultipart())
	if err != nil {
		return dossier.Info{}, fail("complete upload", up.Key, err)
	}
	info, err := b.complete(ctx, up, parts)
	if err != nil {
		return dossier.Info{}, fail("complete upload", up.Key, err)
	}
	return info, nil
}

func (b *Backend) complete(ctx context.Context, up dossier.Upload, parts []dossier.Part) (dossier.Info, error) {
	u, err := b.load(ctx, up)
	if err != nil {
		return dossier.Info{}, err
	}
	if u.claimed() {
		return dossier.Info{}, errCompleting
	}
	j := &joined{id: u.id}
	if err := b.named(ctx, u, parts, j); err != nil {
		return dossier.Info{}, b.overtaken(ctx, up, err)
	}
	if err := b.verifyParts(ctx, u, j); err != nil {
		return dossier.Info{}, b.overtaken(ctx, up, err)
	}
	if err := b.claim(ctx, up, u); err != nil {
		return dossier.Info{}, err
	}
	attrs, err := b.join(ctx, u, j)
	later, cancel := detached(ctx)
	defer cancel()
	if err != nil {
		return dossier.Info{}, errors.Join(b.whyNot(later, up, err), b.unclaim(later, u, err))
	}
	// The object is there, so this is no failure; Reclaim removes what is left.
	_, _ = retry(later, b.cfg.pause, func() error { return b.drop(later, u.id) })
	return infoOf(attrs), nil
}

// errCompleting says that another call got there first.
var errCompleting = fmt.Errorf("%w: the upload is being completed", dossier.ErrConflict)

// claimed reports whether some call is completing the upload.
func (u *upload) claimed() bool { return u.Completing && time.Since(u.changed) < claimLife }

// overtaken explains that parts are missing by what another call did to the upload meanwhile.
func (b *Backend) overtaken(ctx context.Context, up dossier.Upload, err error) error {
	if !errors.Is(err, dossier.ErrInvalid) && !missing(err) {
		return err
	}
	u, found := b.load(ctx, up)
	switch {
	case found != nil:
		return found
	case u.claimed():
		return errCompleting
	case missing(err):
		return partChanged(err)
	}
	return err
}

func partChanged(err error) error {
	return fmt.Errorf("%w: a part was changed meanwhile: %w", dossier.ErrInvalid, err)
}

// joined is what a completed object is made of.
type joined struct {
	id      string
	sources []*storage.ObjectAttrs
	size    int64
	crc32c  []byte // known after verifyParts only
}

// named finds the named parts, if they are those that were stored.
func (b *Backend) named(ctx context.Context, u *upload, parts []dossier.Part, j *joined) error {
	stored := map[int]*storage.ObjectAttrs{}
	err := b.parts(ctx, u.id, func(number int, attrs *storage.ObjectAttrs) bool {
		stored[number] = attrs
		return true
	})
	if err != nil {
		return err
	}
	for _, part := range parts {
		attrs := stored[part.Number]
		if attrs == nil {
			return fmt.Errorf("%w: part %d was not stored", dossier.ErrInvalid, part.Number)
		}
		if tag := partOf(part.Number, attrs).ETag; tag != part.ETag {
			return fmt.Errorf("%w: part %d has the ETag %s, not %s", dossier.ErrInvalid, part.Number, tag, part.ETag)
		}
		j.sources = append(j.sources, attrs)
		j.size += attrs.Size
	}
	if u.MaxSize > 0 && j.size > u.MaxSize {
		return fmt.Errorf("%w: %d bytes, at most %d", dossier.ErrTooLarge, j.size, u.MaxSize)
	}
	return nil
}

// verifyParts reads the parts if checksums of the whole are expected.
func (b *Backend) verifyParts(ctx context.Context, u *upload, j *joined) error {
	e := u.Expect
	if e.CRC32C == nil && e.CRC64NVME == nil && e.SHA256 == nil && e.MD5 == nil {
		return nil
	}
	src := dossier.OpenerSource(func() (io.ReadCloser, error) { return &chain{ctx: ctx, b: b, rest: j.sources}, nil }, j.size)
	in, err := dossier.Receive(ctx, src, u.putOptions())
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was read to its end, or failed
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	j.crc32c = in.Checksums().CRC32C
	return nil
}

// chain reads objects one after the other.
type chain struct {
	ctx  context.Context //nolint:containedctx // lives as long as one call
	b    *Backend
	rest []*storage.ObjectAttrs
	body io.ReadCloser
}

// Read implements [io.Reader].
func (c *chain) Read(p []byte) (n int, err error) {
	for {
		if c.body == nil {
			if len(c.rest) == 0 {
				return 0, io.EOF
			}
			if c.body, err = c.b.open(c.ctx, c.rest[0], 0, c.rest[0].Size); err != nil {
				return 0, err
			}
			c.rest = c.rest[1:]
		}
		n, err = c.body.Read(p)
		if err == io.EOF { //nolint:errorlint // only io.EOF itself is the end
			err = c.Close()
			c.body = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Close implements [io.Closer].
func (c *chain) Close() error {
	if c.body == nil {
		return nil
	}
	return c.body.Close()
}

// claim makes this call the only one that completes the upload.
func (b *Backend) claim(ctx context.Context, up dossier.Upload, u *upload) error {
	u.Completing = true
	err := b.save(ctx, u, dossier.Condition{Match: versionOf(u.generation)})
	if !errors.Is(err, dossier.ErrPrecondition) {
		return err
	}
	if _, found := b.load(ctx, up); found != nil {
		return found
	}
	return errCompleting
}

// unclaim lets the upload go on after a failure, unless that may be none.
func (b *Backend) unclaim(ctx context.Context, u *upload, failure error) error {
	if dossier.OutcomeOf(failure) != dossier.OutcomeNotApplied {
		return nil
	}
	u.Completing = false
	err := b.save(ctx, u, dossier.Condition{Match: versionOf(u.generation)})
	if errors.Is(err, dossier.ErrPrecondition) { // aborted meanwhile
		return nil
	}
	return err
}

// whyNot explains that a part was missing when the parts were joined.
func (b *Backend) whyNot(ctx context.Context, up dossier.Upload, err error) error {
	if !errors.Is(err, errPartGone) {
		return err
	}
	if _, found := b.load(ctx, up); errors.Is(found, dossier.ErrNotExist) {
		return found
	}
	return partChanged(err)
}

// sendSum makes a join depend on the checksum of the whole, if that is known.
func (j *joined) sendSum(c *storage.Composer) {
	if j.crc32c != nil {
		c.CRC32C, c.SendCRC32C = binary.BigEndian.Uint32(j.crc32c), true
	}
}
