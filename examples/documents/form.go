package main

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dossier-go/dossier/filehttp"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// form is an upload form as it comes in, in any order of its fields.
type form struct {
	doc    *Document // whose files they will be
	fields []string  // that this form may have
	most   int       // how many pages at most

	title  string
	titled bool
	file   *fileobject.FileObject
	pages  []*fileobject.FileObject
}

// receive reads the form of a request. Each file streams into the store while it comes, before any transaction is open;
// what no row takes in the end is removed by the session.
func (a *app) receive(ctx context.Context, r *http.Request, s *session.Session, f *form) error {
	limits := filehttp.UploadLimits{MaxParts: maxPages + 2, MaxFile: a.cfg.max, MaxTotal: a.cfg.max + maxPages*maxPage + 1<<20}
	return filehttp.StageParts(r.WithContext(ctx), s, limits, f.place) //nolint:contextcheck // it is in the request
}

// place says where a part belongs, and keeps it.
func (f *form) place(part *filehttp.Part) (model any, column string, err error) {
	switch {
	case !slices.Contains(f.fields, part.Name):
		return nil, "", badRequest(fmt.Sprintf("The form has a field %.40q; it may have %s.", part.Name, strings.Join(f.fields, ", ")))
	case part.Name == "title":
		return nil, "", f.setTitle(part)
	case part.File == nil && part.Value == "":
		return nil, "", nil // a file input that was left empty
	case part.File == nil:
		return nil, "", badRequest(fmt.Sprintf("The field %s must be a file.", part.Name))
	case part.Name == "file":
		return f.doc, "file", f.setFile(part.File)
	}
	return f.doc, "pages", f.addPage(part.File)
}

func (f *form) setTitle(part *filehttp.Part) error {
	if part.File != nil || f.titled {
		return badRequest("The form may have one title, which is text.")
	}
	f.titled = true
	f.title = strings.TrimSpace(part.Value)
	return checkTitle(f.title)
}

func (f *form) setFile(file *fileobject.FileObject) error {
	if f.file != nil {
		return badRequest("The form may have one file.")
	}
	f.file = file
	return nil
}

func (f *form) addPage(page *fileobject.FileObject) error {
	if len(f.pages) >= f.most {
		return &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("A document has at most %d pages.", maxPages)}
	}
	f.pages = append(f.pages, page)
	return nil
}

// maxTitle is the longest title in characters.
const maxTitle = 200

func checkTitle(title string) error {
	if !utf8.ValidString(title) || strings.ContainsFunc(title, unicode.IsControl) || utf8.RuneCountInString(title) > maxTitle {
		return badRequest(fmt.Sprintf("A title is one line of at most %d characters.", maxTitle))
	}
	return nil
}

// titleOf is the title of the form or, when it has none, the name of the file without its extension.
func (f *form) titleOf() string {
	if f.title != "" {
		return f.title
	}
	name := strings.TrimSuffix(f.file.Filename, path.Ext(f.file.Filename))
	return strings.TrimSpace(string([]rune(name)[:min(maxTitle, utf8.RuneCountInString(name))]))
}
