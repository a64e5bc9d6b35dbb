package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dossier-go/dossier"
)

// Get implements [dossier.Backend] with one request; an empty range takes a HEAD instead. A body that breaks goes on where
// it broke, from the same version; when that is gone the error Is ErrPrecondition. A full read is checked against the
// checksum that the server keeps, CRC64NVME or CRC32C, if it keeps one of the whole object.
func (b *Backend) Get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	err := b.check(ctx, dossier.CheckKey(key), dossier.CheckGetOptions(opts),
		b.needs(opts.If != dossier.Condition{}, dossier.GetMatch, "conditional reads"),
		b.needs(opts.Range.Offset < 0, dossier.SuffixRange, "ranges from the end"))
	if err != nil {
		return nil, fail("get", key, err)
	}
	object, err := b.get(ctx, key, opts)
	if err != nil {
		return nil, fail("get", key, err)
	}
	return object, nil
}

func (b *Backend) get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	r := &read{b: b, key: key, verify: !opts.SkipVerify}
	if err := r.condition(opts.If); err != nil {
		return nil, err
	}
	if r.span = rangeField(opts.Range); r.span == emptyRange {
		return r.empty(ctx, opts)
	}
	body, out, err := r.request(ctx)
	if status(err) == http.StatusRequestedRangeNotSatisfiable {
		return r.empty(ctx, opts)
	}
	if err != nil {
		return nil, err
	}
	object, err := r.object(ctx, opts.Range, out, body)
	if err != nil {
		return nil, errors.Join(err, body.Close())
	}
	return object, nil
}

// emptyRange is the range field of no bytes, which HTTP cannot ask for.
const emptyRange = "none"

// rangeField is the field of RFC 9110, section 14.2; empty for the whole object.
func rangeField(r dossier.Range) string {
	switch {
	case r.IsAll():
		return ""
	case r.Offset < 0:
		return "bytes=-" + strconv.FormatUint(uint64(-r.Offset), 10)
	case r.Length == 0:
		return emptyRange
	case r.Length < 0 || r.Length-1 > maxOffset-r.Offset:
		return fmt.Sprintf("bytes=%d-", r.Offset)
	}
	return fmt.Sprintf("bytes=%d-%d", r.Offset, r.Offset+r.Length-1)
}

// maxOffset is the largest position in an object.
const maxOffset = 1<<63 - 1

// condition takes over a condition of the caller.
func (r *read) condition(cond dossier.Condition) error {
	tag, ours := tagOf(r.key, cond.Match+cond.NotMatch)
	switch {
	case cond.Match != "" && !ours:
		return fmt.Errorf("%w: this is no version of the object", dossier.ErrPrecondition)
	case cond.Match != "":
		r.match = tag
	case ours:
		r.notMatch = tag
	}
	return nil
}

// empty describes an object of which no bytes were asked for, or none are there.
func (r *read) empty(ctx context.Context, opts dossier.GetOptions) (*dossier.Object, error) {
	head, err := r.b.head(ctx, r.key)
	if err != nil {
		return nil, err
	}
	info := infoOf(r.key, head)
	switch {
	case opts.If.Match != "" && opts.If.Match != info.Version:
		return nil, fmt.Errorf("%w: the version is %s", dossier.ErrPrecondition, info.Version)
	case opts.If.NotMatch != "" && opts.If.NotMatch == info.Version:
		return nil, dossier.ErrNotModified
	}
	from, to, err := opts.Range.Resolve(info.Size)
	if err != nil {
		return nil, err
	}
	if from != to {
		return nil, fmt.Errorf("%w: the server refuses the range of an object of %d bytes", dossier.ErrUnavailable, info.Size)
	}
	return dossier.NewObject(info, from, to, http.NoBody), nil
}

// object makes an object of the answer, if it is the answer to the question.
func (r *read) object(
	ctx context.Context, asked dossier.Range, out *s3.GetObjectOutput, body io.ReadCloser,
) (*dossier.Object, error) {
	served, err := servedRange(out)
	if err != nil {
		return nil, err
	}
	info := infoOf(r.key, headOf(out, served.size))
	from, to, err := asked.Resolve(served.size)
	if err != nil {
		return nil, err // the object is empty, or the server ignores ranges
	}
	if served.from > from || served.to < to {
		return nil, fmt.Errorf("%w: the server answers with bytes %d to %d, not %d to %d", dossier.ErrUnavailable,
			served.from, served.to, from, to)
	}
	r.match, r.notMatch = quoted(aws.ToString(out.ETag)), ""
	r.first, r.last = from, to
	if err := skip(body, from-served.from); err != nil {
		return nil, err
	}
	return dossier.NewObject(info, from, to, r.reader(ctx, info, body)).Verified(), nil
}

// skip reads what was not asked for.
func skip(body io.Reader, n int64) error {
	if n == 0 {
		return nil
	}
	if _, err := io.CopyN(io.Discard, body, n); err != nil {
		return fmt.Errorf("%w: the server ignores ranges, and the body broke off: %w", dossier.ErrUnavailable, err)
	}
	return nil
}

// served are the bytes [from, to) that an answer has, of an object of size bytes.
type served struct{ from, to, size int64 }

// servedRange reads the answer: the whole object, or the range of RFC 9110, section 14.4.
func servedRange(out *s3.GetObjectOutput) (served, error) {
	field := aws.ToString(out.ContentRange)
	if field == "" {
		if out.ContentLength == nil || *out.ContentLength < 0 {
			return served{}, fmt.Errorf("%w: the answer has no length", dossier.ErrUnavailable)
		}
		return served{0, *out.ContentLength, *out.ContentLength}, nil
	}
	var s served
	rest, isBytes := strings.CutPrefix(field, "bytes ")
	_, err := fmt.Sscanf(rest, "%d-%d/%d", &s.from, &s.to, &s.size)
	s.to++
	if isBytes && err == nil && s.size == 0 {
		return served{}, nil // of an empty object some servers say "bytes 0--1/0"
	}
	if !isBytes || err != nil || s.from < 0 || s.from >= s.to || s.to > s.size {
		return served{}, fmt.Errorf("%w: the answer has the Content-Range %q", dossier.ErrUnavailable, field)
	}
	return s, nil
}

// headOf is the description in the answer to a GET.
func headOf(out *s3.GetObjectOutput, size int64) *s3.HeadObjectOutput {
	return &s3.HeadObjectOutput{
		ContentLength: &size, ETag: out.ETag, LastModified: out.LastModified, ContentType: out.ContentType,
		ContentDisposition: out.ContentDisposition, ContentEncoding: out.ContentEncoding, ContentLanguage: out.ContentLanguage,
		CacheControl: out.CacheControl, Metadata: out.Metadata, ChecksumType: out.ChecksumType, ChecksumCRC32C: out.ChecksumCRC32C,
		ChecksumCRC64NVME: out.ChecksumCRC64NVME, ChecksumSHA256: out.ChecksumSHA256,
	}
}
