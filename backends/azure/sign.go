package azure

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
	"github.com/dossier-go/dossier"
)

// signs reports whether there is a key to sign with.
func (b *Backend) signs() bool { return b.cfg.SharedKey != nil || b.delegation != nil }

// SignURLs implements [dossier.URLSigner]: a service SAS with Config.SharedKey, else a user delegation SAS whose key is
// fetched when there is none that lives long enough, and no other I/O. A URL of the second kind ends with its key, which
// lives seven days; SignedRequest.NotAfter says when.
//
// A SAS grants permissions, not methods: a URL for GET serves HEAD too. It does not cover the length, type, checksum or
// metadata of a PUT, so these cannot be bound; and the service ignores parameters that it does not know.
func (b *Backend) SignURLs(ctx context.Context, reqs []dossier.SignRequest) ([]dossier.SignedRequest, error) {
	if err := b.check(ctx); err != nil {
		return nil, fail("sign", "", err)
	}
	now := time.Now()
	signed := make([]dossier.SignedRequest, 0, len(reqs))
	for _, req := range reqs {
		if req.Method == "" {
			req.Method = http.MethodGet
		}
		err := b.checkSign(req)
		var one dossier.SignedRequest
		if err == nil {
			one, err = b.signOne(ctx, req, now)
		}
		if err != nil {
			return nil, fail("sign", req.Key, err)
		}
		signed = append(signed, one)
	}
	return signed, nil
}

// checkSign refuses what has no meaning and what a SAS does not cover.
func (b *Backend) checkSign(req dossier.SignRequest) error {
	if err := dossier.CheckSignRequest(req); err != nil {
		return err
	}
	if req.TTL > dossier.MaxSignedLife {
		return fmt.Errorf("%w: a life of %v; at most %v", dossier.ErrInvalid, req.TTL, dossier.MaxSignedLife)
	}
	ability := dossier.SignGet
	switch req.Method {
	case http.MethodPut:
		ability = dossier.SignPut
	case http.MethodDelete:
		ability = dossier.SignDelete
	}
	sums := req.Expect.CRC32C != nil || req.Expect.CRC64NVME != nil || req.Expect.SHA256 != nil || req.Expect.MD5 != nil
	err := errors.Join(b.needs(true, ability),
		b.needs(req.ContentType != "", dossier.BindType), b.needs(req.Length != 0, dossier.BindLength),
		b.needs(req.MaxLength != 0, dossier.BindMaxLength), b.needs(req.If.IfAbsent, dossier.BindIfAbsent),
		b.needs(sums, dossier.BindChecksum), b.needs(req.Part.UploadID != "", dossier.SignPart))
	if len(req.Metadata) > 0 {
		err = errors.Join(err, fmt.Errorf("%w: a shared access signature does not cover metadata", errors.ErrUnsupported))
	}
	return err
}

// signOne signs one request that was checked.
func (b *Backend) signOne(ctx context.Context, req dossier.SignRequest, now time.Time) (dossier.SignedRequest, error) {
	from := now
	if req.Window > 0 {
		from = now.Truncate(req.Window)
	}
	expires := from.Add(req.TTL + time.Second - 1).Truncate(time.Second).UTC()
	key, query := req.Key, ""
	header := http.Header{}
	switch {
	case req.Part.UploadID != "":
		id, ok := parseUploadID(dossier.Upload{Key: req.Key, ID: req.Part.UploadID})
		if !ok {
			return dossier.SignedRequest{}, fmt.Errorf("%w: the upload id is not one of this store", dossier.ErrInvalid)
		}
		key, query = hiddenParts+id, "&comp=block&blockid="+url.QueryEscape(signedPart(req.Part.Number, from, req.Window > 0).name())
	case req.Method == http.MethodPut:
		header.Set("x-ms-blob-type", "BlockBlob")
	}
	made, err := b.sign(ctx, key, sas.BlobSignatureValues{
		Permissions: permissions(req), ExpiryTime: expires, CacheControl: req.Respond.CacheControl,
		ContentDisposition: req.Respond.ContentDisposition, ContentEncoding: req.Respond.ContentEncoding,
		ContentLanguage: req.Respond.ContentLanguage, ContentType: req.Respond.ContentType,
	})
	if err != nil {
		return dossier.SignedRequest{}, err
	}
	return dossier.SignedRequest{Method: req.Method, URL: made.url + query, Header: header, NotAfter: made.notAfter}, nil
}

func permissions(req dossier.SignRequest) string {
	switch {
	case req.Method == http.MethodDelete:
		return "d"
	case req.Method == http.MethodPut && req.If.IfAbsent:
		return "c" // create without write: refused when there is an object
	case req.Method == http.MethodPut:
		return "cw"
	}
	return "r"
}

// signature is a signed URL.
type signature struct {
	url      string
	notAfter time.Time
}

// sign adds a shared access signature to the URL of an object. There is no start time, so that a clock of the service that
// is behind does not matter.
func (b *Backend) sign(ctx context.Context, key string, values sas.BlobSignatureValues) (signature, error) {
	values.ContainerName, values.BlobName = b.place.container, key
	if strings.HasPrefix(b.place.base, "https:") {
		values.Protocol = sas.ProtocolHTTPS
	}
	var query sas.QueryParameters
	var err error
	if b.cfg.SharedKey != nil {
		query, err = values.SignWithSharedKey(b.cfg.SharedKey)
	} else {
		var credential *service.UserDelegationCredential
		var ends time.Time
		credential, ends, err = b.delegation.credential(ctx, b, values.ExpiryTime)
		if err != nil {
			return signature{}, err
		}
		if values.ExpiryTime.After(ends) {
			values.ExpiryTime = ends
		}
		query, err = values.SignWithUserDelegation(credential)
	}
	return signature{b.place.url(key) + "?" + query.Encode(), values.ExpiryTime}, err
}

// PublicURL implements [dossier.PublicURLer].
func (b *Backend) PublicURL(key string) (string, error) {
	err := b.check(context.Background(), dossier.CheckKey(key))
	if err == nil && b.cfg.PublicURL == "" {
		err = fmt.Errorf("%w: the store has no public URL; set it in the configuration", errors.ErrUnsupported)
	}
	if err != nil {
		return "", fail("public URL", key, err)
	}
	return place{base: strings.TrimSuffix(b.cfg.PublicURL, "/")}.url(key), nil
}
