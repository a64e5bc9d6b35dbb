package session

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"reflect"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
)

// Times of direct uploads.
const (
	defaultUploadTTL = 15 * time.Minute
	maxUploadTTL     = 24 * time.Hour
	// uploadSlack is how long the journal keeps an upload after its token ended: for clocks that differ, and for the unit of
	// work that redeemed it in the last moment.
	uploadSlack = 10 * time.Minute
)

// PrepareUpload lets a client upload one file for a column straight to the store: rule 10. The journal knows of it before
// anything is given away. What comes back is one signed PUT or form for one fresh key, create-only wherever the store can
// bind that, with the size and type that the store can bind (see PreparedUpload.Bound), and a token that [Manager.FromToken]
// makes a file of, once, for this subject and column. What is never redeemed is deleted by a sweep; until the upload's end
// and Options.LongestUpload after it, so is what a repeated upload leaves after the row is gone.
//
// It commits its intent by itself, whatever becomes of a session that is open; on SQLite, which has one writer, it waits for the
// session's transaction, so call it before.
//
// It does not decide who may upload, how much and how often: that is the caller's. The key, the store and the limits can be
// read from URL and token, the subject too. Errors, all before anything is written: dossier.ErrInvalid (also for a manager
// without Options.Signer), ErrType and ErrTooLarge and ErrShortSource for what the column would refuse, ErrInvalidKey, and
// errors.ErrUnsupported when the store signs no uploads.
func (m *Manager) PrepareUpload(ctx context.Context, req fileobject.UploadRequest) (fileobject.PreparedUpload, error) {
	if err := m.live("prepare upload"); err != nil {
		return fileobject.PreparedUpload{}, err
	}
	p, err := m.planUpload(req)
	if err == nil {
		err = p.sign(ctx)
	}
	if err == nil {
		err = p.announce(ctx)
	}
	if err != nil {
		return fileobject.PreparedUpload{}, fmt.Errorf("prepare upload: %w", err)
	}
	return p.prepared, nil
}

// preparation is one upload on its way to the client.
type preparation struct {
	m        *Manager
	req      fileobject.UploadRequest
	policy   fileobject.Policy
	backend  dossier.Backend
	claim    uploadClaim
	expect   dossier.Checksums
	prepared fileobject.PreparedUpload
}

// planUpload checks the request as the column would check the file, and makes the key.
func (m *Manager) planUpload(req fileobject.UploadRequest) (*preparation, error) {
	if m.opts.Signer == nil {
		return nil, fmt.Errorf("%w: the manager has no Options.Signer for tokens", dossier.ErrInvalid)
	}
	if req.Subject == "" {
		return nil, fmt.Errorf("%w: no subject; it says who may use the upload", dossier.ErrInvalid)
	}
	rows, err := m.rows(req.Model)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return nil, fmt.Errorf("%w: one model is needed, not %d", dossier.ErrInvalid, len(rows))
	}
	column, err := rows[0].fileField(req.Field)
	if err != nil {
		return nil, err
	}
	p := &preparation{m: m, req: req, policy: column.policy}
	if err := p.check(); err != nil {
		return nil, wanted{row: rows[0], field: column}.fail(err)
	}
	if p.backend, err = m.opts.Registry.Backend(p.policy.Backend); err != nil {
		return nil, err
	}
	key, err := column.newKey(rows[0].keyValues(column)) // without extension: no byte is known
	p.claim = uploadClaim{
		Subject: req.Subject, Table: rows[0].table.Name, Field: column.field.Name, ID: journal.NewID(), Filename: fileobject.CleanFilename(req.Filename),
		Backend: p.policy.Backend, Store: p.backend.Describe().Store, Key: key, Size: req.Size, Checksum: req.Checksum,
	}
	return p, err
}

// newKey makes a fresh key.
func (f *fileField) newKey(values dossier.KeyValues) (string, error) {
	template := f.policy.Key
	if template.String() == "" {
		var err error
		if template, err = dossier.ParseKeyTemplate(dossier.DefaultKeyTemplate); err != nil {
			return "", err
		}
	}
	return template.Key(values)
}

// check refuses what the column would refuse, and fills in the defaults.
func (p *preparation) check() (err error) {
	if p.req.TTL < 0 || p.req.TTL > maxUploadTTL {
		return fmt.Errorf("%w: an upload may be begun for at most %v, not %v", dossier.ErrInvalid, maxUploadTTL, p.req.TTL)
	}
	setDuration(&p.req.TTL, defaultUploadTTL)
	if p.req.Size != 0 {
		if err := p.policy.CheckSize(max(p.req.Size, 0)); err != nil {
			return err
		}
	}
	if p.req.ContentType == "" {
		p.req.ContentType = "application/octet-stream"
	} else if err := p.policy.CheckType(p.req.ContentType); err != nil {
		return err
	}
	if _, _, err := mime.ParseMediaType(p.req.ContentType); err != nil {
		return fmt.Errorf("%w: content type %q", dossier.ErrInvalid, p.req.ContentType)
	}
	p.expect, err = fileobject.ParseChecksum(p.req.Checksum)
	return err
}

// sign chooses the method that binds more, PUT if both bind the same, and signs.
func (p *preparation) sign(ctx context.Context) error {
	can := p.backend.Describe().Capabilities
	exact := p.req.Size != 0 && can.Has(dossier.BindLength)
	enough := exact || can.Has(dossier.BindMaxLength) || p.req.Size == 0 && p.policy.Max == 0
	form := p.req.Form || !can.Has(dossier.SignPut) || can.Has(dossier.SignPost) && !enough
	if form && !can.Has(dossier.SignPost) {
		return fmt.Errorf("%w: the store of backend %q signs no such uploads", errors.ErrUnsupported, p.policy.Backend)
	}
	if form {
		return p.signForm(ctx)
	}
	return p.signPut(ctx, can)
}

func (p *preparation) signPut(ctx context.Context, can dossier.Capabilities) error {
	req := dossier.SignRequest{Method: "PUT", Key: p.claim.Key, TTL: p.req.TTL}
	bound := fileobject.Bindings{Type: can.Has(dossier.BindType), CreateOnly: can.Has(dossier.BindIfAbsent)}
	if bound.Type {
		req.ContentType = p.req.ContentType
	}
	req.If.IfAbsent = bound.CreateOnly
	switch {
	case p.req.Size != 0 && can.Has(dossier.BindLength):
		req.Length, bound.Size = p.req.Size, true
	case p.most() > 0 && can.Has(dossier.BindMaxLength):
		req.MaxLength, bound.Size = p.most(), true
	}
	if p.req.Checksum != "" && can.Has(dossier.BindChecksum) {
		req.Expect, bound.Checksum = p.expect, true
	}
	signed, err := dossier.SignURLs(ctx, p.backend, req)
	if errors.Is(err, errors.ErrUnsupported) && bound.Checksum { // a kind of checksum that this store cannot bind
		req.Expect, bound.Checksum = dossier.Checksums{}, false
		signed, err = dossier.SignURLs(ctx, p.backend, req)
	}
	if err != nil {
		return err
	}
	p.prepared = fileobject.PreparedUpload{
		Method: signed[0].Method, URL: signed[0].URL, Header: signed[0].Header, NotAfter: signed[0].NotAfter, Bound: bound,
	}
	return nil
}

// most is the largest size in bytes that may come; 0 is no limit.
func (p *preparation) most() int64 {
	if p.req.Size > 0 {
		return p.req.Size
	}
	return p.policy.Max
}

func (p *preparation) signForm(ctx context.Context) error {
	req := dossier.FormRequest{Key: p.claim.Key, TTL: p.req.TTL, ContentType: p.req.ContentType, MaxLength: p.most(), MinLength: p.policy.Min}
	req.MinLength = max(req.MinLength, p.req.Size)
	req.If.IfAbsent = true
	form, err := dossier.SignForm(ctx, p.backend, req)
	if errors.Is(err, errors.ErrUnsupported) { // forms of most stores cannot be create-only
		req.If.IfAbsent = false
		form, err = dossier.SignForm(ctx, p.backend, req)
	}
	if err != nil {
		return err
	}
	p.prepared = fileobject.PreparedUpload{
		Method: "POST", URL: form.URL, Fields: form.Fields, NotAfter: form.NotAfter,
		Bound: fileobject.Bindings{Type: true, Size: req.MaxLength > 0, CreateOnly: req.If.IfAbsent},
	}
	return nil
}

// announce makes the token and then the intent: without both nothing is given away.
func (p *preparation) announce(ctx context.Context) (err error) {
	closed := p.prepared.NotAfter.Add(p.m.opts.LongestUpload)
	p.claim.Bound, p.claim.OpenUntil = p.prepared.Bound, closed.Unix()
	p.prepared.TokenNotAfter = closed
	if p.prepared.Token, err = p.claim.token(p.m.opts.Signer, closed); err != nil {
		return err
	}
	intent := journal.Intent{ID: p.claim.ID, Backend: p.claim.Backend, Store: p.claim.Store, Key: p.claim.Key}
	return p.m.journal.Announce(ctx, "direct upload", time.Until(closed)+uploadSlack, intent)
}

// column names the table and column of a model's field.
func (m *Manager) column(model any, field string) (table, name string, err error) {
	p, err := m.planOf(reflect.TypeOf(model))
	if err != nil {
		return "", "", err
	}
	f, err := p.fileField(field)
	if err != nil {
		return "", "", err
	}
	return p.table.Name, f.field.Name, nil
}
