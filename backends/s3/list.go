package s3

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/dossier-go/dossier"
)

// List implements [dossier.Lister] with ListObjectsV2. Entries have no Header, Metadata, Checksums and PutID. A server that
// does not list in byte order, as directory buckets do not, is errors.ErrUnsupported with the first entry that is out of
// order.
func (b *Backend) List(ctx context.Context, opts dossier.ListOptions) iter.Seq2[dossier.Info, error] {
	return func(yield func(dossier.Info, error) bool) {
		l := &listing{b: b, opts: opts, last: opts.After}
		err := b.check(ctx, dossier.CheckListOptions(opts))
		for err == nil && !l.done {
			var page []dossier.Info
			page, err = l.page(ctx)
			for _, info := range page {
				if !yield(info, nil) {
					return
				}
			}
		}
		if err != nil {
			yield(dossier.Info{}, fail("list", opts.Prefix, err))
		}
	}
}

// listing is the state of one List between its pages.
type listing struct {
	b     *Backend
	opts  dossier.ListOptions
	token *string
	last  string // key of the last entry, or where to begin
	done  bool
}

// page asks for the next entries.
func (l *listing) page(ctx context.Context) ([]dossier.Info, error) {
	b := l.b
	if err := b.check(ctx); err != nil {
		return nil, err
	}
	in := &s3.ListObjectsV2Input{
		Bucket: &b.bucket, Prefix: optional(l.opts.Prefix), Delimiter: optional(l.opts.Delimiter), EncodingType: types.EncodingTypeUrl,
		ContinuationToken: l.token,
	}
	if l.token == nil {
		in.StartAfter = optional(l.startAfter())
	}
	if l.opts.PageSize > 0 {
		in.MaxKeys = aws.Int32(int32(l.opts.PageSize)) //nolint:gosec // at most 1,000
	}
	out, err := b.client.ListObjectsV2(ctx, in, b.small().options)
	if err != nil {
		return nil, withContext(ctx, positive(err))
	}
	if err := l.proceed(out); err != nil {
		return nil, err
	}
	return l.entries(out)
}

// startAfter is a text from which the server may begin. What HTTP or the server might not take is cut off; the entries
// before After are left out here.
func (l *listing) startAfter() string {
	after := l.opts.After
	at := strings.IndexFunc(after, func(r rune) bool { return r < ' ' || r == utf8.RuneError || r == 0x7F })
	if at >= 0 {
		after = after[:at]
	}
	if len(after) > dossier.MaxKeyLength {
		after = strings.ToValidUTF8(after[:dossier.MaxKeyLength], "")
	}
	if after <= l.opts.Prefix {
		return ""
	}
	return after
}

// proceed notes where the next page begins.
func (l *listing) proceed(out *s3.ListObjectsV2Output) error {
	if !aws.ToBool(out.IsTruncated) {
		l.done = true
		return nil
	}
	next := aws.ToString(out.NextContinuationToken)
	if next == "" || l.token != nil && next == *l.token {
		return fmt.Errorf("%w: the listing is not complete and does not go on", dossier.ErrUnavailable)
	}
	l.token = &next
	return nil
}

// entries merges the two lists of an answer, which are each in order. What breaks the key rules is left out.
func (l *listing) entries(out *s3.ListObjectsV2Output) (page []dossier.Info, err error) {
	decode := decoder(out.EncodingType)
	objects, prefixes := out.Contents, out.CommonPrefixes
	for len(objects) > 0 || len(prefixes) > 0 {
		var info dossier.Info
		if len(prefixes) == 0 || len(objects) > 0 && decode(objects[0].Key) < decode(prefixes[0].Prefix) {
			info = listed(decode(objects[0].Key), objects[0])
			objects = objects[1:]
		} else {
			info = dossier.Info{Key: decode(prefixes[0].Prefix), IsPrefix: true}
			prefixes = prefixes[1:]
		}
		if !l.shows(info) {
			continue
		}
		if info.Key <= l.last {
			return page, fmt.Errorf("%w: the server does not list in byte order: %q after %q", errors.ErrUnsupported, info.Key, l.last)
		}
		l.last = info.Key
		page = append(page, info)
	}
	return page, nil
}

// shows says whether an entry was asked for and may be seen.
func (l *listing) shows(info dossier.Info) bool {
	if info.Key <= l.opts.After || !strings.HasPrefix(info.Key, l.opts.Prefix) {
		return false
	}
	if info.IsPrefix {
		return strings.HasSuffix(info.Key, "/") && dossier.CheckPrefix(info.Key) == nil
	}
	return dossier.CheckKey(info.Key) == nil
}

// listed is an entry for an object. The time of a listing may be finer than that of a HEAD, which has whole seconds.
func listed(key string, object types.Object) dossier.Info {
	etag := aws.ToString(object.ETag)
	return dossier.Info{
		Key: key, Size: aws.ToInt64(object.Size), ETag: quoted(etag), Version: versionOf(key, etag),
		ModTime: aws.ToTime(object.LastModified).UTC().Truncate(time.Second),
	}
}

// decoder undoes the encoding that the server says it has used.
func decoder(encoding types.EncodingType) func(*string) string {
	if encoding != types.EncodingTypeUrl {
		return aws.ToString
	}
	return func(text *string) string {
		decoded, err := url.QueryUnescape(aws.ToString(text))
		if err != nil {
			return aws.ToString(text)
		}
		return decoded
	}
}
