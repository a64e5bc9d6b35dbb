package gcs

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dossier-go/dossier"
)

// SignForm implements [dossier.FormSigner] with a V4 policy document:
// https://cloud.google.com/storage/docs/authentication/signatures#policy-document
//
// A create-only form is [errors.ErrUnsupported]: a policy document has no condition about the present object.
func (b *Backend) SignForm(ctx context.Context, req dossier.FormRequest) (dossier.SignedForm, error) {
	if err := b.check(ctx, b.checkSigning()); err != nil {
		return dossier.SignedForm{}, fail("sign form", req.Key, err)
	}
	form, err := b.signForm(ctx, req)
	if err != nil {
		return dossier.SignedForm{}, fail("sign form", req.Key, err)
	}
	return form, nil
}

func (b *Backend) signForm(ctx context.Context, req dossier.FormRequest) (form dossier.SignedForm, err error) {
	if err := dossier.CheckFormRequest(req); err != nil {
		return form, err
	}
	set := b.capabilities()
	switch {
	case !set.Has(dossier.SignPost), len(req.Metadata) > 0 && !set.Has(dossier.StoresMetadata):
		return form, fmt.Errorf("%w: forms, or metadata, are switched off", errors.ErrUnsupported)
	case req.If.IfAbsent:
		return form, fmt.Errorf("%w: the store has no create-only forms; sign a PUT", errors.ErrUnsupported)
	}
	from, to, err := b.signing.period(req.TTL, 0)
	if err != nil {
		return form, err
	}
	fields, err := b.signing.fields(ctx, req, from)
	if err != nil {
		return form, err
	}
	policy, err := document(b.name, fields, req, to)
	if err != nil {
		return form, err
	}
	signature, err := b.signing.policy(ctx, from, policy)
	if err != nil {
		return form, err
	}
	fields = append(fields,
		dossier.FormField{Name: "policy", Value: policy}, dossier.FormField{Name: "x-goog-signature", Value: signature})
	return dossier.SignedForm{URL: b.base.String() + "/" + b.name + "/", Fields: fields, NotAfter: to}, nil
}

// fields are those that the policy binds to one value each.
func (s *signing) fields(ctx context.Context, req dossier.FormRequest, at time.Time) ([]dossier.FormField, error) {
	identity := s.hmac.AccessKeyID
	if s.sign != nil {
		var err error
		if identity, err = s.identity(ctx); err != nil {
			return nil, err
		}
	}
	fields := []dossier.FormField{{Name: "key", Value: req.Key}}
	if req.ContentType != "" {
		fields = append(fields, dossier.FormField{Name: "Content-Type", Value: req.ContentType})
	}
	for _, name := range slices.Sorted(maps.Keys(req.Metadata)) {
		fields = append(fields, dossier.FormField{Name: "x-goog-meta-" + name, Value: req.Metadata[name]})
	}
	return append(fields,
		dossier.FormField{Name: "x-goog-date", Value: at.Format("20060102T150405Z")},
		dossier.FormField{Name: "x-goog-credential", Value: identity + "/" + s.signer.Scope(at)},
		dossier.FormField{Name: "x-goog-algorithm", Value: s.algorithm},
	), nil
}

// document is the policy in base64: every field has exactly its value, and the file a length. Non-ASCII characters are
// escaped, as the store wants them.
func document(bucket string, fields []dossier.FormField, req dossier.FormRequest, to time.Time) (string, error) {
	conditions := []any{map[string]string{"bucket": bucket}}
	for _, field := range fields {
		conditions = append(conditions, []string{"eq", "$" + field.Name, field.Value})
	}
	if req.MinLength > 0 || req.MaxLength > 0 {
		conditions = append(conditions, []any{"content-length-range", req.MinLength, orElse(req.MaxLength, int64(maxObject))})
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(map[string]any{"conditions": conditions, "expiration": to.Format(time.RFC3339)})
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(escapeNonASCII(bytes.TrimSpace(text.Bytes()))), nil
}

// escapeNonASCII writes characters beyond ASCII as \u escapes, in UTF-16 as JSON has it.
func escapeNonASCII(text []byte) []byte {
	var escaped []byte
	for _, r := range string(text) {
		switch {
		case r < 0x80:
			escaped = append(escaped, byte(r))
		case r > 0xFFFF:
			r -= 0x10000
			escaped = fmt.Appendf(escaped, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		default:
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
		}
	}
	return escaped
}

// policy signs a document.
func (s *signing) policy(ctx context.Context, at time.Time, document string) (string, error) {
	if s.sign == nil {
		return s.signer.Policy(s.hmac, at, document), nil
	}
	return s.signer.PolicyWith(ctx, s.sign, document)
}
