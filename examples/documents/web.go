package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"time"
)

//go:embed web
var embedded embed.FS

// assets are the files of the page by name; index.html is the page itself.
type assets map[string][]byte

// pageData is what index.html says of the limits, to people and to the script.
type pageData struct {
	MaxFile, MaxPage   int64
	MaxPages, MaxTitle int
}

// loadAssets reads what is compiled in, and fills in the page.
func loadAssets(cfg config) (assets, error) {
	files, err := fs.Sub(embedded, "web")
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	loaded := assets{}
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			loaded[name], err = fs.ReadFile(files, name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	loaded["index.html"], err = fillIn(string(loaded["index.html"]), pageData{cfg.max, maxPage, maxPages, maxTitle})
	return loaded, err
}

func fillIn(page string, data pageData) ([]byte, error) {
	parsed, err := template.New("index.html").Parse(page)
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	var b bytes.Buffer
	if err := parsed.Execute(&b, data); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return b.Bytes(), nil
}

// route serves each asset under its name.
func (a assets) route(mux *http.ServeMux) {
	for name, content := range a {
		pattern := "GET /" + name
		if name == "index.html" {
			pattern = "GET /{$}"
		}
		mux.Handle(pattern, asset(name, content))
	}
}

var assetTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// asset serves fixed content; a browser asks each time whether it is still the same.
func asset(name string, content []byte) http.Handler {
	sum := sha256.Sum256(content)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", assetTypes[path.Ext(name)])
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", tag)
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
	})
}
