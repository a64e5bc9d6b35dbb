package filehttp

import (
	"fmt"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/dossier-go/dossier"
)

// Bounds of a signed form outside its file: what the widest grant needs, with room to spare.
const (
	maxFormFields = 256
	maxFormField  = 4 << 10
	maxFormText   = 1 << 20 // bytes of everything but the file
)

// post serves an upload form.
func (h *signedHandler) post(w http.ResponseWriter, r *http.Request) error {
	if r.URL.RawQuery != "" {
		return fmt.Errorf("%w: a form is signed by its fields, not by a query", dossier.ErrBadSignature)
	}
	stream := h.server.body(w, r)
	defer stream.end()
	if err := h.postForm(w, r, stream); err != nil {
		return stream.explain(err)
	}
	return nil
}

func (h *signedHandler) postForm(w http.ResponseWriter, r *http.Request, stream *body) error {
	f, err := newForm(r, stream, h.opts.MaxPut+maxFormText)
	if err != nil {
		return err
	}
	f.meter.most = maxFormText
	fields, file, err := readFields(f)
	if err != nil {
		return err
	}
	grant, err := h.signer.VerifyForm(h.store(), fields)
	if err != nil {
		return err
	}
	return h.postFile(w, r, grant, f, file)
}

// readFields reads the fields before the file.
func readFields(f *form) (fields map[string][]string, file *multipart.Part, err error) {
	fields = map[string][]string{}
	for range maxFormFields {
		part, err := f.next()
		if err == io.EOF { //nolint:errorlint // the end of the form is exactly io.EOF
			return nil, nil, fmt.Errorf("%w: a form without a field named file at its end", dossier.ErrInvalid)
		}
		if err != nil {
			return nil, nil, err
		}
		name := part.FormName()
		if name == "file" {
			return fields, part, nil
		}
		if name == "" || part.FileName() != "" {
			return nil, nil, fmt.Errorf("%w: a part that is neither a field nor the file", dossier.ErrInvalid)
		}
		value, err := f.text(part, maxFormField)
		if err != nil {
			return nil, nil, err
		}
		fields[name] = append(fields[name], value)
	}
	return nil, nil, fmt.Errorf("%w: more than %d fields", dossier.ErrTooLarge, maxFormFields)
}

// postFile stores the file of a verified form.
func (h *signedHandler) postFile(w http.ResponseWriter, r *http.Request, grant dossier.Grant, f *form, file *multipart.Part) error {
	contentType, err := formType(grant, file)
	if err != nil {
		return err
	}
	opts := h.options(grant, contentType)
	if err := dossier.CheckPutOptions(opts); err != nil {
		return err
	}
	f.meter.most = 0 // from here on the size of the file is the limit
	source := &formFile{form: f, part: file, least: grant.MinLength}
	info, err := h.backend.Put(r.Context(), grant.Key, dossier.ReaderSource(source, -1), h.kept(opts))
	if err != nil {
		return err
	}
	setText(w.Header(), "ETag", tagOfInfo(info))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// formType is the type that the object gets: the bound one, which the file's own must not contradict, or the file's own.
func formType(grant dossier.Grant, file *multipart.Part) (string, error) {
	own := file.Header.Get("Content-Type")
	if grant.ContentType == "" {
		return own, nil
	}
	if base := baseType(own); own != "" && base != binaryType && base != baseType(grant.ContentType) {
		return "", fmt.Errorf("%w: the file is not declared as %s", dossier.ErrType, grant.ContentType)
	}
	return grant.ContentType, nil
}

// formFile reads the file of a form. It ends well only if the form does: with enough bytes, and nothing behind the file.
type formFile struct {
	form  *form
	part  *multipart.Part
	least int64
	read  int64
	end   error
}

func (f *formFile) Read(p []byte) (int, error) {
	if f.end != nil {
		return 0, f.end
	}
	n, err := f.part.Read(p)
	f.read += int64(n)
	switch {
	case err == io.EOF: //nolint:errorlint // the end of a part is exactly io.EOF
		f.end = f.atEnd()
	case err != nil:
		f.end = f.form.problem(err)
	}
	return n, f.end
}

// atEnd is io.EOF, or why the form must not be taken.
func (f *formFile) atEnd() error {
	if f.read < f.least {
		return fmt.Errorf("%w: %d bytes, at least %d", dossier.ErrShortSource, f.read, f.least)
	}
	_, err := f.form.next()
	if err == nil {
		return fmt.Errorf("%w: the form goes on behind its file", dossier.ErrInvalid)
	}
	return err
}
