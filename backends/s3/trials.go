package s3

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/crc"
	"github.com/dossier-go/dossier/internal/uploader"
)

// The trials of Probe, each of one capability.

// is says whether a request was refused for the reason that it should be.
func is(err, kind error) bool { return errors.Is(kindOfError(err), kind) }

// stale is a version that no object of the key has.
func stale(key string) dossier.Version { return versionOf(key, strings.Repeat("0", 32)) }

func (p *probe) createOnly(ctx context.Context) (bool, error) {
	cond := dossier.PutOptions{If: dossier.Condition{IfAbsent: true}}
	if _, err := p.put(ctx, "fresh", "content", cond); err != nil {
		return false, err
	}
	_, err := p.put(ctx, "plain", "other content", cond)
	return is(err, dossier.ErrExist), refusedOr(err, dossier.ErrExist)
}

// refusedOr is err unless it is of the kind that was wanted.
func refusedOr(err, kind error) error {
	if is(err, kind) {
		return nil
	}
	return err
}

func (p *probe) compareAndSwap(ctx context.Context) (bool, error) {
	info, err := p.put(ctx, "swap", "content", dossier.PutOptions{})
	if err != nil {
		return false, err
	}
	if _, err = p.put(ctx, "swap", "swapped", dossier.PutOptions{If: dossier.Condition{Match: info.Version}}); err != nil {
		return false, err
	}
	_, err = p.put(ctx, "swap", "again", dossier.PutOptions{If: dossier.Condition{Match: info.Version}})
	return is(err, dossier.ErrPrecondition), refusedOr(err, dossier.ErrPrecondition)
}

// get opens an object and closes it.
func (p *probe) get(ctx context.Context, name, span string, cond dossier.Condition) (*s3.GetObjectOutput, error) {
	r := &read{b: p.b, key: p.base + name, span: span}
	if err := r.condition(cond); err != nil {
		return nil, err
	}
	body, out, err := r.request(ctx)
	if err != nil {
		return nil, err
	}
	return out, body.Close()
}

func (p *probe) conditionalGet(ctx context.Context) (bool, error) {
	info, err := p.put(ctx, "read", "content", dossier.PutOptions{})
	if err != nil {
		return false, err
	}
	_, other := p.get(ctx, "read", "", dossier.Condition{Match: stale(info.Key)})
	_, same := p.get(ctx, "read", "", dossier.Condition{NotMatch: info.Version})
	_, present := p.get(ctx, "read", "", dossier.Condition{Match: info.Version})
	return is(other, dossier.ErrPrecondition) && is(same, dossier.ErrNotModified),
		errors.Join(refusedOr(other, dossier.ErrPrecondition), refusedOr(same, dossier.ErrNotModified), present)
}

func (p *probe) conditionalDelete(ctx context.Context) (bool, error) {
	if _, err := p.put(ctx, "kept", "content", dossier.PutOptions{}); err != nil {
		return false, err
	}
	refused := p.b.delete(ctx, p.base+"kept", stale(p.base+"kept"))
	kept, err := p.exists(ctx, "kept")
	return kept && is(refused, dossier.ErrPrecondition), errors.Join(err, refusedOr(refused, dossier.ErrPrecondition))
}

func (p *probe) suffix(ctx context.Context) (bool, error) {
	out, err := p.get(ctx, "plain", "bytes=-3", dossier.Condition{})
	if err != nil {
		return false, err
	}
	have, err := servedRange(out)
	return have.to-have.from == 3 && have.to == have.size, err
}

func (p *probe) metadata(ctx context.Context) (bool, error) {
	want := map[string]string{"plain_1": "a b", "odd": "Ü %C3 =?UTF-8?Q?x?=", "empty": ""}
	info, err := p.put(ctx, "metadata", "content", dossier.PutOptions{Metadata: want})
	return maps.Equal(info.Metadata, want), err
}

func (p *probe) header(ctx context.Context) (bool, error) {
	want := dossier.Header{
		ContentType: "text/plain; charset=utf-8", ContentDisposition: `attachment; filename="a.txt"`, ContentEncoding: "gzip",
		ContentLanguage: "de, en", CacheControl: "private, max-age=60",
	}
	info, err := p.put(ctx, "header", "content", dossier.PutOptions{Header: want})
	return info.Header == want, err
}

func (p *probe) crc32c(ctx context.Context) (bool, error) {
	info, err := p.put(ctx, "checksum", "content", dossier.PutOptions{})
	return bytes.Equal(info.Checksums.CRC32C, crc.Bytes32(crc.Of([]byte("content")).CRC32C)), err
}

func (p *probe) flatKeys(ctx context.Context) (bool, error) {
	if _, err := p.put(ctx, "flat", "content", dossier.PutOptions{}); err != nil {
		return false, err
	}
	if _, err := p.put(ctx, "flat/below", "content", dossier.PutOptions{}); err != nil {
		return false, err
	}
	return p.exists(ctx, "flat")
}

func (p *probe) tags(ctx context.Context) (bool, error) {
	info, err := p.put(ctx, "tags", "content", dossier.PutOptions{Tags: map[string]string{"probe": "a +-=._:/@1"}})
	if err != nil {
		return false, err
	}
	out, err := p.b.client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &p.b.bucket, Key: &info.Key}, p.b.small().options)
	if err != nil || len(out.TagSet) != 1 {
		return false, err
	}
	return aws.ToString(out.TagSet[0].Value) == "a +-=._:/@1", nil
}

func (p *probe) class(ctx context.Context) (bool, error) {
	info, err := p.put(ctx, "class", "content", dossier.PutOptions{Class: string(types.StorageClassReducedRedundancy)})
	if err != nil {
		return false, err
	}
	head, err := p.b.head(ctx, info.Key)
	return err == nil && head.StorageClass == types.StorageClassReducedRedundancy, err
}

func (p *probe) acl(ctx context.Context) (bool, error) {
	info, err := p.put(ctx, "acl", "content", dossier.PutOptions{ACL: string(types.ObjectCannedACLAuthenticatedRead)})
	if err != nil {
		return false, err
	}
	out, err := p.b.client.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: &p.b.bucket, Key: &info.Key}, p.b.small().options)
	if err != nil {
		return false, err
	}
	for _, grant := range out.Grants {
		if grant.Permission == types.PermissionRead && grant.Grantee != nil && grant.Grantee.Type == types.TypeGroup {
			return true, nil
		}
	}
	return false, nil
}

// upload begins a multipart upload of one part.
func (p *probe) upload(ctx context.Context, name string, opts dossier.PutOptions) (*write, completion, error) {
	w, err := p.b.newWrite(p.base+name, opts)
	if err != nil {
		return nil, completion{}, err
	}
	c := completion{checksum: p.b.cfg.Checksum}
	if c.id, err = p.b.writing.create(func() (string, error) { return w.begin(ctx, c.checksum) }); err != nil {
		return nil, c, err
	}
	defer p.b.writing.end(c.id)
	p.used = append(p.used, w.key)
	p.uploads = append(p.uploads, dossier.Upload{Key: w.key, ID: c.id})
	content := []byte("content")
	sums := crc.Of(content)
	body := &uploader.Body{ReadSeeker: bytes.NewReader(content), Sums: sums}
	part, err := p.b.sendPart(ctx, partRequest{w.key, c.id, 1, c.checksum}, body)
	c.parts, c.size, c.sums = []types.CompletedPart{part}, sums.Size, &sums
	return w, c, err
}

// multipart wants uploads that can be completed, and found by a prefix that is shorter than the key.
func (p *probe) multipart(ctx context.Context) (bool, error) {
	w, c, err := p.upload(ctx, "parts", dossier.PutOptions{})
	if err != nil {
		return false, err
	}
	listed := false
	in := &s3.ListMultipartUploadsInput{Bucket: &p.b.bucket, Prefix: aws.String(p.base), EncodingType: types.EncodingTypeUrl}
	out, err := p.b.client.ListMultipartUploads(ctx, in, p.b.small().options)
	if err != nil {
		return false, err
	}
	for _, upload := range out.Uploads {
		listed = listed || aws.ToString(upload.UploadId) == c.id
	}
	return listed, w.complete(ctx, c)
}

func (p *probe) createOnlyParts(ctx context.Context) (bool, error) {
	w, c, err := p.upload(ctx, "plain", dossier.PutOptions{If: dossier.Condition{IfAbsent: true}})
	if err != nil {
		return false, err
	}
	err = w.complete(ctx, c)
	return is(err, dossier.ErrExist), refusedOr(err, dossier.ErrExist)
}
