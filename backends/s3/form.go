package s3

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/querysign"
)

// maxForm is the largest file of a form in bytes: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html.
const maxForm = 5 << 30

// substituted is what the store replaces by the name of the file, in every field.
const substituted = "${filename}"

// SignForm implements [dossier.FormSigner] with a POST policy of Signature Version 4. Every field is bound to its value. It
// makes no request but what the client's credentials provider makes to renew credentials, and the form ends with temporary
// credentials at the latest.
//
// A policy knows no conditions on the present object, and the store puts the file's name in place of "${filename}" wherever
// it stands: both are errors.ErrUnsupported, as are customer keys and access points. Errors: those of SignURLs.
func (b *Backend) SignForm(ctx context.Context, req dossier.FormRequest) (dossier.SignedForm, error) {
	form, err := b.signForm(ctx, req)
	if err != nil {
		return dossier.SignedForm{}, fail("sign form", req.Key, err)
	}
	return form, nil
}

func (b *Backend) signForm(ctx context.Context, req dossier.FormRequest) (dossier.SignedForm, error) {
	if err := b.check(ctx); err != nil {
		return dossier.SignedForm{}, err
	}
	if err := b.checkForm(req); err != nil {
		return dossier.SignedForm{}, err
	}
	to, err := b.target()
	if err != nil {
		return dossier.SignedForm{}, err
	}
	cred, ends, err := to.retrieve(ctx)
	if err != nil {
		return dossier.SignedForm{}, err
	}
	l, err := lifeOf(b.signing.clock(), req.TTL, 0, ends)
	if err != nil {
		return dossier.SignedForm{}, err
	}
	fields, err := b.formFields(req)
	if err != nil {
		return dossier.SignedForm{}, err
	}
	fields = append(fields, to.signatureFields(cred, l)...)
	policy, err := b.policy(fields, req, l)
	if err != nil {
		return dossier.SignedForm{}, err
	}
	fields = append(fields, dossier.FormField{Name: "policy", Value: policy},
		dossier.FormField{Name: "X-Amz-Signature", Value: to.signer.Policy(cred, l.from, policy)})
	return dossier.SignedForm{URL: to.formURL(), Fields: fields, NotAfter: l.until}, nil
}

// checkForm refuses what has no meaning, and what a policy cannot bind.
func (b *Backend) checkForm(req dossier.FormRequest) error {
	if err := dossier.CheckFormRequest(req); err != nil {
		return err
	}
	err := errors.Join(b.needs(true, dossier.SignPost, "signed forms"),
		b.needs(len(req.Metadata) > 0, dossier.StoresMetadata, "metadata"), checkLife(req.TTL))
	if err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(b.bucket, "arn:"):
		return fmt.Errorf("%w: a form for an access point; use the bucket's name", errors.ErrUnsupported)
	case req.If.IfAbsent:
		return fmt.Errorf("%w: a form of S3 cannot be create-only; sign a PUT, or a form for a key that nobody else knows",
			errors.ErrUnsupported)
	}
	return checkBoundMetadata(req.Metadata)
}

// formFields are the fields that make the object, the key first.
func (b *Backend) formFields(req dossier.FormRequest) ([]dossier.FormField, error) {
	pairs := appendSet([]querysign.Pair{{Name: "key", Value: req.Key}}, "Content-Type", req.ContentType)
	for _, name := range sortedNames(req.Metadata) {
		pairs = append(pairs, querysign.Pair{Name: "x-amz-meta-" + name, Value: escapeValue(req.Metadata[name])})
	}
	pairs = appendSet(pairs, "x-amz-storage-class", b.cfg.Class)
	pairs = appendSet(pairs, "acl", b.cfg.ACL)
	tagging, err := taggingDocument(b.cfg.Tags)
	if err != nil {
		return nil, err
	}
	pairs = b.appendEncryption(appendSet(pairs, "tagging", tagging))
	fields := make([]dossier.FormField, 0, len(pairs)+7)
	for _, pair := range pairs {
		if strings.Contains(pair.Value, substituted) {
			return nil, fmt.Errorf("%w: a form with %q in %s", errors.ErrUnsupported, substituted, pair.Name)
		}
		fields = append(fields, dossier.FormField(pair))
	}
	return fields, nil
}

// signatureFields name the key that signs the policy, which covers them.
func (t *target) signatureFields(cred querysign.Credentials, l life) []dossier.FormField {
	fields := []dossier.FormField{
		{Name: "X-Amz-Algorithm", Value: querysign.AWS().Algorithm},
		{Name: "X-Amz-Credential", Value: cred.AccessKeyID + "/" + t.signer.Scope(l.from)},
		{Name: "X-Amz-Date", Value: l.from.UTC().Format("20060102T150405Z")},
	}
	if cred.SessionToken != "" {
		fields = append(fields, dossier.FormField{Name: "X-Amz-Security-Token", Value: cred.SessionToken})
	}
	return fields
}

// policy allows exactly these fields, one bucket and the lengths, until the end:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html.
func (b *Backend) policy(fields []dossier.FormField, req dossier.FormRequest, l life) (string, error) {
	conditions := []any{map[string]string{"bucket": b.bucket}}
	for _, field := range fields {
		conditions = append(conditions, map[string]string{field.Name: field.Value})
	}
	if req.MinLength > 0 || req.MaxLength > 0 {
		most := req.MaxLength
		if most == 0 {
			most = max(maxForm, req.MinLength)
		}
		conditions = append(conditions, []any{"content-length-range", req.MinLength, most})
	}
	document, err := json.Marshal(map[string]any{"expiration": l.until.UTC().Format(time.RFC3339), "conditions": conditions})
	if err != nil {
		return "", fmt.Errorf("policy: %w", err)
	}
	return base64.StdEncoding.EncodeToString(document), nil
}

// formURL is the bucket itself.
func (t *target) formURL() string {
	if t.path == "" {
		return t.urlScheme + "://" + t.host + "/"
	}
	return t.urlScheme + "://" + t.host + t.path
}
