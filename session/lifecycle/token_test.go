package lifecycle_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// A token is for one subject and one column of one application: it is handed to a browser, and whoever sees it must not be able
// to do anything else with it.
func TestUploadTokensAreBoundToSubjectAndColumn(t *testing.T) {
	t.Parallel()
	w := newDirectWorld(t, setup{models: []any{(*document)(nil), (*picture)(nil)}}, 0)
	p := w.uploaded(t, "mine")
	other, err := dossier.NewSigner(dossier.SigningKey{ID: "test", Secret: bytes.Repeat([]byte{2}, 32)})
	must(t, err)
	foreign := newDirectWorld(t, setup{options: session.Options{Signer: other}}, 0)
	none := newWorld(t, setup{})
	for name, test := range map[string]struct {
		m              *session.Manager
		token, subject string
		model          any
		field          string
		kind           error
	}{
		"another subject":   {w.m, p.Token, "bob", &document{}, "file", dossier.ErrBadSignature},
		"no subject":        {w.m, p.Token, "", &document{}, "file", dossier.ErrBadSignature},
		"a longer subject":  {w.m, p.Token, "ann ", &document{}, "file", dossier.ErrBadSignature},
		"another field":     {w.m, p.Token, "ann", &document{}, "pages", dossier.ErrBadSignature},
		"another table":     {w.m, p.Token, "ann", &picture{}, "file", dossier.ErrBadSignature},
		"no such field":     {w.m, p.Token, "ann", &document{}, "title", dossier.ErrInvalid},
		"no model":          {w.m, p.Token, "ann", nil, "file", dossier.ErrInvalid},
		"another signer":    {foreign.m, p.Token, "ann", &document{}, "file", dossier.ErrBadSignature},
		"no signer":         {none.m, p.Token, "ann", &document{}, "file", dossier.ErrInvalid},
		"nothing":           {w.m, "", "ann", &document{}, "file", dossier.ErrBadSignature},
		"huge":              {w.m, strings.Repeat("x.", 1<<20), "ann", &document{}, "file", dossier.ErrBadSignature},
		"the URL's own":     {w.m, p.URL, "ann", &document{}, "file", dossier.ErrBadSignature},
		"a reference":       {w.m, `{"to_filename":"documents/file/x","backend":"uploads"}`, "ann", &document{}, "file", dossier.ErrBadSignature},
		"one for something": {w.m, w.otherToken(t), "ann", &document{}, "file", dossier.ErrBadSignature},
	} {
		f, err := test.m.FromToken(t.Context(), test.token, test.subject, test.model, test.field)
		if !errors.Is(err, test.kind) || f != nil {
			t.Errorf("%s: %v, %v", name, f, err)
		}
		if err != nil && strings.Contains(err.Error(), p.Token) {
			t.Errorf("%s: the error tells the token: %v", name, err)
		}
	}
	for i := range len(p.Token) {
		changed := []byte(p.Token)
		changed[i] ^= 1
		if f, err := w.m.FromToken(t.Context(), string(changed), "ann", &document{}, "file"); !errors.Is(err, dossier.ErrBadSignature) || f != nil {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	_, err = w.save("a", w.redeem(t, p))
	must(t, err)
}

// otherToken is signed by the same keys for something else, with the same words.
func (w *world) otherToken(t testing.TB) string {
	t.Helper()
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "test", Secret: bytes.Repeat([]byte{1}, 32)})
	must(t, err)
	token, err := signer.SignToken("something", []byte(`{"s":"ann","t":"documents","f":"file"}`), time.Now().Add(time.Hour))
	must(t, err)
	return token
}

// The key of an upload can be read from its URL. That gives no right to it: only the token does.
func TestAnUploadedKeyIsNoReference(t *testing.T) {
	t.Parallel()
	w := newDirectWorld(t, setup{}, 0)
	p := w.uploaded(t, "mine")
	key := w.keys(t)[0]
	for name, do := range map[string]func(ctx context.Context, s *session.Session) error{
		"smuggled": func(ctx context.Context, s *session.Session) error {
			var f fileobject.FileObject
			if err := f.UnmarshalJSON([]byte(`{"filename":"a","to_filename":"` + key + `","backend":"uploads","size":4}`)); err != nil {
				return err
			}
			return s.Insert(ctx, &document{Title: "a", File: &f})
		},
		"imported": func(ctx context.Context, s *session.Session) error { return imported(ctx, s, "b", at(key)) },
		"undeleted": func(ctx context.Context, s *session.Session) error {
			return s.Undelete(ctx, &document{}, "file", at(key))
		},
		"another column": func(ctx context.Context, s *session.Session) error {
			return s.Insert(ctx, &document{Title: "c", Extra: *w.redeem(t, p)})
		},
	} {
		if err := w.try(do); !errors.Is(err, dossier.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, func() error { _, err := w.save("d", w.redeem(t, p)); return err }())
	w.check(t, "mine")
}

// What the column would refuse, or nobody answers for, is not signed, and leaves nothing in the journal.
func TestPrepareUploadRefusesBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	w := newDirectWorld(t, setup{models: []any{(*document)(nil), (*picture)(nil)}}, 0)
	unsigned := newDirectWorld(t, setup{models: []any{(*picture)(nil)}}, dossier.SignPut|dossier.SignPost)
	good := fileobject.UploadRequest{Model: &picture{}, Field: "file", Subject: "ann", Size: 8, ContentType: "image/png"}
	for name, test := range map[string]struct {
		change func(*fileobject.UploadRequest)
		kind   error
	}{
		"no subject": {func(r *fileobject.UploadRequest) { r.Subject = "" }, dossier.ErrInvalid},
		"no model":   {func(r *fileobject.UploadRequest) { r.Model = nil }, dossier.ErrInvalid},
		"no field":   {func(r *fileobject.UploadRequest) { r.Field = "id" }, dossier.ErrInvalid},
		"too large":  {func(r *fileobject.UploadRequest) { r.Size = 11 }, dossier.ErrTooLarge},
		"wrong type": {func(r *fileobject.UploadRequest) { r.ContentType = "text/html" }, dossier.ErrType},
		"no type":    {func(r *fileobject.UploadRequest) { r.ContentType = "a\r\nb" }, dossier.ErrType},
		"checksum":   {func(r *fileobject.UploadRequest) { r.Checksum = "md5:00" }, dossier.ErrInvalid},
		"too long":   {func(r *fileobject.UploadRequest) { r.TTL = 25 * time.Hour }, dossier.ErrInvalid},
		"backwards":  {func(r *fileobject.UploadRequest) { r.TTL = -1 }, dossier.ErrInvalid},
		"long name":  {func(r *fileobject.UploadRequest) { r.Subject = strings.Repeat("x", 8<<10) }, dossier.ErrInvalid},
	} {
		req := good
		test.change(&req)
		p, err := w.m.PrepareUpload(t.Context(), req)
		if !errors.Is(err, test.kind) || p.URL != "" || p.Token != "" {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	_, err := unsigned.m.PrepareUpload(t.Context(), good)
	wantError(t, err, errors.ErrUnsupported)
	if left := len(w.journal(t)) + len(unsigned.journal(t)); left > 0 {
		t.Errorf("the journal has %v", w.journal(t))
	}
}

// The method is the one that binds more; the answer says what the store will enforce.
func TestPrepareUploadChoosesWhatBindsMore(t *testing.T) {
	t.Parallel()
	everything := fileobject.Bindings{Size: true, Type: true, CreateOnly: true}
	for name, test := range map[string]struct {
		cannot dossier.Capabilities
		change func(*fileobject.UploadRequest)
		method string
		bound  fileobject.Bindings
	}{
		"all":            {0, func(*fileobject.UploadRequest) {}, "PUT", everything},
		"a checksum":     {0, func(r *fileobject.UploadRequest) { r.Checksum = "crc32c:9a71bb4c" }, "PUT", fileobject.Bindings{Size: true, Type: true, CreateOnly: true, Checksum: true}},
		"form":           {0, func(r *fileobject.UploadRequest) { r.Form = true }, "POST", everything},
		"unknown size":   {0, func(r *fileobject.UploadRequest) { r.Size = 0 }, "PUT", everything},
		"as S3":          {dossier.BindMaxLength, func(*fileobject.UploadRequest) {}, "PUT", everything},
		"as S3, unknown": {dossier.BindMaxLength, func(r *fileobject.UploadRequest) { r.Size = 0 }, "POST", everything},
		"no length":      {dossier.BindMaxLength | dossier.BindLength, func(*fileobject.UploadRequest) {}, "POST", everything},
		"no PUT":         {dossier.SignPut, func(*fileobject.UploadRequest) {}, "POST", everything},
		"as Azure": {
			dossier.BindMaxLength | dossier.BindLength | dossier.BindType | dossier.BindChecksum | dossier.SignPost,
			func(*fileobject.UploadRequest) {}, "PUT", fileobject.Bindings{CreateOnly: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newDirectWorld(t, setup{}, test.cannot)
			p := w.prepare(t, "hello", test.change)
			if p.Method != test.method || p.Bound != test.bound {
				t.Errorf("%s, bound %+v", p.Method, p.Bound)
			}
			if status := upload(t, p, "hello"); status >= 300 {
				t.Errorf("status %d", status)
			}
			_, err := w.save("a", w.redeem(t, p))
			must(t, err)
			w.check(t, "hello")
		})
	}
}
