package filehttp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filehttp"
	"github.com/dossier-go/dossier/fileobject"
)

// manager stands for a *session.Manager.
type manager struct{}

func (manager) PrepareUpload(_ context.Context, req fileobject.UploadRequest) (fileobject.PreparedUpload, error) {
	fmt.Println("prepare", req.Filename, req.Size, "for", req.Subject)
	return fileobject.PreparedUpload{Method: "PUT", URL: "https://bucket.example/fresh/key?signature"}, nil
}

// The endpoint that a page asks before it uploads a file to the store: who may, and for what, is the policy's to say.
func ExampleNewDirectHandler() {
	type Document struct{ File *fileobject.FileObject }
	handler := filehttp.NewDirectHandler(filehttp.DirectConfig{
		Preparer: manager{},
		Policy: func(r *http.Request, req *fileobject.UploadRequest) error {
			user, _, ok := r.BasicAuth()
			if !ok {
				return dossier.ErrUnauthenticated
			}
			req.Model, req.Field, req.Subject = &Document{}, "file", user
			return nil
		},
	})
	for _, user := range []string{"", "ann"} {
		r := httptest.NewRequest("POST", "/uploads", strings.NewReader(`{"name":"plan.pdf","size":70000,"type":"application/pdf"}`))
		r.Header.Set("Content-Type", "application/json")
		if user != "" {
			r.SetBasicAuth(user, "password")
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 401
	// prepare plan.pdf 70000 for ann
	// 200
}
