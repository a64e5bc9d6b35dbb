package fileobject

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dossier-go/dossier"
)

// Target says where the bytes of a file go.
type Target struct {
	// Registry that knows the policy's backend and the detector. Default: the file's own, the context's, or
	// dossier.Default.
	Registry *dossier.Registry
	// Policy of the column.
	Policy Policy
	// Values for the key template; the extension is filled in by Begin.
	Values dossier.KeyValues
}

// Transfer is the upload of one pending file, in steps, for units of work: [Begin] opens the source, finds the type in
// its first bytes, checks what can be checked and makes the key; Put streams. Nothing is sent before Put, so an intent
// for the key can be recorded in between. Application code uses package session.
type Transfer struct {
	file    *FileObject
	target  Target
	backend dossier.Backend
	key     string
	types   []string
	opened  *opened
	size    int64
	sum     string
}

// Begin starts the upload of f. Errors, all before any byte is sent: dossier.ErrInvalid (not pending, or being uploaded
// already), ErrNoBackend, ErrType, ErrTooLarge, ErrShortSource, ErrInvalidKey, ErrConsumed, or the source's. A Transfer must be
// closed.
func Begin(ctx context.Context, f *FileObject, target Target) (*Transfer, error) {
	t := &Transfer{file: f, target: target}
	if err := t.claim(); err != nil {
		return nil, err
	}
	if err := t.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("file %q: %w", f.Filename, err), t.Close())
	}
	return t, nil
}

// claim makes sure that one transfer at a time works on the handle.
func (t *Transfer) claim() error {
	f := t.file
	if f == nil || f.state == nil {
		return fmt.Errorf("upload: %w: the file has no pending bytes", dossier.ErrInvalid)
	}
	f.state.mu.Lock()
	defer f.state.mu.Unlock()
	switch {
	case f.state.phase == consumed:
		return fmt.Errorf("upload %q: %w", f.Filename, dossier.ErrConsumed)
	case f.state.phase != pending || f.state.busy:
		return fmt.Errorf("upload %q: %w: it was uploaded already, or is being uploaded", f.Filename, dossier.ErrInvalid)
	}
	f.state.busy = true
	return nil
}

func (t *Transfer) prepare(ctx context.Context) (err error) {
	policy, opts := t.target.Policy, t.file.state.opts
	if opts.Backend != "" && opts.Backend != policy.Backend {
		return fmt.Errorf("%w: it asks for backend %q, the column keeps its files in %q", dossier.ErrInvalid, opts.Backend, policy.Backend)
	}
	if t.target.Registry == nil {
		t.target.Registry = t.file.registryFor(ctx)
	}
	if t.backend, err = t.target.Registry.Backend(policy.Backend); err != nil {
		return err
	}
	if _, err := expectation(opts.Checksum); err != nil {
		return err
	}
	if err := t.examine(ctx); err != nil {
		return err
	}
	t.target.Values.Extension = safeExtension(t.file.Filename, t.types)
	t.key, err = policy.Key.Key(t.target.Values)
	return err
}

// examine finds type and size and checks them against the policy.
func (t *Transfer) examine(ctx context.Context) (err error) {
	policy, state := t.target.Policy, t.file.state
	if original := state.original; original != nil {
		t.types, t.size = []string{original.ContentType}, original.Size
	} else {
		t.size = state.source.Size()
		if policy.Max > 0 && t.size > policy.Max {
			return policy.CheckSize(t.size)
		}
		if t.opened, err = openSource(ctx, state.source); err != nil {
			return err
		}
		t.types = t.target.Registry.Detect(t.opened.head, t.file.Filename)
		if t.size < 0 && t.opened.ended {
			t.size = int64(len(t.opened.head))
		}
	}
	return errors.Join(policy.CheckSize(t.size), policy.CheckType(t.types[0]))
}

// Reference returns the backend and key that the file will have.
func (t *Transfer) Reference() Reference { return Reference{t.target.Policy.Backend, t.key} }

// Backend returns the backend that the bytes go to.
func (t *Transfer) Backend() dossier.Backend { return t.backend }

// File returns the handle.
func (t *Transfer) File() *FileObject { return t.file }

// Put streams the bytes in one pass: type, size limits and checksum are enforced on the way, and the object is
// created, never overwritten. onUploadID is handed to the backend (see dossier.PutOptions). After success the handle is
// staged: it has its record, and waits for [Transfer.Adopt]. Errors: those of dossier.Backend.Put.
func (t *Transfer) Put(ctx context.Context, onUploadID func(id string) error) error {
	info, err := t.put(ctx, onUploadID)
	if err != nil {
		return fmt.Errorf("upload %q: %w", t.file.Filename, err)
	}
	if t.sum == "" {
		if t.sum, err = t.checksumOf(ctx, info); err != nil {
			return fmt.Errorf("upload %q: checksum: %w", t.file.Filename, err)
		}
	}
	t.stage(info)
	return nil
}

func (t *Transfer) put(ctx context.Context, onUploadID func(id string) error) (dossier.Info, error) {
	state := t.file.state
	expect, err := expectation(state.opts.Checksum)
	if err != nil {
		return dossier.Info{}, err
	}
	opts := dossier.PutOptions{
		If: dossier.Condition{IfAbsent: true}, MaxSize: t.target.Policy.Max, Expect: expect, Header: t.header(),
		Progress: state.opts.Progress, OnUploadID: onUploadID,
	}
	if state.original != nil {
		return t.copyOriginal(ctx, opts)
	}
	return t.backend.Put(ctx, t.key, t.opened.source(t.wrap), opts)
}

func (t *Transfer) header() dossier.Header {
	policy := t.target.Policy
	h := dossier.Header{ContentType: t.types[0], CacheControl: policy.CacheControl}
	if policy.Disposition != "" {
		h.ContentDisposition = dossier.ContentDisposition(policy.Disposition, t.file.Filename)
	}
	return h
}

// wrap makes a reader of the source that checks on the way.
func (t *Transfer) wrap(r io.ReadCloser) io.ReadCloser {
	return &meter{reader: r, policy: t.target.Policy, sum: newHash(t.target.Policy.Checksum), onEnd: t.end}
}

func (t *Transfer) end(size int64, checksum string) error {
	t.size, t.sum = size, checksum
	return nil
}

func (t *Transfer) stage(info dossier.Info) {
	f, s := t.file, t.file.state
	record := f.Record.Owned()
	record.Backend, record.Key = t.target.Policy.Backend, t.key
	record.ContentType, record.Size, record.Checksum = t.types[0], info.Size, t.sum
	record.LastModified, record.ETag, record.VersionID = info.ModTime, info.ETag, string(info.Version)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.record, s.phase = f.Record, record, staged
	f.Record = record
}

// Close ends the transfer. It is to be called whatever happened; the handle of a failed one is pending again if its
// source can be read again.
func (t *Transfer) Close() error {
	var err error
	if t.opened != nil {
		err = t.opened.Close()
	}
	s := t.file.state
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = false
	if s.phase == pending && t.opened != nil && !s.source.Replayable() {
		s.phase = consumed
	}
	return err
}

// Adopt says that a row of an open transaction takes the file: from now on it can be written.
func (t *Transfer) Adopt() { t.file.state.move(adopted) }

// Unadopt says that the statement or savepoint that took the file was undone: it is staged again.
func (t *Transfer) Unadopt() { t.file.state.move(staged) }

// Settle says that the row was committed.
func (t *Transfer) Settle() {
	t.file.state.move(stored)
	t.file.sync()
	t.file.origin = &Origin{references: []Reference{t.Reference()}}
}

// Doubt says that the outcome of COMMIT is unknown: the handle is neither pending nor deletable.
func (t *Transfer) Doubt() { t.file.state.move(doubtful) }

// Release says that the object is given up: the handle is pending again, or consumed when its source cannot be read
// again.
func (t *Transfer) Release() {
	s := t.file.state
	again := s.original != nil || s.source.Replayable()
	s.mu.Lock()
	s.phase = consumed
	if again {
		s.phase = pending
	}
	s.mu.Unlock()
	t.file.sync()
}

// checksumOf takes the checksum from the store, or reads the stored object once.
func (t *Transfer) checksumOf(ctx context.Context, info dossier.Info) (string, error) {
	if t.target.Policy.Checksum == "crc32c" && len(info.Checksums.CRC32C) == 4 {
		return fmt.Sprintf("crc32c:%x", info.Checksums.CRC32C), nil
	}
	object, err := t.backend.Get(ctx, t.key, dossier.GetOptions{})
	if err != nil {
		return "", err
	}
	sum := newHash(t.target.Policy.Checksum)
	_, err = io.Copy(sum, object)
	return fmt.Sprintf("%s:%x", t.target.Policy.Checksum, sum.Sum(nil)), errors.Join(err, object.Close())
}

// opened is a source whose first bytes were read.
type opened struct {
	from   dossier.Source
	head   []byte
	ended  bool          // head is all there is
	reader io.ReadCloser // behind head; nil when the source is opened again instead
}

// source returns what is handed to the backend: replayable if the original is.
func (o *opened) source(wrap func(io.ReadCloser) io.ReadCloser) dossier.Source {
	if o.reader == nil {
		again := func() (io.ReadCloser, error) {
			r, err := o.from.Open()
			if err != nil {
				return nil, err
			}
			return wrap(r), nil
		}
		return dossier.OpenerSource(again, o.from.Size())
	}
	whole := struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(o.head), o.reader}
	if !o.ended {
		whole.Reader = io.MultiReader(whole.Reader, o.reader)
	}
	return dossier.ReaderSource(wrap(whole), o.from.Size())
}

func (o *opened) Close() error {
	if o.reader == nil {
		return nil
	}
	return o.reader.Close()
}
