package local

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/dossier-go/dossier"
)

// windowSize is how many items are held in memory to bring them into order.
const windowSize = 1 << 16

// window collects the smallest items greater than a given one, at most size of them.
type window[T any] struct {
	size    int
	compare func(a, b T) int
	items   []T
	after   *T   // items up to this one are over; nil: none
	more    bool // some did not fit
}

// add takes an item, or leaves it out if it is over or too large for the window.
func (w *window[T]) add(item T) {
	if w.after != nil && w.compare(item, *w.after) <= 0 {
		return
	}
	if w.more && w.compare(item, w.items[w.size-1]) > 0 {
		return
	}
	if w.items = append(w.items, item); len(w.items) >= 2*w.size {
		w.tidy()
	}
}

func (w *window[T]) tidy() {
	slices.SortFunc(w.items, w.compare)
	w.items = slices.CompactFunc(w.items, func(a, b T) bool { return w.compare(a, b) == 0 })
	if len(w.items) > w.size {
		w.more = true
		clear(w.items[w.size:])
		w.items = w.items[:w.size]
	}
}

// each calls do for all items that scan delivers, each once and in order. It scans again as long as there are more
// than fit the window, so that memory does not grow with their number. An error of do ends it.
func (w *window[T]) each(scan func(add func(T)) error, do func(T) error) error {
	for {
		w.items, w.more = w.items[:0], false
		if err := scan(w.add); err != nil {
			return err
		}
		w.tidy()
		for _, item := range w.items {
			if err := do(item); err != nil {
				return err
			}
		}
		if !w.more {
			return nil
		}
		last := w.items[len(w.items)-1]
		w.after = &last
	}
}

// inOrder calls do for the files and folders in a folder that are wanted, in the order of their keys.
func (b *Backend) inOrder(
	ctx context.Context, folder *os.Root, wanted func(entry) bool, do func(entry) error,
) error {
	w := window[entry]{size: windowSize, compare: cmp.Compare[entry]}
	scan := func(add func(entry)) error {
		return b.eachEntry(ctx, folder, func(found fs.DirEntry) {
			if e, ok := newEntry(found); ok && wanted(e) {
				add(e)
			}
		})
	}
	return w.each(scan, do)
}

// eachEntry calls do for everything in a folder, in no order; names and types are known of it. A folder that vanished is
// empty.
func (b *Backend) eachEntry(ctx context.Context, root *os.Root, do func(fs.DirEntry)) error {
	folder, err := root.Open(".")
	if err == nil {
		folder, err = typesOnly(folder)
	}
	if err != nil {
		return ignoreAbsent(err)
	}
	defer func() { _ = folder.Close() }() // it was only read
	for {
		var entries []fs.DirEntry
		err := dossier.ContextError(ctx)
		if err != nil {
			return err
		}
		err = b.step("list", "read", func() (err error) {
			entries, err = folder.ReadDir(folderChunk)
			return err
		})
		for _, found := range entries {
			do(found)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return ignoreAbsent(err)
		}
	}
}
