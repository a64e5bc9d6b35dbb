package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/dossier-go/dossier"
)

// signing is what a dossier.Signer binds and package filehttp enforces.
const signing = dossier.SignGet | dossier.SignPut | dossier.SignDelete | dossier.SignPost | dossier.BindType |
	dossier.BindLength | dossier.BindMaxLength | dossier.BindIfAbsent | dossier.BindChecksum

func (b *Backend) signs() bool { return b.cfg.Signer != nil && b.cfg.BaseURL != "" }

// checkSigning refuses to sign without a signer.
func (b *Backend) checkSigning() error {
	if !b.signs() {
		return fmt.Errorf("%w: the store has no signer or no base URL; set both in its configuration", errors.ErrUnsupported)
	}
	return nil
}

// checkBound refuses to sign what a Put would refuse.
func (b *Backend) checkBound(key string, metadata map[string]string) error {
	return errors.Join(checkKey(key), b.keeps(dossier.Header{}, metadata, ""))
}

// SignURLs implements [dossier.URLSigner] with the configured signer. The URLs work where package filehttp serves the
// store at the configured base URL.
func (b *Backend) SignURLs(ctx context.Context, reqs []dossier.SignRequest) ([]dossier.SignedRequest, error) {
	if err := b.begin(ctx, b.checkSigning()); err != nil {
		return nil, b.fail("sign", "", err)
	}
	defer b.gate.leave()
	signed := make([]dossier.SignedRequest, 0, len(reqs))
	for _, req := range reqs {
		one, err := b.signURL(req)
		if err != nil {
			return nil, b.fail("sign", req.Key, err)
		}
		signed = append(signed, one)
	}
	return signed, nil
}

func (b *Backend) signURL(req dossier.SignRequest) (dossier.SignedRequest, error) {
	signed, err := b.cfg.Signer.SignURL(b.cfg.BaseURL, b.Describe().Store, req)
	if err == nil {
		err = b.checkBound(req.Key, req.Metadata)
	}
	return signed, err
}

// SignForm implements [dossier.FormSigner] with the configured signer.
func (b *Backend) SignForm(ctx context.Context, req dossier.FormRequest) (dossier.SignedForm, error) {
	if err := b.begin(ctx, b.checkSigning()); err != nil {
		return dossier.SignedForm{}, b.fail("sign form", req.Key, err)
	}
	defer b.gate.leave()
	form, err := b.cfg.Signer.SignForm(b.cfg.BaseURL, b.Describe().Store, req)
	if err == nil {
		err = b.checkBound(req.Key, req.Metadata)
	}
	if err != nil {
		return dossier.SignedForm{}, b.fail("sign form", req.Key, err)
	}
	return form, nil
}
