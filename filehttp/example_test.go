package filehttp_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/filehttp"
	"github.com/dossier-go/dossier/fileobject"
)

// secret is made by a random source and kept with the other secrets of a program.
var secret = []byte("a secret of at least 32 random bytes")

// The file of a row, served with ranges: the last five bytes of it.
func ExampleNewHandler() {
	registry := &dossier.Registry{}
	if err := registry.Register("uploads", memory.New(memory.Config{})); err != nil {
		log.Fatal(err)
	}
	file := fileobject.FromBytes("Grüße.txt", []byte("hello, world"), fileobject.Options{Backend: "uploads"}).Bind(registry)
	if err := file.Save(context.Background()); err != nil { // a session does this, with the row
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /documents/{id}/file", filehttp.NewHandler(filehttp.Config{
		Lookup: func(r *http.Request) (*fileobject.FileObject, error) {
			if r.PathValue("id") != "1" {
				return nil, dossier.ErrNotFound
			}
			return file, nil
		},
	}))

	r := httptest.NewRequest("GET", "/documents/1/file", nil)
	r.Header.Set("Range", "bytes=-5")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	fmt.Println(w.Header().Get("Content-Disposition"))

	w = httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/documents/2/file", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output:
	// 206 world
	// inline; filename="Gr__e.txt"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.txt
	// 404 not found
}

// A redirect to a signed URL, for stores that serve by themselves.
func ExampleNewHandler_redirect() {
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "2024", Secret: secret})
	if err != nil {
		log.Fatal(err)
	}
	registry := &dossier.Registry{}
	store := memory.New(memory.Config{Signer: signer, BaseURL: "/files"})
	if err := registry.Register("uploads", store); err != nil {
		log.Fatal(err)
	}
	row := &fileobject.FileObject{Record: dossier.Record{
		Backend: "uploads", Key: "photos/1", Filename: "cat.png", ContentType: "image/png", Size: 100,
	}}
	h := filehttp.NewHandler(filehttp.Config{
		Mode:   filehttp.Redirect,
		TTL:    time.Minute,
		Lookup: func(*http.Request) (*fileobject.FileObject, error) { return row.Bind(registry), nil },
	})

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	location, err := w.Result().Location()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(w.Code, location.Path)
	fmt.Println(location.Query().Get("response-content-disposition"))
	// Output:
	// 302 /files/photos/1
	// inline; filename="cat.png"
}

// Signed URLs for a store that has none of its own: upload by PUT, then download.
func ExampleNewSignedHandler() {
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "2024", Secret: secret})
	if err != nil {
		log.Fatal(err)
	}
	store := memory.New(memory.Config{Signer: signer, BaseURL: "/files"})
	mux := http.NewServeMux()
	mux.Handle("/files/", http.StripPrefix("/files", filehttp.NewSignedHandler(store, signer, filehttp.SignedOptions{})))

	send := func(req dossier.SignRequest, body string) {
		signed, err := dossier.SignURLs(context.Background(), store, req)
		if err != nil {
			log.Fatal(err)
		}
		r := httptest.NewRequest(signed[0].Method, signed[0].URL, strings.NewReader(body))
		r.Header = signed[0].Header
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Printf("%s %d %q\n", req.Method, w.Code, w.Body)
	}
	send(dossier.SignRequest{Method: "PUT", Key: "notes/a", TTL: time.Minute, ContentType: "text/plain", MaxLength: 10}, "too long a text")
	send(dossier.SignRequest{Method: "PUT", Key: "notes/a", TTL: time.Minute, ContentType: "text/plain", MaxLength: 10}, "short")
	send(dossier.SignRequest{Method: "GET", Key: "notes/a", TTL: time.Minute}, "")
	// Output:
	// PUT 413 "too large\n"
	// PUT 200 ""
	// GET 200 "short"
}

// Every file of a form, streamed part by part.
func ExampleParts() {
	form := strings.Join([]string{
		"--x", `Content-Disposition: form-data; name="title"`, "", "Plan",
		"--x", `Content-Disposition: form-data; name="file"; filename="../plan.pdf"`, "", "%PDF-1.7",
		"--x--", "",
	}, "\r\n")
	r := httptest.NewRequest("POST", "/", strings.NewReader(form))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")

	for part, err := range filehttp.Parts(r, filehttp.UploadLimits{MaxFile: 20 << 20}) {
		if err != nil {
			fmt.Println(filehttp.StatusOf(err))
			return
		}
		if part.File == nil {
			fmt.Printf("field %s: %s\n", part.Name, part.Value)
			continue
		}
		fmt.Printf("file %s: %s, pending: %v\n", part.Name, part.File.Filename, part.File.Pending())
		// err = s.StageFile(ctx, &document, "file", part.File)
	}
	// Output:
	// field title: Plan
	// file file: plan.pdf, pending: true
}

// printer stands for a session.
type printer struct{}

func (printer) StageFile(_ context.Context, model any, field string, f *fileobject.FileObject) error {
	fmt.Printf("%T.%s: %s\n", model, field, f.Filename)
	return nil
}

// All files of a form go into fields of a model, as they come.
func ExampleStageParts() {
	body, pipe := io.Pipe()
	form := multipart.NewWriter(pipe)
	go func() {
		part, err := form.CreateFormFile("cover", "cover.png")
		if err == nil {
			_, err = io.WriteString(part, "pixels")
		}
		if err == nil {
			err = form.Close()
		}
		pipe.CloseWithError(err)
	}()
	r := httptest.NewRequest("POST", "/", body)
	r.Header.Set("Content-Type", form.FormDataContentType())

	type Book struct{ Cover *fileobject.FileObject }
	book := &Book{}
	err := filehttp.StageParts(r, printer{}, filehttp.UploadLimits{}, func(part *filehttp.Part) (any, string, error) {
		if part.Name != "cover" {
			return nil, "", dossier.ErrInvalid
		}
		return book, part.Name, nil
	})
	fmt.Println(err)
	// Output:
	// *filehttp_test.Book.cover: cover.png
	// <nil>
}

func ExampleContentDisposition() {
	fmt.Println(filehttp.ContentDisposition("inline", "Übersicht.pdf"))
	fmt.Println(filehttp.ContentDisposition("attachment", "../../evil\r\n\".html"))
	// Output:
	// inline; filename="_bersicht.pdf"; filename*=UTF-8''%C3%9Cbersicht.pdf
	// attachment; filename="evil_.html"; filename*=UTF-8''evil%22.html
}

func ExampleStatusOf() {
	err := fmt.Errorf("photo of user 7: %w", dossier.ErrTooLarge)
	fmt.Println(filehttp.StatusOf(err))
	// Output: 413
}
