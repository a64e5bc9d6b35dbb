package fileobject

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dossier-go/dossier"
)

// copied is the original of a clone, examined.
type copied struct {
	backend dossier.Backend
	info    dossier.Info
	head    []byte
	sum     string // the row's checksum
	inside  bool   // the store can copy it, and its checksum is known then
}

// examineOriginal finds type and size of the original in its object, because its row may be wrong, and checks that the
// two agree.
func (t *Transfer) examineOriginal(ctx context.Context) (err error) {
	original := t.file.state.original
	if err := original.usable("clone"); err != nil {
		return err
	}
	registry := original.registry
	if registry == nil {
		registry = t.target.Registry
	}
	c := &copied{sum: original.Checksum}
	if c.backend, err = registry.Backend(original.Backend); err != nil {
		return err
	}
	promised := t.expect
	if t.expect, err = bothChecksums(promised, original.Checksum); err != nil {
		return err
	}
	if c.info, c.head, err = t.examineObject(ctx, c.backend, original.Key); err != nil {
		return err
	}
	algorithm := checksumKind(original.Checksum)
	known := promised.SHA256 == nil || algorithm == "sha256"
	known = known && (promised.CRC32C == nil || algorithm == "crc32c")
	c.inside = c.backend == t.backend && algorithm == t.target.Policy.Checksum && known && !t.target.Policy.placed()
	t.copied = c
	return original.agrees(c.info)
}

// agrees compares the row with the store.
func (f *FileObject) agrees(info dossier.Info) error {
	if f.Size >= 0 && f.Size != info.Size {
		return fmt.Errorf("%w: %s:%s has %d bytes, the row says %d", dossier.ErrChecksum, f.Backend, f.Key, info.Size, f.Size)
	}
	if sum := info.Checksums.CRC32C; len(sum) == 4 && checksumKind(f.Checksum) == "crc32c" && f.Checksum != fmt.Sprintf("crc32c:%x", sum) {
		return fmt.Errorf("%w: %s:%s has crc32c:%x, the row says %s", dossier.ErrChecksum, f.Backend, f.Key, sum, f.Checksum)
	}
	return nil
}

// bothChecksums adds a stored checksum to those that are expected.
func bothChecksums(expect dossier.Checksums, checksum string) (dossier.Checksums, error) {
	also, err := ParseChecksum(checksum)
	if err != nil {
		return expect, err
	}
	for _, pair := range []struct{ into, from *[]byte }{{&expect.CRC32C, &also.CRC32C}, {&expect.SHA256, &also.SHA256}} {
		if *pair.into == nil {
			*pair.into = *pair.from
		}
		if *pair.from != nil && !bytes.Equal(*pair.into, *pair.from) {
			return expect, fmt.Errorf("%w: expected %x, the original's row says %s", dossier.ErrChecksum, *pair.into, checksum)
		}
	}
	return expect, nil
}

func checksumKind(checksum string) string {
	algorithm, _, err := parseChecksum(checksum)
	if err != nil {
		return ""
	}
	return algorithm
}

// putCopy stores a clone: inside the store where it can, else streamed.
func (t *Transfer) putCopy(ctx context.Context, opts dossier.PutOptions) (dossier.Info, error) {
	c := t.copied
	if copier, ok := dossier.As[dossier.Copier](t.backend); ok && c.inside {
		info, err := copier.Copy(ctx, t.key, c.info.Key, t.copyOptions(opts))
		if !errors.Is(err, errors.ErrUnsupported) {
			t.sum = c.sum
			return info, err
		}
	}
	get := dossier.GetOptions{If: c.pinned()}
	open := func() (io.ReadCloser, error) {
		object, err := c.backend.Get(ctx, c.info.Key, get)
		if err != nil {
			return nil, err
		}
		return t.wrap(object), nil
	}
	return t.backend.Put(ctx, t.key, dossier.OpenerSource(open, c.info.Size), opts)
}

func (t *Transfer) copyOptions(put dossier.PutOptions) dossier.CopyOptions {
	opts := dossier.CopyOptions{SourceIf: t.copied.pinned()}
	opts.If.IfAbsent = t.can(dossier.CopyIfAbsent)
	if t.can(dossier.StoresHeader) {
		opts.Replace = &dossier.Replacement{Header: put.Header}
	}
	return opts
}

// pinned makes sure that what is read is what was examined, where the backend can.
func (c *copied) pinned() dossier.Condition {
	if c.backend.Describe().Capabilities.Has(dossier.GetMatch) {
		return dossier.Condition{Match: c.info.Version}
	}
	return dossier.Condition{}
}

// BeginImport adopts an object that exists already, for units of work: it checks the object that f names against the
// policy and takes its size, type and version; the handle is then staged. Nothing is copied. A file that names no
// backend is one of the policy's; one that names another, as rows of another library may, stays there. Errors:
// dossier.ErrNotExist, ErrNoBackend, ErrType, ErrTooLarge, ErrShortSource, ErrInvalid (f is pending or part of another
// unit of work), and f is then unchanged.
func BeginImport(ctx context.Context, f *FileObject, target Target) (*Transfer, error) {
	if err := f.usable("import"); err != nil {
		return nil, err
	}
	if was := f.phaseOf(); was != stored && was != saved {
		return nil, fmt.Errorf("import %q: %w: it was uploaded by a unit of work that is not finished", f.Filename, dossier.ErrInvalid)
	}
	t := &Transfer{file: f, target: target, key: f.Key}
	if err := t.adoptObject(ctx); err != nil {
		return nil, fmt.Errorf("import %s:%s: %w", t.target.Policy.Backend, f.Key, err)
	}
	return t, nil
}

func (t *Transfer) adoptObject(ctx context.Context) (err error) {
	f := t.file
	if t.target.Policy, err = t.target.Policy.withDefaults(); err != nil {
		return err
	}
	if f.Backend != "" {
		t.target.Policy.Backend = f.Backend
	}
	if err := t.findBackend(ctx, t.target.Policy.Backend); err != nil {
		return err
	}
	info, _, err := t.examineObject(ctx, t.backend, t.key)
	if err != nil {
		return err
	}
	if t.sum, err = t.checksumOf(ctx, info); err != nil {
		return err
	}
	back := f.phaseOf()
	if f.state == nil {
		record := f.Record
		f.state, f.seen = &state{record: &record}, nil
	}
	f.state.back = back
	f.state.stage(t.record(info).Owned())
	f.sync()
	return nil
}

// examineObject finds type and size of an object that exists, and checks them against the policy.
func (t *Transfer) examineObject(ctx context.Context, b dossier.Backend, key string) (info dossier.Info, head []byte, err error) {
	object, err := b.Get(ctx, key, dossier.GetOptions{Range: dossier.Range{Length: dossier.DetectLength}})
	if err != nil {
		return info, nil, err
	}
	if head, _, err = readHead(ctx, object); err != nil {
		return info, nil, err
	}
	t.types = t.target.Registry.Detect(head, t.file.Filename)
	policy := t.target.Policy
	return object.Info, head, errors.Join(object.Close(), policy.CheckSize(object.Size), policy.CheckType(t.types[0]))
}
