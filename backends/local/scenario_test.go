package local_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
)

// prepare makes what the scenario finds.
func prepare(b *local.Backend) error {
	var errs []error
	for _, key := range []string{"old", "object", "folder/doomed", "source", "moved", "headed"} {
		_, err := b.Put(background(), key, source("old "+key), dossier.PutOptions{})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// scenario does everything that has steps, in a folder that prepare was run on. It goes on after errors and returns
// them by operation.
func scenario(b *local.Backend, dir string) []error {
	ctx := background()
	onlyNew := dossier.PutOptions{If: dossier.Condition{IfAbsent: true}}
	replace := &dossier.Replacement{Metadata: map[string]string{"is": "new"}}
	var errs []error
	did := func(what string, _ any, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	putting := func(key string, opts dossier.PutOptions) {
		info, err := b.Put(ctx, key, source("new "+key), opts)
		did("put "+key, info, err)
	}
	putting("old", dossier.PutOptions{})
	putting("new/deep/object", dossier.PutOptions{})
	putting("new/only", onlyNew)
	putting("object/below", dossier.PutOptions{})
	did("delete", nil, b.Delete(ctx, "folder/doomed", dossier.DeleteOptions{}))
	info, err := b.Copy(ctx, "copies/1/copy", "source", dossier.CopyOptions{})
	did("copy", info, err)
	info, err = b.Copy(ctx, "copies/only", "source", dossier.CopyOptions{If: dossier.Condition{IfAbsent: true}})
	did("copy only", info, err)
	info, err = b.Copy(ctx, "object/copy", "source", dossier.CopyOptions{})
	did("copy below", info, err)
	info, err = b.Move(ctx, "moves/1/moved", "moved", dossier.CopyOptions{Replace: replace})
	did("move", info, err)
	info, err = b.UpdateHeader(ctx, "headed", *replace, dossier.Condition{})
	did("update", info, err)
	scenarioUploads(ctx, b, did)
	did("plant", nil, os.WriteFile(filepath.Join(dir, ".dossier", "tmp", "tmp-dead"), nil, 0o600))
	report, err := b.Reclaim(ctx, 0)
	did("reclaim", report, err)
	return errs
}

func scenarioUploads(ctx context.Context, b *local.Backend, did func(what string, _ any, err error)) {
	completed := func(key string, opts dossier.PutOptions) {
		up, err := b.CreateUpload(ctx, key, opts)
		did("create "+key, up, err)
		part, err := b.PutPart(ctx, up, 1, source("new "+key))
		did("part "+key, part, err)
		info, err := b.CompleteUpload(ctx, up, []dossier.Part{part})
		did("complete "+key, info, err)
		did("abort "+key, nil, b.AbortUpload(ctx, up))
	}
	completed("parts/1/plain", dossier.PutOptions{})
	completed("parts/only", dossier.PutOptions{If: dossier.Condition{IfAbsent: true}})
	completed("object/parts", dossier.PutOptions{})
	up, err := b.CreateUpload(ctx, "left", dossier.PutOptions{})
	did("create left", up, err)
	part, err := b.PutPart(ctx, up, 1, failing("half", errors.New("the source broke")))
	if err == nil {
		did("part of a broken source", part, errors.New("no error"))
	}
}

// expectedErrors of a scenario in which nothing is made to fail: keys below an object.
func expectedErrors(errs []error) error {
	var others []error
	for _, err := range errs {
		if !strings.Contains(err.Error(), `"object" is an object`) || !errors.Is(err, dossier.ErrConflict) {
			others = append(others, err)
		}
	}
	return errors.Join(others...)
}

// checkWhole reads every object and compares it with what the scenario or its preparation can have written.
func checkWhole(b *local.Backend) error {
	var errs []error
	for info, err := range b.List(background(), dossier.ListOptions{}) {
		if err != nil {
			return err
		}
		read, err := dossier.ReadAll(background(), b, info.Key, 0)
		name := info.Key
		for copied, from := range map[string]string{
			"copies/1/copy": "source", "copies/only": "source", "moves/1/moved": "moved",
		} {
			if name == copied {
				name = from
			}
		}
		if allowed := []string{"old " + name, "new " + info.Key}; err != nil || !slices.Contains(allowed, string(read)) {
			errs = append(errs, fmt.Errorf("%s is %q, %w", info.Key, read, err))
		}
	}
	return errors.Join(errs...)
}

// settle removes what a dead process left, and reports what stays.
func settle(b *local.Backend, dir string) error {
	_, err := b.Reclaim(background(), 0)
	errs := []error{err}
	for _, folder := range []string{"tmp", "uploads"} {
		entries, err := os.ReadDir(filepath.Join(dir, ".dossier", folder))
		errs = append(errs, err)
		for _, entry := range entries {
			errs = append(errs, fmt.Errorf("left after Reclaim: %s/%s", folder, entry.Name()))
		}
	}
	return errors.Join(errs...)
}

// usable proves that a store works after whatever happened to it.
func usable(b *local.Backend) error {
	ctx, cancel := context.WithTimeout(background(), time.Minute)
	defer cancel()
	var errs []error
	for _, key := range []string{"old", "new/deep/object", "folder/doomed", "copies/1/copy", "moves/1/moved", "parts/only", "moved"} {
		_, err := b.Put(ctx, key, source("usable"), dossier.PutOptions{})
		errs = append(errs, err, b.Delete(ctx, key, dossier.DeleteOptions{}))
	}
	return errors.Join(errs...)
}

// without yields the names of steps but those of an operation.
func without(names []string, operation string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, name := range names {
			if !strings.HasPrefix(name, operation+".") && !yield(name) {
				return
			}
		}
	}
}
