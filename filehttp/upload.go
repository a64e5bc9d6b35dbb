package filehttp

import (
	"context"
	"fmt"
	"io"
	"iter"
	"mime/multipart"
	"net/http"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// Defaults of [UploadLimits].
const (
	defaultMaxParts = 100
	defaultMaxField = 64 << 10
	defaultMaxTotal = 100 << 20
)

// UploadLimits bounds a form. All limits hold while it is read: what is over one is [dossier.ErrTooLarge].
type UploadLimits struct {
	// MaxParts is how many fields and files a form may have. Default: 0, 100.
	MaxParts int
	// MaxField is the largest size of a text field in bytes. Default: 0, 64 KiB.
	MaxField int64
	// MaxFile is the largest size of one file in bytes. Default: 0, MaxTotal.
	MaxFile int64
	// MaxTotal is the largest size of the whole form in bytes. Negative is no limit. Default: 0, 100 MiB.
	MaxTotal int64
	// Progress is called while the form is read, with the bytes read so far and the length of the form, or -1 when the
	// client did not say it. It is called from one goroutine at a time. Default: nil.
	Progress func(read, total int64)
}

func (l UploadLimits) withDefaults() UploadLimits {
	if l.MaxParts <= 0 {
		l.MaxParts = defaultMaxParts
	}
	if l.MaxField <= 0 {
		l.MaxField = defaultMaxField
	}
	if l.MaxTotal == 0 {
		l.MaxTotal = defaultMaxTotal
	}
	l.MaxTotal = max(l.MaxTotal, 0)
	return l
}

// Part is one field or file of a form.
type Part struct {
	// Name of the form field. It comes from the client and may be anything; several parts may have the same.
	Name string
	// Value of a text field; empty for a file.
	Value string
	// File is pending and streams from the request: it can be read once, inside the loop body that got it. nil for a text
	// field. Its Filename is the client's, cleaned by package fileobject for people to see; no key is made of it.
	File *fileobject.FileObject
}

// Parts reads a form of type multipart/form-data (RFC 7578) part by part, in the order in which they come:
//
//	for part, err := range filehttp.Parts(r, filehttp.UploadLimits{MaxFile: 20 << 20}) {
//		if err != nil {
//			http.Error(w, "upload", filehttp.StatusOf(err))
//			return
//		}
//		if part.File != nil {
//			err = s.StageFile(ctx, &document, "file", part.File)
//		}
//	}
//
// Nothing is kept in memory or on disk: a file is read from the connection while it is staged, and what nobody read is
// skipped when the loop goes on. After that, or after the loop, reading it is [dossier.ErrConsumed]. A part with a file
// name is a file; a file input that was left empty comes as a text field with an empty value.
//
// An error is yielded last and ends the loop: [dossier.ErrTooLarge], [dossier.ErrInvalid] (malformed),
// io.ErrUnexpectedEOF (the form broke off), status 415 by [StatusOf] for another content type. Inside a file the same
// errors come from its reader, so from StageFile, which then stores nothing. How long a client may take is up to the
// server's ReadTimeout.
func Parts(r *http.Request, limits UploadLimits) iter.Seq2[*Part, error] {
	limits = limits.withDefaults()
	return func(yield func(*Part, error) bool) {
		f, err := newForm(r, r.Body, limits.MaxTotal)
		if err != nil {
			yield(nil, err)
			return
		}
		if limits.Progress != nil {
			f.meter.progress = func(read int64) { limits.Progress(read, r.ContentLength) }
		}
		for count := 1; ; count++ {
			raw, err := f.next()
			if err == io.EOF { //nolint:errorlint // the end of the form is exactly io.EOF
				return
			}
			if err == nil {
				err = checkPart(raw, count, limits.MaxParts)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yieldPart(f, raw, limits, yield) {
				return
			}
		}
	}
}

func checkPart(raw *multipart.Part, count, most int) error {
	if count > most {
		return fmt.Errorf("read form: %w: more than %d parts", dossier.ErrTooLarge, most)
	}
	if raw.FormName() == "" {
		return fmt.Errorf("read form: %w: part %d has no name", dossier.ErrInvalid, count)
	}
	return nil
}

// yieldPart yields one part and reports whether to go on.
func yieldPart(f *form, raw *multipart.Part, limits UploadLimits, yield func(*Part, error) bool) bool {
	part := &Part{Name: raw.FormName()}
	if name := raw.FileName(); name != "" {
		content := &filePart{form: f, part: raw, most: limits.MaxFile}
		defer content.expire()
		part.File = fileobject.FromReader(name, content, fileobject.Options{})
		return yield(part, nil)
	}
	value, err := f.text(raw, limits.MaxField)
	if err != nil {
		yield(nil, err)
		return false
	}
	part.Value = value
	return yield(part, nil)
}

// Stager stages the bytes of one file; *session.Session is one.
type Stager interface {
	StageFile(ctx context.Context, model any, field string, f *fileobject.FileObject) error
}

// StageParts stages the files of a form one after the other as they come in. place is called for every part, in order,
// and says which field of which model (a pointer to a struct) a file belongs to; a nil model skips it. Text fields are
// only shown to place. The first error ends it: that of place, of the form, or of StageFile.
func StageParts(r *http.Request, s Stager, limits UploadLimits, place func(*Part) (model any, field string, err error)) error {
	for part, err := range Parts(r, limits) {
		if err != nil {
			return err
		}
		model, field, err := place(part)
		if err != nil {
			return err
		}
		if part.File == nil || model == nil {
			continue
		}
		if err := s.StageFile(r.Context(), model, field, part.File); err != nil {
			return err
		}
	}
	return nil
}
