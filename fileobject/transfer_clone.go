package fileobject

import (
	"context"
	"errors"
	"fmt"

	"github.com/dossier-go/dossier"
)

// copyOriginal stores a clone: inside the store when both live in one backend, else streamed and checked against the
// original's checksum.
func (t *Transfer) copyOriginal(ctx context.Context, opts dossier.PutOptions) (dossier.Info, error) {
	original := t.file.state.original
	backend, err := original.backend(ctx)
	if err != nil {
		return dossier.Info{}, err
	}
	sameKind := original.Checksum != "" && checksumKind(original.Checksum) == t.target.Policy.Checksum
	if original.Backend == t.target.Policy.Backend && sameKind {
		t.sum = original.Checksum
		return dossier.Copy(ctx, t.backend, t.key, original.Key, dossier.CopyOptions{
			If: opts.If, Replace: &dossier.Replacement{Header: opts.Header},
		})
	}
	if opts.Expect, err = expectation(original.Checksum); err != nil {
		return dossier.Info{}, err
	}
	object, err := backend.Get(ctx, original.Key, dossier.GetOptions{})
	if err != nil {
		return dossier.Info{}, err
	}
	info, err := t.backend.Put(ctx, t.key, dossier.ReaderSource(t.wrap(object), object.Size), opts)
	return info, errors.Join(err, object.Close())
}

func checksumKind(checksum string) string {
	algorithm, _, err := parseChecksum(checksum)
	if err != nil {
		return ""
	}
	return algorithm
}

// BeginImport adopts an object that exists already, for units of work: it checks the object that f names against the
// policy and takes its size, type and version. Nothing is copied. Errors: dossier.ErrNotExist, ErrNoBackend, ErrType, ErrTooLarge,
// ErrInvalid (f is pending, or names another backend than the column).
func BeginImport(ctx context.Context, f *FileObject, target Target) (*Transfer, error) {
	if err := f.usable("import"); err != nil {
		return nil, err
	}
	if f.Backend == "" {
		f.Backend = target.Policy.Backend
	}
	if target.Registry == nil {
		target.Registry = f.registryFor(ctx)
	}
	t := &Transfer{file: f, target: target, key: f.Key}
	t.target.Policy.Backend = f.Backend // a foreign row may name another backend than new files go to
	var err error
	if t.backend, err = target.Registry.Backend(f.Backend); err != nil {
		return nil, err
	}
	if err := t.examineObject(ctx); err != nil {
		return nil, fmt.Errorf("import %s:%s: %w", f.Backend, f.Key, err)
	}
	return t, nil
}

// examineObject finds type and size of the object to be imported.
func (t *Transfer) examineObject(ctx context.Context) error {
	object, err := t.backend.Get(ctx, t.key, dossier.GetOptions{})
	if err != nil {
		return err
	}
	head, _, err := readHead(ctx, object)
	if err := errors.Join(err, object.Close()); err != nil {
		return err
	}
	t.types = t.target.Registry.Detect(head, t.file.Filename)
	if err := errors.Join(t.target.Policy.CheckSize(object.Size), t.target.Policy.CheckType(t.types[0])); err != nil {
		return err
	}
	if t.sum, err = t.checksumOf(ctx, object.Info); err != nil {
		return err
	}
	t.file.state = &state{source: dossier.ReaderSource(nil, -1)}
	t.stage(object.Info)
	return nil
}
