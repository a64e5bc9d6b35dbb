package azure

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/dossier-go/dossier"
)

// List implements [dossier.Lister]. Listed entries have no Header, Metadata, Checksums and PutID. Foreign keys that break
// the key rules, folders of accounts with a hierarchical namespace, and blocks that are not committed are not shown.
//
// The service may sort characters beyond U+FFFF before those from U+E000 on, as UTF-16 has them; keys with such characters
// are held back and yielded in byte order.
func (b *Backend) List(ctx context.Context, opts dossier.ListOptions) iter.Seq2[dossier.Info, error] {
	return func(yield func(dossier.Info, error) bool) {
		if err := b.check(ctx, dossier.CheckListOptions(opts)); err != nil {
			yield(dossier.Info{}, fail("list", opts.Prefix, err))
			return
		}
		var order byteOrder
		last := opts.After
		emit := func(info dossier.Info) bool {
			if info.Key <= last {
				return true // before the beginning, or a folder that two pages have
			}
			last = info.Key
			return yield(info, nil)
		}
		for info, err := range b.entries(ctx, opts) {
			if err != nil {
				yield(dossier.Info{}, fail("list", opts.Prefix, err))
				return
			}
			if !order.next(info, emit) {
				return
			}
		}
		order.finish(emit)
	}
}

// entries yields what the service lists and may be shown, in the order of the service.
func (b *Backend) entries(ctx context.Context, opts dossier.ListOptions) iter.Seq2[dossier.Info, error] {
	pages := b.flatPages(opts)
	if opts.Delimiter != "" {
		pages = b.folderPages(opts)
	}
	return func(yield func(dossier.Info, error) bool) {
		for more := true; more; {
			err := b.check(ctx)
			var page []dossier.Info
			if err == nil {
				page, more, err = pages(ctx)
			}
			if err != nil {
				yield(dossier.Info{}, err)
				return
			}
			for _, info := range page {
				if shown(info) && !yield(info, nil) {
					return
				}
			}
		}
	}
}

// errNoListing says that something else answered, such as a proxy with an empty page.
var errNoListing = fmt.Errorf("%w: the answer is no listing", dossier.ErrUnavailable)

// nextPage returns the next page and whether there is another one.
type nextPage func(ctx context.Context) (page []dossier.Info, more bool, err error)

func (b *Backend) flatPages(opts dossier.ListOptions) nextPage {
	pager := b.client.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{
		Prefix: text(opts.Prefix), StartFrom: text(startFrom(opts)), MaxResults: pageSize(opts),
	})
	return func(ctx context.Context) ([]dossier.Info, bool, error) {
		answer, err := pageOf(ctx, b, pager)
		if err == nil && answer.Segment == nil {
			err = errNoListing
		}
		if err != nil {
			return nil, false, err
		}
		return objects(answer.Segment.BlobItems), pager.More(), nil
	}
}

func (b *Backend) folderPages(opts dossier.ListOptions) nextPage {
	pager := b.client.NewListBlobsHierarchyPager(opts.Delimiter, &container.ListBlobsHierarchyOptions{
		Prefix: text(opts.Prefix), StartFrom: text(startFrom(opts)), MaxResults: pageSize(opts),
	})
	return func(ctx context.Context) ([]dossier.Info, bool, error) {
		answer, err := pageOf(ctx, b, pager)
		if err == nil && answer.Segment == nil {
			err = errNoListing
		}
		if err != nil {
			return nil, false, err
		}
		page := objects(answer.Segment.BlobItems)
		for _, folder := range answer.Segment.BlobPrefixes {
			page = append(page, dossier.Info{Key: value(folder.Name), IsPrefix: true})
		}
		slices.SortFunc(page, func(a, b dossier.Info) int { return cmp.Compare(a.Key, b.Key) })
		return page, pager.More(), nil
	}
}

func pageOf[T any](ctx context.Context, b *Backend, pager *runtime.Pager[T]) (T, error) {
	return request(ctx, b, func(ctx context.Context) (T, error) { return pager.NextPage(ctx) })
}

func objects(items []*container.BlobItem) []dossier.Info {
	page := make([]dossier.Info, 0, len(items))
	for _, item := range items {
		p := item.Properties
		if p == nil || value(p.ResourceType) == "directory" {
			continue
		}
		info := dossier.Info{Key: value(item.Name), Size: value(p.ContentLength)}
		page = append(page, stamped(info, p.ETag, p.LastModified))
	}
	return page
}

// shown reports whether an entry is an object of this module's rules, or a folder of such.
func shown(info dossier.Info) bool {
	if info.IsPrefix {
		return dossier.CheckKey(info.Key+"x") == nil
	}
	return dossier.CheckKey(info.Key) == nil
}

// startFrom is a key that is not after the first one to list, whether the server compares bytes or UTF-16: what follows a
// character on whose place the two differ is left out.
func startFrom(opts dossier.ListOptions) string {
	end := strings.IndexFunc(opts.After, func(r rune) bool { return r >= 0xD800 || r < 0x20 || r == 0x7F })
	if end < 0 {
		end = len(opts.After)
	}
	if from := opts.After[:end]; from > opts.Prefix {
		return from
	}
	return ""
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func pageSize(opts dossier.ListOptions) *int32 {
	if opts.PageSize == 0 {
		return nil
	}
	n := int32(opts.PageSize) //nolint:gosec // at most 1,000
	return &n
}
