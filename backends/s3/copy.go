package s3

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/dossier-go/dossier"
)

// Copy implements [dossier.Copier] inside the server. Up to 5 GiB without a condition on dst go in one request; a larger
// or conditional copy is a multipart upload whose parts are copied and whose completion has the condition, because most
// servers ignore the conditions of a plain copy; where the server refuses that, the bytes pass through this process. The
// copy has the tags of src, and class, access control list and
// encryption of the configuration.
func (b *Backend) Copy(ctx context.Context, dst, src string, opts dossier.CopyOptions) (dossier.Info, error) {
	err := b.check(ctx, dossier.CheckKey(dst), dossier.CheckKey(src), dossier.CheckCopyOptions(opts),
		b.checkReplacement(opts.Replace),
		b.needs(opts.If.IfAbsent, dossier.CopyIfAbsent, "create-only copies"),
		b.needs(opts.If.Match != "", dossier.PutMatch, "conditional copies"))
	if err != nil {
		return dossier.Info{}, fail("copy", src, err)
	}
	info, err := b.copy(ctx, dst, src, opts)
	if err != nil {
		return dossier.Info{}, fail("copy", src, withContext(ctx, err))
	}
	return info, nil
}

func (b *Backend) checkReplacement(to *dossier.Replacement) error {
	if to == nil {
		return nil
	}
	opts := dossier.PutOptions{Header: to.Header, Metadata: to.Metadata}
	return errors.Join(b.capabilities.CheckPut(opts), checkStored(to.Metadata, ""))
}

// copyTries is how often a copy begins anew because its source was replaced meanwhile.
const copyTries = 5

func (b *Backend) copy(ctx context.Context, dst, src string, opts dossier.CopyOptions) (dossier.Info, error) {
	for try := 1; ; try++ {
		c, err := b.newCopy(ctx, dst, src, opts)
		if err != nil {
			return dossier.Info{}, err
		}
		info, err := c.run(ctx)
		if err == nil {
			return info, nil
		}
		if !errors.As(err, new(*sourceChanged)) {
			return dossier.Info{}, err
		}
		if opts.SourceIf.Match != "" || try == copyTries {
			return dossier.Info{}, fmt.Errorf("%w: the source was changed meanwhile: %w", dossier.ErrPrecondition, err)
		}
	}
}

// sourceChanged is the error of a copy whose source is not the version that was looked at.
type sourceChanged struct{ err error }

func (e *sourceChanged) Error() string { return e.err.Error() }
func (e *sourceChanged) Unwrap() error { return e.err }

// copying is one copy of one version.
type copying struct {
	*write
	source  string // as the field x-amz-copy-source has it
	src     string
	srcETag string
	tagged  bool
	sums    sumFields // of the source, in the configured algorithm
}

// newCopy looks at the source.
func (b *Backend) newCopy(ctx context.Context, dst, src string, opts dossier.CopyOptions) (*copying, error) {
	head, err := b.head(ctx, src)
	if err != nil {
		return nil, err
	}
	info := infoOf(src, head)
	if opts.SourceIf.Match != "" && opts.SourceIf.Match != info.Version {
		return nil, fmt.Errorf("%w: the version of the source is %s", dossier.ErrPrecondition, info.Version)
	}
	to := dossier.PutOptions{Header: info.Header, If: opts.If}
	if opts.Replace != nil {
		to.Header, to.Metadata = opts.Replace.Header, opts.Replace.Metadata
	}
	w, err := b.newWrite(dst, to)
	if err != nil {
		return nil, err
	}
	if opts.Replace == nil {
		w.keepMetadata(head.Metadata)
	}
	w.size, w.tags = info.Size, ""
	c := &copying{write: w, source: b.copySource(src), src: src, srcETag: quoted(info.ETag), tagged: aws.ToInt32(head.TagCount) > 0}
	if head.ChecksumType != types.ChecksumTypeComposite {
		c.sums = sumFields{head.ChecksumCRC64NVME, head.ChecksumCRC32C}
	}
	return c, nil
}

// keepMetadata takes over metadata as it is stored, but for the put-id, which is of the write.
func (w *write) keepMetadata(stored map[string]string) {
	own := w.metadata[putIDName]
	w.metadata = maps.Clone(stored)
	if w.metadata == nil {
		w.metadata = map[string]string{}
	}
	w.metadata[putIDName] = own
}

func (c *copying) run(ctx context.Context) (dossier.Info, error) {
	conditional := c.ifAbsent != nil || c.ifMatch != nil
	var err error
	switch {
	case conditional && (c.size == 0 || c.b.noPartCopies.Load()): // no part can be copied
		return c.through(ctx)
	case conditional || c.size > c.b.limits.maxCopy:
		err = c.inParts(ctx)
	default:
		err = c.whole(ctx)
	}
	if refused := (*partsRefused)(nil); errors.As(err, &refused) && conditional {
		c.b.noPartCopies.Store(true)
		return c.through(ctx)
	}
	if err != nil {
		return dossier.Info{}, err
	}
	return c.confirm(ctx)
}

// partsRefused is the error of a server that does not copy into uploads with checksums.
type partsRefused struct{ err error }

func (e *partsRefused) Error() string { return e.err.Error() }
func (e *partsRefused) Unwrap() error { return e.err }

// through is a copy whose bytes pass through this process, where the server can do it on no other way.
func (c *copying) through(ctx context.Context) (dossier.Info, error) {
	if err := c.tagsOfSource(ctx); err != nil {
		return dossier.Info{}, err
	}
	object, err := c.b.get(ctx, c.src, dossier.GetOptions{If: dossier.Condition{Match: versionOf(c.src, c.srcETag)}})
	if err != nil {
		return dossier.Info{}, ofSource(err)
	}
	info, err := c.b.put(ctx, c.write, dossier.ReaderSource(object, object.Size), dossier.PutOptions{})
	return info, errors.Join(err, object.Close())
}

// whole is a copy in one request.
func (c *copying) whole(ctx context.Context) error {
	b := c.b
	in := &s3.CopyObjectInput{
		Bucket: &b.bucket, Key: &c.key, CopySource: &c.source, CopySourceIfMatch: &c.srcETag,
		MetadataDirective: types.MetadataDirectiveReplace, Metadata: c.metadata, ChecksumAlgorithm: b.cfg.Checksum.field(),
		ContentType: optional(c.header.ContentType), ContentDisposition: optional(c.header.ContentDisposition),
		ContentEncoding: optional(c.header.ContentEncoding), ContentLanguage: optional(c.header.ContentLanguage),
		CacheControl: optional(c.header.CacheControl), StorageClass: c.classField(), ACL: c.aclField(),
	}
	in.ServerSideEncryption, in.SSEKMSKeyId = b.cfg.SSE.serverSide()
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = b.cfg.SSE.customer()
	in.CopySourceSSECustomerAlgorithm, in.CopySourceSSECustomerKey, in.CopySourceSSECustomerKeyMD5 = b.cfg.SSE.customer()
	trace := b.slow()
	return c.settled(ctx, trace, func() (*string, error) {
		out, err := b.client.CopyObject(ctx, in, trace.options)
		if err != nil {
			return nil, ofSource(err)
		}
		if out.CopyObjectResult == nil {
			return nil, fmt.Errorf("%w: the answer to a copy is empty", dossier.ErrUnavailable)
		}
		return out.CopyObjectResult.ETag, nil
	})
}

// ofSource makes a refusal of a request with a condition on the source only what it is.
func ofSource(err error) error {
	if code := status(err); code == http.StatusPreconditionFailed || code == http.StatusNotFound && codeOf(err) == "NoSuchKey" {
		return &sourceChanged{err}
	}
	return err
}

// tagsOfSource are the tags for a copy in parts, which the server does not copy by itself.
func (c *copying) tagsOfSource(ctx context.Context) error {
	if !c.tagged {
		return nil
	}
	out, err := c.b.client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &c.b.bucket, Key: &c.src}, c.b.small().options)
	if err != nil {
		return err
	}
	tags := map[string]string{}
	for _, tag := range out.TagSet {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	c.tags = tagQuery(tags)
	return nil
}

// UpdateHeader implements [dossier.HeaderUpdater] by copying the object onto itself inside the server. Where the server has
// conditional writes and multipart uploads, a write that comes in between is not undone: the update then applies to the
// newer object, or is ErrPrecondition when cond names a version.
func (b *Backend) UpdateHeader(
	ctx context.Context, key string, to dossier.Replacement, cond dossier.Condition,
) (dossier.Info, error) {
	opts := dossier.PutOptions{Header: to.Header, Metadata: to.Metadata, If: cond}
	var bad error
	if cond.IfAbsent {
		bad = fmt.Errorf("%w: IfAbsent is no condition of an update", dossier.ErrInvalid)
	}
	err := b.check(ctx, dossier.CheckKey(key), dossier.CheckPutOptions(opts), bad, b.checkReplacement(&to),
		b.needs(cond.Match != "", dossier.PutMatch, "conditional updates"))
	if err != nil {
		return dossier.Info{}, fail("update header", key, err)
	}
	info, err := b.updateHeader(ctx, key, to, cond)
	if err != nil {
		return dossier.Info{}, fail("update header", key, withContext(ctx, err))
	}
	return info, nil
}

func (b *Backend) updateHeader(
	ctx context.Context, key string, to dossier.Replacement, cond dossier.Condition,
) (dossier.Info, error) {
	for try := 1; ; try++ {
		opts := dossier.CopyOptions{Replace: &to, SourceIf: dossier.Condition{Match: cond.Match}}
		if b.capabilities.Has(dossier.PutMatch) {
			head, err := b.head(ctx, key)
			if err != nil {
				return dossier.Info{}, err
			}
			setDefault(&opts.SourceIf.Match, infoOf(key, head).Version)
			opts.If.Match = opts.SourceIf.Match
		}
		info, err := b.copy(ctx, key, key, opts)
		moved := errors.Is(kindOfError(err), dossier.ErrPrecondition) || errors.Is(kindOfError(err), dossier.ErrConflict)
		if err == nil || !moved || cond.Match != "" || try == copyTries {
			return info, err
		}
	}
}
