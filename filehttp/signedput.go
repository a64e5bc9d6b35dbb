package filehttp

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/dossier-go/dossier"
)

// put serves PUT.
func (h *signedHandler) put(w http.ResponseWriter, r *http.Request, grant dossier.Grant) error {
	opts, err := h.putOptions(r, grant)
	if err != nil {
		return err
	}
	stream := h.server.body(w, r)
	defer stream.end()
	info, err := h.backend.Put(r.Context(), grant.Key, dossier.ReaderSource(stream, r.ContentLength), h.kept(opts))
	if err != nil {
		return stream.explain(err)
	}
	setText(w.Header(), "ETag", tagOfInfo(info))
	w.WriteHeader(http.StatusOK)
	return nil
}

// putOptions checks what can be checked before the body is read.
func (h *signedHandler) putOptions(r *http.Request, grant dossier.Grant) (dossier.PutOptions, error) {
	declared, err := h.declaredType(r, grant)
	if err != nil {
		return dossier.PutOptions{}, err
	}
	if err := checkFraming(r, grant); err != nil {
		return dossier.PutOptions{}, err
	}
	opts := h.options(grant, declared)
	if opts.MaxSize > 0 && r.ContentLength > opts.MaxSize {
		return dossier.PutOptions{}, fmt.Errorf("%w: %d bytes, at most %d", dossier.ErrTooLarge, r.ContentLength, opts.MaxSize)
	}
	if value, ok := fieldOf(r, "If-None-Match"); ok {
		if strings.TrimSpace(value) != "*" {
			return dossier.PutOptions{}, fmt.Errorf("%w: If-None-Match of a signed PUT can only be *", dossier.ErrInvalid)
		}
		opts.If.IfAbsent = true
	}
	if err := refuseConditions(r); err != nil {
		return dossier.PutOptions{}, err
	}
	return opts, dossier.CheckPutOptions(opts)
}

// options makes a Put of a grant.
func (h *signedHandler) options(grant dossier.Grant, contentType string) dossier.PutOptions {
	most := h.opts.MaxPut
	if grant.MaxLength > 0 {
		most = grant.MaxLength
	}
	return dossier.PutOptions{
		If: grant.If, MaxSize: most, Expect: grant.Expect, Metadata: grant.Metadata,
		Header: dossier.Header{ContentType: contentType},
	}
}

// kept are the options without a header that the store does not keep: the row has the type.
func (h *signedHandler) kept(opts dossier.PutOptions) dossier.PutOptions {
	if !h.backend.Describe().Capabilities.Has(dossier.StoresHeader) {
		opts.Header = dossier.Header{}
	}
	return opts
}

// declaredType is the Content-Type of a request, which must be the bound one to the letter.
func (h *signedHandler) declaredType(r *http.Request, grant dossier.Grant) (string, error) {
	types := r.Header.Values("Content-Type")
	if len(types) > 1 {
		return "", fmt.Errorf("%w: %d Content-Type fields", dossier.ErrInvalid, len(types))
	}
	declared := r.Header.Get("Content-Type")
	if grant.ContentType != "" && declared != grant.ContentType {
		return "", fmt.Errorf("%w: the Content-Type is not the one that was signed", dossier.ErrBadSignature)
	}
	return declared, nil
}

// checkFraming compares what the header says of the body with the bound length.
func checkFraming(r *http.Request, grant dossier.Grant) error {
	if r.Header.Get("Content-Encoding") != "" {
		return fmt.Errorf("%w: a Content-Encoding would be lost", errMediaType)
	}
	if r.Header.Get("Content-Range") != "" {
		return fmt.Errorf("%w: a PUT takes whole objects (RFC 9110, section 14.5)", dossier.ErrInvalid)
	}
	switch {
	case grant.Length < 0 || r.ContentLength == grant.Length:
		return nil
	case r.ContentLength < 0:
		return errLengthRequired
	case r.ContentLength > grant.Length:
		return fmt.Errorf("%w: %d bytes, signed were %d", dossier.ErrTooLarge, r.ContentLength, grant.Length)
	}
	return fmt.Errorf("%w: %d bytes, signed were %d", dossier.ErrShortSource, r.ContentLength, grant.Length)
}
