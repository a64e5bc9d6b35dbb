package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/dossier-go/dossier"
)

// publish makes the file visible as the object of key, if cond holds at that moment.
func (t *temp) publish(ctx context.Context, key string, cond dossier.Condition) error {
	var created []string
	err := t.b.clearing(ctx, key, func() error {
		unlock, err := t.b.locks.hold(ctx, key)
		if err != nil {
			return err
		}
		defer unlock()
		made, err := t.place(ctx, key, cond)
		created = append(created, made...)
		return err
	})
	if err != nil {
		return err
	}
	return t.b.syncNames(t.operation, append(created, key)...)
}

// place does so under the lock. It returns the folders that it made.
func (t *temp) place(ctx context.Context, key string, cond dossier.Condition) ([]string, error) {
	if err := dossier.ContextError(ctx); err != nil {
		return nil, err
	}
	expose := t.rename
	if cond.IfAbsent && t.b.facts.links {
		expose = t.link
	} else if err := t.b.checkCondition(key, cond); err != nil {
		return nil, err
	}
	return t.b.intoFolder(t.operation, key, func() error { return expose(key) })
}

func (t *temp) rename(key string) error {
	return t.b.change(t.operation, "rename", func() error {
		err := t.b.renameInto(t, key)
		t.gone = err == nil
		return err
	})
}

// renameInto gives a temporary file the name of an object, by the short cut if it goes well.
func (b *Backend) renameInto(t *temp, key string) error {
	if b.direct.root != nil && t.folder == scratchFolder {
		if err := b.direct.rename(t.name, key); err == nil || !refused(err) {
			return err
		}
	}
	return b.inPlace(key, func() error { return b.root.Rename(t.path(), key) })
}

// inPlace calls do if every folder above key is there and a plain one.
func (b *Backend) inPlace(key string, do func() error) error {
	if err := b.parents(key); err != nil {
		return err
	}
	return do()
}

// link gives the file its name only if nothing has it, then takes the temporary name away. A temporary name that stays
// is a second name of the object; Reclaim removes it.
func (t *temp) link(key string) error {
	err := t.b.change(t.operation, "link", func() error {
		return t.b.inPlace(key, func() error { return t.b.root.Link(t.path(), key) })
	})
	if errors.Is(err, fs.ErrExist) {
		return t.b.taken(key)
	}
	if err == nil {
		_ = t.b.step(t.operation, "unlink", func() error { return t.b.root.Remove(t.path()) })
		t.gone = true
	}
	return err
}

// taken explains why a name could not be given; errAbsent if it was set free meanwhile.
func (b *Backend) taken(key string) error {
	if _, err := b.look(key); err != nil {
		return err
	}
	return dossier.ErrExist
}

// intoFolder calls do, and again after making the folders of key if do found that one is missing. More often only if
// somebody removes a folder at the same time because it is empty. It returns the folders that it made.
func (b *Backend) intoFolder(operation, key string, do func() error) (created []string, err error) {
	for range attempts {
		err := do()
		switch {
		case err == nil || isDoubtful(err) || kindOf(err) != nil:
			return created, err
		case errors.Is(err, fs.ErrExist), isFolderTaken(err):
			if _, err := b.look(key); isObstacle(err) {
				return created, err
			}
			continue
		case !isAbsent(err):
			return created, storeError(err)
		}
		made, err := b.makeParents(operation, key)
		created = append(created, made...)
		if err != nil && !isAbsent(err) {
			return created, err
		}
	}
	if err := b.alive(); err != nil {
		return created, err
	}
	return created, fmt.Errorf("%w: the folder of the object keeps vanishing", dossier.ErrUnavailable)
}

// makeParents makes the folders above key that are missing; errAbsent when one vanished meanwhile.
func (b *Backend) makeParents(operation, key string) (created []string, err error) {
	for i := range len(key) {
		if key[i] != '/' {
			continue
		}
		err := b.step(operation, "mkdir", func() error { return b.root.Mkdir(key[:i], b.cfg.DirMode) })
		switch {
		case err == nil:
			created = append(created, key[:i])
		case !errors.Is(err, fs.ErrExist):
			return created, absentOr(err)
		}
	}
	return created, nil
}

// syncNames waits until the names of the paths are on the disk, in the folders that hold them. The names are visible
// already, so an error leaves the outcome unknown.
func (b *Backend) syncNames(operation string, paths ...string) error {
	if b.cfg.Durability == Fast {
		return nil
	}
	done := map[string]bool{}
	for _, path := range paths {
		folder := folderOf(path)
		if done[folder] {
			continue
		}
		done[folder] = true
		if err := b.step(operation, "dirsync", func() error { return b.syncFolder(folder) }); err != nil {
			return &doubtful{storeError(err)}
		}
	}
	return nil
}
