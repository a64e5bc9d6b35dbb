package filehttp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/filehttp"
	"github.com/dossier-go/dossier/fileobject"
)

// The two ways to serve a file of a row: through the application, or by a signed URL.
func Example_serve() {
	signer, _ := dossier.NewSigner(dossier.SigningKey{ID: "2026", Secret: []byte("thirty-two bytes of a real secret")})
	store := memory.New(memory.Config{Signer: signer, BaseURL: "/signed"})
	registry := &dossier.Registry{}
	_ = registry.Register("uploads", store)
	ctx := fileobject.WithRegistry(context.Background(), registry)
	file := fileobject.FromBytes("hello.txt", []byte("hello"), fileobject.Options{Backend: "uploads"})
	if err := file.Save(ctx); err != nil {
		fmt.Println(err)
		return
	}
	file.Bind(registry)
	lookup := func(*http.Request) (*fileobject.FileObject, error) { return file, nil }

	files := filehttp.NewHandler(filehttp.Config{Lookup: lookup}) // ranges, conditions, safe headers; zero copy from local disk
	signed := filehttp.NewSignedHandler(store, signer, filehttp.SignedOptions{})

	mux := http.NewServeMux()
	mux.Handle("/file", files)
	mux.Handle("/signed/", http.StripPrefix("/signed", signed))
	url, err := file.SignedURL(ctx, time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, target := range []string{"/file", url, strings.Replace(url, "hello", "other", 1)} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		fmt.Println(w.Code, w.Header().Get("Content-Type"))
	}
	// Output:
	// 200 text/plain; charset=utf-8
	// 200 text/plain; charset=utf-8
	// 403 text/plain; charset=utf-8
}
