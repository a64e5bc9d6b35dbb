package azure

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/dossier-go/dossier"
)

// Stat implements [dossier.Backend].
func (b *Backend) Stat(ctx context.Context, key string) (dossier.Info, error) {
	err := b.check(ctx, dossier.CheckKey(key))
	var info dossier.Info
	if err == nil {
		info, err = b.stat(ctx, key, dossier.Condition{})
	}
	if err != nil {
		return dossier.Info{}, fail("stat", key, err)
	}
	return info, nil
}

// stat asks for the present version under a condition of reads.
func (b *Backend) stat(ctx context.Context, key string, cond dossier.Condition) (dossier.Info, error) {
	access, err := conditions(cond)
	if err != nil {
		return dossier.Info{}, err
	}
	var raw *http.Response
	answer, err := request(ctx, b, func(ctx context.Context) (blob.GetPropertiesResponse, error) {
		return b.client.NewBlobClient(key).GetProperties(policy.WithCaptureResponse(ctx, &raw),
			&blob.GetPropertiesOptions{AccessConditions: access})
	})
	if err != nil {
		return dossier.Info{}, readError(err, cond)
	}
	if raw != nil && raw.StatusCode == http.StatusNotModified {
		return dossier.Info{}, dossier.ErrNotModified
	}
	return properties{
		size: value(answer.ContentLength), etag: answer.ETag, modified: answer.LastModified, metadata: answer.Metadata,
		header: blob.ParseHTTPHeaders(answer),
	}.info(key), nil
}

// readError turns the answers to a conditional read into kinds.
func readError(err error, cond dossier.Condition) error {
	answer := answerOf(err)
	switch {
	case answer == nil:
		return err
	case answer.StatusCode == http.StatusNotModified:
		return errors.Join(dossier.ErrNotModified, err)
	case cond.Match != "":
		return conditionError(err, dossier.Condition{Match: cond.Match})
	}
	return err
}

// Get implements [dossier.Backend]. A body that breaks is continued, pinned to its version; if that is gone the error is
// dossier.ErrPrecondition. Ranges that end at the end of the object or are empty cost one request more.
func (b *Backend) Get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	err := b.check(ctx, dossier.CheckKey(key), dossier.CheckGetOptions(opts),
		b.needs(opts.If != dossier.Condition{}, dossier.GetMatch), b.needs(opts.Range.Offset < 0, dossier.SuffixRange))
	var object *dossier.Object
	if err == nil {
		object, err = b.get(ctx, key, opts)
	}
	if err != nil {
		return nil, fail("get", key, err)
	}
	if opts.SkipVerify {
		return object, nil
	}
	return object.Verified(), nil
}

func (b *Backend) get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	r := opts.Range
	if r.IsAll() {
		return b.open(ctx, key, opts.If, span{0, -1})
	}
	if r.Offset < 0 || r.Length == 0 {
		return b.openKnown(ctx, key, opts)
	}
	to := int64(-1)
	if r.Length > 0 && r.Length <= math.MaxInt64-r.Offset {
		to = r.Offset + r.Length
	}
	object, err := b.open(ctx, key, opts.If, span{r.Offset, to})
	if errors.Is(fail("", "", err), dossier.ErrRange) {
		return b.openKnown(ctx, key, opts)
	}
	return object, err
}

// openKnown finds out the size first, as ranges from the end and empty ranges need, and then reads that version.
func (b *Backend) openKnown(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	for attempt := 1; ; attempt++ {
		info, err := b.stat(ctx, key, opts.If)
		if err != nil {
			return nil, err
		}
		from, to, err := opts.Range.Resolve(info.Size)
		if err != nil {
			return nil, err
		}
		if from == to {
			return dossier.NewObject(info, from, to, http.NoBody), nil
		}
		object, err := b.open(ctx, key, dossier.Condition{Match: info.Version}, span{from, to})
		if !errors.Is(err, dossier.ErrPrecondition) || opts.If.Match != "" {
			return object, err
		}
		if attempt == maxAttempts {
			return nil, fmt.Errorf("%w: the object changed %d times while a range of it was looked up", dossier.ErrConflict, attempt)
		}
	}
}

// span is a range of bytes; a to of -1 is the end.
type span struct{ from, to int64 }

func (s span) http() blob.HTTPRange {
	if s.to < 0 {
		return blob.HTTPRange{Offset: s.from} // a Count of 0 is the end
	}
	return blob.HTTPRange{Offset: s.from, Count: s.to - s.from}
}

// open starts a read of one version, from a range that is not empty.
func (b *Backend) open(ctx context.Context, key string, cond dossier.Condition, s span) (*dossier.Object, error) {
	t := newTransfer(ctx, b, key)
	answer, err := t.download(cond, s)
	if err != nil {
		t.stop()
		return nil, err
	}
	info := properties{
		size: value(answer.ContentLength), etag: answer.ETag, modified: answer.LastModified, metadata: answer.Metadata,
		header: blob.HTTPHeaders{
			BlobContentType: answer.ContentType, BlobContentDisposition: answer.ContentDisposition,
			BlobContentEncoding: answer.ContentEncoding, BlobContentLanguage: answer.ContentLanguage,
			BlobCacheControl: answer.CacheControl, BlobContentMD5: answer.BlobContentMD5,
		},
	}
	if answer.BlobContentMD5 == nil && answer.ContentRange == nil {
		info.header.BlobContentMD5 = answer.ContentMD5
	}
	from, to := int64(0), info.size
	if answer.ContentRange != nil {
		from, to, info.size, err = contentRange(*answer.ContentRange)
	}
	if err == nil && (from != s.from || s.to >= 0 && to > s.to) {
		err = fmt.Errorf("%w: the service answered with bytes %d to %d, not with those from %d to %d", dossier.ErrUnavailable,
			from, to, s.from, s.to)
	}
	if err != nil {
		t.stop()
		return nil, errors.Join(err, answer.Body.Close())
	}
	described := info.info(key)
	return dossier.NewObject(described, from, to, t.body(answer.Body, described.Version, span{from, to})), nil
}

// contentRange reads "bytes first-last/size" (RFC 9110, section 14.4).
func contentRange(field string) (from, to, size int64, err error) {
	text, _ := strings.CutPrefix(field, "bytes ")
	first, rest, _ := strings.Cut(text, "-")
	last, total, _ := strings.Cut(rest, "/")
	from, one := strconv.ParseInt(first, 10, 64)
	end, two := strconv.ParseInt(last, 10, 64)
	size, three := strconv.ParseInt(total, 10, 64)
	if one == nil && two == nil && three == nil && end == from-1 {
		return 0, 0, 0, fmt.Errorf("%w: the service has no bytes there", dossier.ErrRange) // as Azurite says it
	}
	if one != nil || two != nil || three != nil || from < 0 || end < from || size <= end {
		return 0, 0, 0, fmt.Errorf("%w: the service answered with the range %q", dossier.ErrUnavailable, field)
	}
	return from, end + 1, size, nil
}
