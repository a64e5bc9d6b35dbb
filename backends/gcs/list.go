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
	last := opts.After
	for page, err := range b.pages(ctx, query, opts.PageSize) {
		if err != nil {
			return err
		}
		for _, attrs := range page {
			info := entryOf(attrs)
			if info.Key <= last || hidden(info) {
				continue
			}
			last = info.Key
			if !yield(info) {
				return nil
			}
		}
	}
	return nil
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

// pages yields what the store sends in one answer, in order of name: the store's answers follow each other in that
// order, but have the folded prefixes apart. An answer may be empty though more follow.
func (b *Backend) pages(ctx context.Context, query *storage.Query, size int) iter.Seq2[[]*storage.ObjectAttrs, error] {
	return func(yield func([]*storage.ObjectAttrs, error) bool) {
		objects := b.bucket.Objects(ctx, query)
		objects.PageInfo().MaxSize = size
		for {
			page, err := onePage(objects)
			switch {
			case errors.Is(err, iterator.Done):
				return
			case err != nil:
				yield(nil, b.listError(ctx, err))
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
func (b *Backend) listError(ctx context.Context, err error) error {
	switch {
	case missing(err), errors.Is(err, storage.ErrBucketNotExist):
		return b.noBucket(err)
	case ctx.Err() != nil:
		return dossier.ContextError(ctx)
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
