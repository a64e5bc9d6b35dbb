package memory

import (
	"context"
	"iter"
	"strings"

	"github.com/dossier-go/dossier"
)

// defaultPage is how many entries are taken under one lock when no page size is asked for.
const defaultPage = 256

// List implements [dossier.Lister]. The store may change between pages, by the loop itself too.
//
// With a delimiter, opts.After is compared with the folded entries.
func (b *Backend) List(ctx context.Context, opts dossier.ListOptions) iter.Seq2[dossier.Info, error] {
	return func(yield func(dossier.Info, error) bool) {
		if err := b.check(ctx, dossier.CheckListOptions(opts)); err != nil {
			yield(dossier.Info{}, fail("list", opts.Prefix, err))
			return
		}
		if opts.PageSize == 0 {
			opts.PageSize = defaultPage
		}
		l := &listing{opts: opts, from: max(opts.Prefix, opts.After)}
		for !l.done {
			page, err := b.page(ctx, l)
			for _, info := range page {
				if !yield(info, nil) {
					return
				}
			}
			if err != nil {
				yield(dossier.Info{}, fail("list", opts.Prefix, err))
				return
			}
		}
	}
}

// listing is the state of one List between its pages.
type listing struct {
	opts dossier.ListOptions
	from string // keys less than this one are over
	done bool
}

// page takes the next entries.
func (b *Backend) page(ctx context.Context, l *listing) (page []dossier.Info, err error) {
	if err := b.check(ctx); err != nil {
		return nil, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	for node := b.keys.from(l.from); len(page) < l.opts.PageSize; {
		if node == nil || !strings.HasPrefix(node.key, l.opts.Prefix) {
			l.done = true
			break
		}
		info := l.entry(b.objects[node.key])
		if info.Key > l.opts.After {
			page = append(page, info)
		}
		if info.IsPrefix {
			l.from = info.Key[:len(info.Key)-1] + "0" // "0" follows "/": behind everything with the prefix
			node = b.keys.from(l.from)
			continue
		}
		l.from = node.key + "\x00" // the next string in byte order
		node = node.following()
	}
	return page, nil
}

// entry is what an object is listed as.
func (l *listing) entry(o *object) dossier.Info {
	if l.opts.Delimiter != "" {
		rest := o.info.Key[len(l.opts.Prefix):]
		if i := strings.Index(rest, l.opts.Delimiter); i >= 0 {
			return dossier.Info{Key: l.opts.Prefix + rest[:i+1], IsPrefix: true}
		}
	}
	return o.details()
}
