package fileobject

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"

	"github.com/dossier-go/dossier"
)

// FromUploaded returns a pending file over an object that a client uploaded by itself, for units of work. Its transfer
// examines the object as if the bytes came through this process: size, type by the first bytes, and checksum. Where the
// store made sure that nobody can overwrite the object, and keeps nothing of it that the column would not, it is taken
// over where it is; else the examined version is copied to a fresh key. Applications get such files from a session's
// manager.
func FromUploaded(name string, u Uploaded, opts Options) *FileObject {
	record := dossier.Record{Filename: CleanFilename(name), Size: max(u.Size, 0), Metadata: maps.Clone(opts.Metadata)}
	if u.Size == 0 {
		record.Size = -1
	}
	opts.Checksum = u.Checksum
	original := &FileObject{Record: dossier.Record{
		Backend: u.Reference.Backend, Key: u.Reference.Key, Filename: record.Filename, Size: -1,
	}}
	s := newState(record, dossier.Source{}, original, opts)
	s.uploaded = &u
	return &FileObject{Record: record, state: s, seen: s.record}
}

// Uploaded returns what a pending file of [FromUploaded] was made of; ok is false for every other file.
func (f *FileObject) Uploaded() (u Uploaded, ok bool) {
	if f == nil || f.state == nil || f.state.uploaded == nil || f.phaseOf() != pending {
		return Uploaded{}, false
	}
	return *f.state.uploaded, true
}

// InPlace reports whether the transfer takes over an uploaded object where it is: nothing is sent then, and the reference
// is that of the object.
func (t *Transfer) InPlace() bool { return t.inPlace }

// examineUploaded examines what a client uploaded, and decides whether it can stay where it is.
func (t *Transfer) examineUploaded(ctx context.Context) (err error) {
	u, policy := t.file.state.uploaded, t.target.Policy
	if u.Reference.Backend != policy.Backend {
		return fmt.Errorf("%w: it was uploaded to %q, the column keeps its files in %q", dossier.ErrInvalid, u.Reference.Backend, policy.Backend)
	}
	c := &copied{backend: t.backend}
	if c.info, c.head, err = t.examineObject(ctx, t.backend, u.Reference.Key); err != nil {
		return err
	}
	t.copied = c
	c.inside = t.can(dossier.GetMatch) && !policy.placed() // else what is copied need not be what was examined
	t.inPlace = u.Bound.CreateOnly && !policy.placed() && policy.Disposition == "" && policy.CacheControl == "" &&
		(!t.can(dossier.StoresHeader) || t.keepsType(c.info.Header))
	return u.checkSize(c.info.Size)
}

// checkSize compares the size with what was declared.
func (u *Uploaded) checkSize(size int64) error {
	declared := max(u.Size, 0)
	switch {
	case u.Size == 0 || size == declared:
		return nil
	case size > declared:
		return fmt.Errorf("%w: %d bytes were uploaded, %d were declared", dossier.ErrTooLarge, size, declared)
	}
	return fmt.Errorf("%w: %d bytes were uploaded, %d were declared", dossier.ErrShortSource, size, declared)
}

// keepsType reports whether the type that the store has, the client's claim, is one that the bytes have, or says nothing.
func (t *Transfer) keepsType(h dossier.Header) bool {
	if h.ContentEncoding != "" || h.ContentLanguage != "" || h.ContentDisposition != "" || h.CacheControl != "" {
		return false
	}
	claim := mediaType(h.ContentType)
	if claim == "" || claim == "application/octet-stream" {
		return true
	}
	for _, found := range t.types {
		if mediaType(found) == claim {
			return true
		}
	}
	return false
}

// mediaType is a content type without its parameters.
func mediaType(contentType string) string {
	base, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return contentType
	}
	return base
}

// putUploaded stores what a client uploaded: where it is, or as a copy of the examined version.
func (t *Transfer) putUploaded(ctx context.Context, opts dossier.PutOptions) (info dossier.Info, err error) {
	c := t.copied
	if t.inPlace || c.inside {
		if c.sum, err = t.sumUploaded(ctx); err != nil {
			return info, err
		}
	}
	if t.inPlace {
		t.sum = c.sum
		return c.info, nil
	}
	return t.putCopy(ctx, opts)
}

// sumUploaded compares the declared checksum and returns the column's. The object is read unless the store knows them, or
// made sure of them.
func (t *Transfer) sumUploaded(ctx context.Context) (string, error) {
	known := expected(t.copied.info.Checksums)
	wanted := expected(t.expect)
	complete := true
	for algorithm, want := range wanted {
		switch {
		case want == nil:
		case known[algorithm] != nil && !bytes.Equal(known[algorithm], want):
			return "", fmt.Errorf("%w: %s is %x, %x was declared", dossier.ErrChecksum, algorithm, known[algorithm], want)
		case known[algorithm] == nil && t.file.state.uploaded.Bound.Checksum:
			known[algorithm] = want
		case known[algorithm] == nil:
			complete = false
		}
	}
	if sum := known[t.target.Policy.Checksum]; sum != nil && complete {
		return fmt.Sprintf("%s:%x", t.target.Policy.Checksum, sum), nil
	}
	return t.readUploaded(ctx)
}

// readUploaded reads the whole object for its checksums.
func (t *Transfer) readUploaded(ctx context.Context) (sum string, err error) {
	object, err := t.backend.Get(ctx, t.copied.info.Key, dossier.GetOptions{If: t.copied.pinned()})
	if err != nil {
		return "", err
	}
	m := newMeter(object, t.target.Policy, t.expect)
	m.head = t.copied.head
	m.onEnd = func(checksum string) { sum = checksum }
	_, err = io.Copy(io.Discard, m)
	return sum, errors.Join(err, m.Close())
}
