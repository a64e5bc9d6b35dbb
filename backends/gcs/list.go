package gcs

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"

	"github.com/dossier-go/dossier"
)

// List implements [dossier.Lister]. Objects whose names break the key rules, such as the markers of folders ("a/") that
// other tools make, are not shown; with a delimiter they can show as the prefix that they lie under.
func (b *Backend) List(ctx context.Context, opts dossier.ListOptions) iter.Seq2[dossier.Info, error] {
	return func(yield func(dossier.Info, error) bool) {
		err := b.check(ctx, dossier.CheckListOptions(opts))
		if err == nil {
			err = b.list(ctx, opts, func(info dossier.Info) bool { return yield(info, nil) })
		}
		if err != nil {
			yield(dossier.Info{}, fail("list", opts.Prefix, err))
		}
	}
}

// list calls yield until it returns false.
func (b *Backend) list(ctx context.Context, opts dossier.ListOptions, yield func(dossier.Info) bool) error {
	query := &storage.Query{
		Prefix: opts.Prefix, Delimiter: opts.Delimiter, StartOffset: startOf(opts), Projection: storage.ProjectionNoACL,
	}
	m := &merged{last: opts.After, yield: yield}
	for page, err := range b.pages(ctx, query, opts.PageSize) {
		if err != nil {
			return err
		}
		if !m.add(page) {
			return nil
		}
	}
	m.flush("\U0010FFFF")
	return nil
}

// merged puts objects and folded prefixes into one order, each once. The store's answers follow each other in that order, and
// so do the objects of all answers; but some servers repeat prefixes, or tell them before the objects that come first.
// So a prefix waits for an object behind it, unless an answer has prefixes only.
type merged struct {
	last  string // yielded
	held  []dossier.Info
	yield func(dossier.Info) bool
	left  bool // the loop was left
}

// add takes one answer; it returns false when the loop was left.
func (m *merged) add(page []*storage.ObjectAttrs) bool {
	until := ""
	for _, attrs := range page {
		info := entryOf(attrs)
		if !info.IsPrefix {
			until = max(until, info.Key)
		}
		if info.Key > m.last && !hidden(info) {
			m.held = append(m.held, info)
		}
	}
	if until == "" && len(page) > 0 {
		until = entryOf(page[len(page)-1]).Key
	}
	slices.SortFunc(m.held, func(a, b dossier.Info) int { return strings.Compare(a.Key, b.Key) })
	return m.flush(until)
}

// flush yields what is held up to a key.
func (m *merged) flush(until string) bool {
	n := 0
	for ; n < len(m.held) && m.held[n].Key <= until && !m.left; n++ {
		if info := m.held[n]; info.Key > m.last {
			m.last = info.Key
			m.left = !m.yield(info)
		}
	}
	m.held = slices.Delete(m.held, 0, n)
	return !m.left
}

// startOf is where the store begins, inclusive. With a delimiter it begins behind everything that the entry it continues
// after stands for.
func startOf(opts dossier.ListOptions) string {
	if opts.Delimiter == "" || !strings.HasPrefix(opts.After, opts.Prefix) {
		return opts.After
	}
	if i := strings.Index(opts.After[len(opts.Prefix):], opts.Delimiter); i >= 0 {
		return opts.After[:len(opts.Prefix)+i] + "0" // "0" follows "/"
	}
	return opts.After
}

// entryOf is what the store lists: an object or a folded prefix.
func entryOf(attrs *storage.ObjectAttrs) dossier.Info {
	if attrs.Prefix != "" {
		return dossier.Info{Key: attrs.Prefix, IsPrefix: true}
	}
	return infoOf(attrs)
}

func hidden(info dossier.Info) bool {
	if info.IsPrefix {
		return dossier.CheckKey(strings.TrimSuffix(info.Key, "/")) != nil
	}
	return dossier.CheckKey(info.Key) != nil
}

// pages yields what the store sends in one answer, in order of name. The client asks on behind empty answers.
func (b *Backend) pages(ctx context.Context, query *storage.Query, size int) iter.Seq2[[]*storage.ObjectAttrs, error] {
	return func(yield func([]*storage.ObjectAttrs, error) bool) {
		g := newGuard(ctx, b.cfg.StallTimeout)
		defer g.end()
		objects := b.bucket.Objects(g.ctx, query)
		objects.PageInfo().MaxSize = size
		for {
			var page []*storage.ObjectAttrs
			err := g.during(func() (err error) { page, err = onePage(objects); return err })
			switch {
			case errors.Is(err, iterator.Done):
				return
			case err != nil:
				yield(nil, b.listError(g.explain(err)))
				return
			case !yield(page, nil):
				return
			}
		}
	}
}

// onePage takes what is buffered after the first entry, which is the rest of one answer.
func onePage(objects *storage.ObjectIterator) ([]*storage.ObjectAttrs, error) {
	first, err := objects.Next()
	if err != nil {
		return nil, err
	}
	page := []*storage.ObjectAttrs{first}
	for objects.PageInfo().Remaining() > 0 {
		next, err := objects.Next()
		if err != nil {
			return nil, err
		}
		page = append(page, next)
	}
	slices.SortFunc(page, func(a, b *storage.ObjectAttrs) int { return strings.Compare(a.Name+a.Prefix, b.Name+b.Prefix) })
	return page, nil
}

// listError explains why there is no listing: only a bucket can be missing.
func (b *Backend) listError(err error) error {
	if missing(err) || errors.Is(err, storage.ErrBucketNotExist) {
		return b.noBucket(err)
	}
	return err
}

// onlyNames lists no more than names.
func onlyNames(prefix string, size int) *storage.Query {
	query := &storage.Query{Prefix: prefix, Projection: storage.ProjectionNoACL}
	if size == 1 {
		_ = query.SetAttrSelection([]string{"Name"}) // a known name
	}
	return query
}
