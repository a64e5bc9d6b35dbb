package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// Signed links are the same for everybody within linkWindow, so that browsers can cache what they lead to; what is
// deleted stays in the store for longer than they live (session.Options.DeleteAfter).
const (
	linkLife   = time.Hour
	linkWindow = 15 * time.Minute
)

// documentView is what a client sees of a document.
type documentView struct {
	ID        uuid.UUID   `json:"id"`
	Title     string      `json:"title"`
	CreatedAt time.Time   `json:"created_at"`
	UpdatedAt time.Time   `json:"updated_at"`
	File      *fileView   `json:"file"`
	Pages     []*fileView `json:"pages"`
}

// fileView is what a client sees of a file: name, type, size and a link.
type fileView struct {
	ID string `json:"id"`
	*fileobject.View
	// Inline says that the link shows the file in the browser; others are downloads.
	Inline bool `json:"inline"`
}

func viewOf(ctx context.Context, doc *Document) (*documentView, error) {
	view := &documentView{ID: doc.ID, Title: doc.Title, CreatedAt: doc.CreatedAt, UpdatedAt: doc.UpdatedAt, Pages: []*fileView{}}
	var err error
	if view.File, err = viewOfFile(ctx, doc.File); err != nil {
		return nil, err
	}
	for _, page := range doc.Pages {
		one, err := viewOfFile(ctx, page)
		if err != nil {
			return nil, err
		}
		view.Pages = append(view.Pages, one)
	}
	return view, nil
}

func viewOfFile(ctx context.Context, f *fileobject.FileObject) (*fileView, error) {
	view, err := f.View(ctx, 0)
	if view == nil || err != nil {
		return nil, err
	}
	inline := dossier.InlineType(view.ContentType)
	request := dossier.SignRequest{TTL: linkLife, Window: linkWindow}
	if !inline {
		request.Respond.ContentType = "application/octet-stream" // HTML and the like never go out under their own type
	}
	signed, err := f.Sign(ctx, request)
	if err != nil {
		return nil, err
	}
	view.URL = signed.URL
	return &fileView{pageID(f), view, inline}, nil
}

// pageID names a file towards clients: it tells nothing of where the file is, and is "" for none.
func pageID(f *fileobject.FileObject) string {
	if f == nil {
		return ""
	}
	ref := f.Reference()
	sum := sha256.Sum256([]byte(ref.Backend + "\x00" + ref.Key))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// answer writes a document.
func answer(w http.ResponseWriter, r *http.Request, status int, doc *Document) error {
	view, err := viewOf(r.Context(), doc)
	if err != nil {
		return err
	}
	return answerJSON(w, status, view)
}

// answerJSON writes any value. An error means that nothing was written.
func answerJSON(w http.ResponseWriter, status int, value any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // links keep their "&"; nobody takes this for HTML (nosniff)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // a client that left does not mind
	return nil
}
