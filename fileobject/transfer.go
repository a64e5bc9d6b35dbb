package fileobject

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

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
//
// A handle goes from pending to staged (Put), to adopted (Adopt), to stored (Settle); Unadopt goes one step back,
// Release gives the object up, Doubt leaves an adopted handle in doubt until Settle or Release. A step that does not
// begin where the handle is changes nothing.
type Transfer struct {
	file    *FileObject
	target  Target
	backend dossier.Backend
	key     string
	types   []string
	opened  *opened
	copied  *copied // of a clone or a direct upload
	inPlace bool    // a direct upload that stays where it is
	expect  dossier.Checksums
	sum     string
	touched bool // the source was opened, or it was tried
	closed  bool
}

// Begin starts the upload of f. Errors, all before any byte is sent: dossier.ErrInvalid (not pending, or being uploaded
// already), ErrNoBackend, ErrType, ErrTooLarge, ErrShortSource, ErrInvalidKey, ErrConsumed, ErrNotExist and ErrChecksum
// (the original of a clone), or the source's. A Transfer must be closed.
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

// ReadsOnce reports whether the bytes of a pending handle come from a reader that can be read once, so that they cannot be
// uploaded again.
func (f *FileObject) ReadsOnce() bool {
	return f != nil && f.state != nil && f.state.original == nil && !f.state.source.Replayable()
}

// SameReader reports whether two handles were made from one reader that can be read once: only one of them can be
// uploaded. Copies of a handle are one handle.
func SameReader(a, b *FileObject) bool {
	if a == nil || b == nil || a.state == nil || b.state == nil || a.state == b.state {
		return false
	}
	return a.state.source.SameReader(b.state.source)
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
	policy, opts := &t.target.Policy, t.file.state.opts
	if opts.Backend != "" && opts.Backend != policy.Backend {
		return fmt.Errorf("%w: it asks for backend %q, the column keeps its files in %q", dossier.ErrInvalid, opts.Backend, policy.Backend)
	}
	if *policy, err = policy.withDefaults(); err != nil {
		return err
	}
	if t.expect, err = ParseChecksum(opts.Checksum); err != nil {
		return err
	}
	if err := t.findBackend(ctx, policy.Backend); err != nil {
		return err
	}
	if err := t.examine(ctx); err != nil {
		return err
	}
	if t.inPlace {
		t.key = t.copied.info.Key
		return nil
	}
	t.target.Values.Extension = safeExtension(t.file.Filename, t.types)
	t.key, err = policy.Key.Key(t.target.Values)
	return err
}

func (t *Transfer) findBackend(ctx context.Context, name string) (err error) {
	if t.target.Registry == nil {
		t.target.Registry = t.file.registryFor(ctx)
	}
	t.backend, err = t.target.Registry.Backend(name)
	return err
}

// examine finds the type, and the size as far as it is known, and checks them against the policy.
func (t *Transfer) examine(ctx context.Context) (err error) {
	policy, state := t.target.Policy, t.file.state
	switch {
	case state.uploaded != nil:
		return t.examineUploaded(ctx)
	case state.original != nil:
		return t.examineOriginal(ctx)
	}
	if err := errors.Join(context.Cause(ctx), policy.CheckSize(state.source.Size())); err != nil {
		return err
	}
	t.touched = true
	if t.opened, err = openSource(ctx, state.source); err != nil {
		return err
	}
	t.types = t.target.Registry.Detect(t.opened.head, t.file.Filename)
	size := int64(len(t.opened.head))
	switch {
	case t.opened.ended && size < state.source.Size():
		err = fmt.Errorf("%w: %d of %d bytes", dossier.ErrShortSource, size, state.source.Size())
	case t.opened.ended || policy.Max > 0 && size > policy.Max:
		err = policy.CheckSize(size)
	}
	return errors.Join(err, policy.CheckType(t.types[0]))
}

// Reference returns the backend and key that the file will have.
func (t *Transfer) Reference() Reference { return Reference{t.target.Policy.Backend, t.key} }

// Backend returns the backend that the bytes go to.
func (t *Transfer) Backend() dossier.Backend { return t.backend }

// File returns the handle.
func (t *Transfer) File() *FileObject { return t.file }

// Put streams the bytes in one pass: type, size limits and checksum are enforced on the way. The key is fresh, and
// where the backend can promise it the object is created, never overwritten. onUploadID is handed to the backend (see
// dossier.PutOptions). After success the handle is staged: it has its record, and waits for [Transfer.Adopt]. After a
// failure Put may be called again if the source can be read again, else it is dossier.ErrConsumed. Errors: those of
// dossier.Backend.Put; dossier.ErrInvalid when the bytes are stored already, ErrClosed.
func (t *Transfer) Put(ctx context.Context, onUploadID func(id string) error) error {
	if err := t.putable(); err != nil {
		return err
	}
	info, err := t.put(ctx, onUploadID)
	if err != nil {
		return fmt.Errorf("upload %q: %w", t.file.Filename, err)
	}
	if t.sum == "" {
		if t.sum, err = t.checksumOf(ctx, info); err != nil {
			return t.storedInVain(err)
		}
	}
	t.file.state.stage(t.record(info))
	t.file.sync()
	return nil
}

// storedInVain is the failure of an upload whose object is there all the same: its intent must not be forgotten.
func (t *Transfer) storedInVain(err error) error {
	return fmt.Errorf("upload %q: checksum: %w", t.file.Filename, &dossier.Error{
		Op: "put", Backend: t.target.Policy.Backend, Key: t.key, Outcome: dossier.OutcomeUnknown, Err: err,
	})
}

func (t *Transfer) putable() error {
	if t.closed {
		return fmt.Errorf("upload %q: %w", t.file.Filename, dossier.ErrClosed)
	}
	if !t.file.Pending() {
		return fmt.Errorf("upload %q: %w: its bytes are stored already", t.file.Filename, dossier.ErrInvalid)
	}
	return nil
}

func (t *Transfer) put(ctx context.Context, onUploadID func(id string) error) (dossier.Info, error) {
	t.sum = ""
	opts := dossier.PutOptions{MaxSize: t.target.Policy.Max, Progress: t.file.state.opts.Progress, OnUploadID: onUploadID}
	opts.Class, opts.ACL, opts.Tags = t.target.Policy.Class, t.target.Policy.ACL, t.target.Policy.Tags
	opts.If.IfAbsent = t.can(dossier.PutIfAbsent)
	if t.can(dossier.StoresHeader) {
		opts.Header = t.header()
	}
	if t.can(dossier.VerifiesChecksums) {
		opts.Expect = t.expect
	}
	switch {
	case t.copied == nil:
		return t.backend.Put(ctx, t.key, t.opened.source(t.wrap), opts)
	case t.file.state.uploaded != nil:
		return t.putUploaded(ctx, opts)
	}
	return t.putCopy(ctx, opts)
}

// can reports whether the backend has a capability; what it has not must not be asked for.
func (t *Transfer) can(c dossier.Capabilities) bool { return t.backend.Describe().Capabilities.Has(c) }

func (t *Transfer) header() dossier.Header {
	policy := t.target.Policy
	h := dossier.Header{ContentType: t.types[0], CacheControl: policy.CacheControl}
	if policy.Disposition != "" {
		h.ContentDisposition = t.file.disposition(policy.Disposition)
	}
	return h
}

// wrap makes a reader of the source that checks on the way.
func (t *Transfer) wrap(r io.ReadCloser) io.ReadCloser {
	var expect dossier.Checksums
	if !t.can(dossier.VerifiesChecksums) {
		expect = t.expect
	}
	m := newMeter(r, t.target.Policy, expect)
	m.onEnd = func(checksum string) { t.sum = checksum }
	if t.opened != nil {
		m.head, m.ended = t.opened.head, t.opened.ended
	}
	if t.copied != nil {
		m.head = t.copied.head
	}
	return m
}

// record is what the row will hold.
func (t *Transfer) record(info dossier.Info) dossier.Record {
	t.file.sync()
	r := t.file.Record
	r.Backend, r.Key = t.target.Policy.Backend, t.key
	r.ContentType, r.Size, r.Checksum = t.types[0], info.Size, t.sum
	r.LastModified = info.ModTime.UTC().Truncate(time.Microsecond) // as the row keeps it
	r.ETag, r.VersionID = info.ETag, string(info.Version)
	return r
}

// Close ends the transfer. It is to be called whatever happened, and may be repeated; the handle of a failed one is
// pending again if its source can be read again.
func (t *Transfer) Close() error {
	if t.closed {
		return nil
	}
	t.closed = true
	var err error
	if t.opened != nil {
		err = t.opened.Close()
	}
	s := t.file.state
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = false
	if s.phase == pending && t.touched {
		s.phase = s.unread()
	}
	return err
}

// Adopt says that a row of an open transaction takes the staged file: from now on it can be written.
func (t *Transfer) Adopt() { t.file.state.move(adopted, staged) }

// Unadopt says that the statement or savepoint that took the file was undone: it is staged again.
func (t *Transfer) Unadopt() { t.file.state.move(staged, adopted) }

// Settle says that the row that adopted the file was committed.
func (t *Transfer) Settle() {
	if t.file.state.move(stored, adopted, doubtful) {
		Remember(t.file)
	}
}

// Doubt says that the outcome of COMMIT is unknown: the adopted handle is neither pending nor deletable.
func (t *Transfer) Doubt() { t.file.state.move(doubtful, adopted) }

// Release says that the object is given up and no row names it: the handle is pending again, or consumed when its
// source cannot be read again. One that was imported is what it was before.
func (t *Transfer) Release() {
	t.file.state.giveUp(t.file.state.back, staged, adopted, doubtful)
	t.file.sync()
}

// checksumOf takes the checksum from the store, or reads the stored object once.
func (t *Transfer) checksumOf(ctx context.Context, info dossier.Info) (string, error) {
	algorithm := t.target.Policy.Checksum
	if algorithm == "crc32c" && len(info.Checksums.CRC32C) == 4 {
		return fmt.Sprintf("crc32c:%x", info.Checksums.CRC32C), nil
	}
	object, err := t.backend.Get(ctx, t.key, dossier.GetOptions{})
	if err != nil {
		return "", err
	}
	sum := newHash(algorithm)
	_, err = io.Copy(sum, object)
	return fmt.Sprintf("%s:%x", algorithm, sum.Sum(nil)), errors.Join(err, object.Close())
}
