package fileobject_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
)

// exampleContext carries a registry with one backend, "uploads", that can sign.
func exampleContext() context.Context {
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "2026", Secret: bytes.Repeat([]byte("secret"), 8)})
	check(err)
	registry := &dossier.Registry{}
	check(registry.Register("uploads", memory.New(memory.Config{Signer: signer, BaseURL: "/files"})))
	return fileobject.WithRegistry(context.Background(), registry)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// saved is a stored file.
func saved(ctx context.Context, name, text string) *fileobject.FileObject {
	f := fileobject.FromBytes(name, []byte(text), fileobject.Options{Backend: "uploads"})
	check(f.Save(ctx))
	return f
}

func ExampleFromBytes() {
	file := fileobject.FromBytes("greeting.txt", []byte("hello"), fileobject.Options{Metadata: map[string]any{"lang": "en"}})
	fmt.Println(file.Pending(), file.Filename, file.Size)

	_, err := file.Value() // a row cannot come before its bytes
	fmt.Println(errors.Is(err, dossier.ErrInvalid))
	// Output:
	// true greeting.txt 5
	// true
}

func ExampleFromReader() {
	ctx := exampleContext()
	file := fileobject.FromReader("log.txt", strings.NewReader("one\ntwo\n"), fileobject.Options{Backend: "uploads"})
	fmt.Println(file.Size) // not known yet
	fmt.Println(file.Save(ctx), file.Size, file.ContentType)

	fmt.Println(file.Delete(ctx))
	fmt.Println(errors.Is(file.Save(ctx), dossier.ErrConsumed)) // it was read once
	// Output:
	// -1
	// <nil> 8 text/plain; charset=utf-8
	// <nil>
	// true
}

func ExampleFromPath() {
	dir, err := os.MkdirTemp("", "example")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "plan.txt")
	check(os.WriteFile(path, []byte("the plan"), 0o600))

	ctx := exampleContext()
	file := fileobject.FromPath(path, fileobject.Options{Backend: "uploads"})
	fmt.Println(file)
	check(file.Save(ctx))
	content, err := file.Content(ctx)
	fmt.Println(string(content), err)
	// Output:
	// pending file "plan.txt"
	// the plan <nil>
}

func ExampleFromUpload() {
	// What a browser sends; a handler has it as r.MultipartForm.
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("avatar", `C:\me\face.png`)
	check(err)
	_, err = io.WriteString(part, "\x89PNG\r\n\x1a\n")
	check(errors.Join(err, w.Close()))
	form, err := multipart.NewReader(&body, w.Boundary()).ReadForm(1 << 20)
	check(err)

	ctx := exampleContext()
	file := fileobject.FromUpload(form.File["avatar"][0], fileobject.Options{Backend: "uploads"})
	fmt.Println(file.Save(ctx))
	fmt.Println(file.Filename, file.ContentType, file.Size)
	// Output:
	// <nil>
	// face.png image/png 8
}

func ExampleFromSource() {
	source := dossier.OpenerSource(func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("generated")), nil
	}, 9)
	file := fileobject.FromSource("report.txt", source, fileobject.Options{})
	fmt.Println(file, file.Size)
	// Output: pending file "report.txt" 9
}

func ExampleList() {
	var pages fileobject.List
	err := pages.Scan(`[{"filename":"one.png","to_filename":"pages/1.png","backend":"uploads","size":10},
		{"filename":"two.png","to_filename":"pages/2.png","backend":"uploads","size":20}]`)
	fmt.Println(err, len(pages), pages[1].Filename)

	pages = pages[:1]
	value, err := pages.Value()
	fmt.Println(value, err)

	value, err = fileobject.List(nil).Value()
	fmt.Println(value, err)
	// Output:
	// <nil> 2 two.png
	// [{"filename":"one.png","to_filename":"pages/1.png","content_type":null,"size":10,"last_modified":null,"checksum":null,"etag":null,"version_id":null,"metadata":{},"backend":"uploads"}] <nil>
	// <nil> <nil>
}

func ExampleFileObject_Scan() {
	var file fileobject.FileObject
	err := file.Scan(`{"filename":"docs/plan.pdf","size":null,"backend":"uploads","owner":7}`) // of another library
	fmt.Println(err, file.Key, file.Size, file.Foreign())
	value, err := file.Value() // unknown keys are kept
	fmt.Println(strings.Contains(value.(string), `"owner":7`), err)
	// Output:
	// <nil> docs/plan.pdf -1 true
	// true <nil>
}

// A unit of work takes a pending file through these steps; package session does it for rows.
func ExampleTransfer() {
	ctx := exampleContext()
	policy, err := fileobject.ParsePolicy("uploads,max:1MiB,accept:text/plain,key:{table}/{field}/{uuid}{ext}")
	check(err)
	file := fileobject.FromBytes("plan.txt", []byte("the plan"), fileobject.Options{})

	transfer, err := fileobject.Begin(ctx, file, fileobject.Target{
		Policy: policy, Values: dossier.KeyValues{Table: "documents", Field: "file"},
	})
	check(err)
	defer transfer.Close()
	key := transfer.Reference().Key // nothing is sent yet: record the intent for this key now
	fmt.Println(strings.HasPrefix(key, "documents/file/"), strings.HasSuffix(key, ".txt"))

	check(transfer.Put(ctx, nil)) // the bytes
	_, err = file.Value()
	fmt.Println("staged:", file.Pending(), err != nil)

	transfer.Adopt() // a row of an open transaction takes it
	_, err = file.Value()
	fmt.Println("adopted:", err)

	transfer.Settle() // COMMIT
	fmt.Println("stored:", file.Origin().References()[0] == transfer.Reference())
	// Output:
	// true true
	// staged: false true
	// adopted: <nil>
	// stored: true
}

func ExampleTransfer_Release() {
	ctx := exampleContext()
	policy, err := fileobject.ParsePolicy("uploads")
	check(err)
	file := fileobject.FromBytes("plan.txt", []byte("the plan"), fileobject.Options{})
	transfer, err := fileobject.Begin(ctx, file, fileobject.Target{
		Policy: policy, Values: dossier.KeyValues{Table: "documents", Field: "file"},
	})
	check(err)
	check(errors.Join(transfer.Put(ctx, nil), transfer.Close()))

	transfer.Release() // ROLLBACK: the unit of work removes the object, the handle can be saved again
	fmt.Println(file.Pending(), file.Key == "")
	// Output: true true
}

func ExampleBegin() {
	ctx := exampleContext()
	policy, err := fileobject.ParsePolicy("uploads,accept:image/*")
	check(err)
	page := fileobject.FromBytes("holiday.png", []byte("<!DOCTYPE html><script>alert(1)</script>"), fileobject.Options{})
	_, err = fileobject.Begin(ctx, page, fileobject.Target{Policy: policy})
	fmt.Println(err)
	// Output: file "holiday.png": content type not accepted: the bytes are text/html; charset=utf-8; accepted: image/*
}

func ExampleBeginImport() {
	ctx := exampleContext()
	there := saved(ctx, "old.txt", "here since 2019")
	policy, err := fileobject.ParsePolicy("uploads")
	check(err)

	file := &fileobject.FileObject{Record: dossier.Record{Key: there.Key, Filename: "old.txt", Size: -1}}
	transfer, err := fileobject.BeginImport(ctx, file, fileobject.Target{Policy: policy})
	check(err)
	transfer.Adopt()
	transfer.Settle()
	fmt.Println(file.Size, file.ContentType, transfer.Close())
	// Output: 15 text/plain; charset=utf-8 <nil>
}

func ExampleFileObject_Open() {
	ctx := exampleContext()
	file := saved(ctx, "big.txt", strings.Repeat("x", 1<<20)+"the end")
	r, err := file.Open(ctx) // nothing is read yet
	check(err)
	defer r.Close()
	_, err = r.Seek(-7, io.SeekEnd)
	check(err)
	tail, err := io.ReadAll(r) // one request, for seven bytes
	fmt.Println(string(tail), err)
	// Output: the end <nil>
}

func ExampleFileObject_OpenRange() {
	ctx := exampleContext()
	file := saved(ctx, "alphabet.txt", "abcdefghijklmnopqrstuvwxyz")
	for _, part := range [][2]int64{{2, 3}, {23, -1}, {-2, 0}} {
		r, err := file.OpenRange(ctx, part[0], part[1])
		check(err)
		text, err := io.ReadAll(r)
		check(errors.Join(err, r.Close()))
		fmt.Println(string(text))
	}
	// Output:
	// cde
	// xyz
	// yz
}

func ExampleFileObject_Content() {
	ctx := exampleContext()
	text, err := saved(ctx, "a.txt", "all of it").Content(ctx)
	fmt.Println(string(text), err)
	// Output: all of it <nil>
}

func ExampleFileObject_CopyTo() {
	ctx := exampleContext()
	n, err := saved(ctx, "a.txt", "to standard output\n").CopyTo(ctx, os.Stdout)
	fmt.Println(n, err)
	// Output:
	// to standard output
	// 19 <nil>
}

func ExampleFileObject_Stat() {
	ctx := exampleContext()
	info, err := saved(ctx, "a.txt", "twelve bytes").Stat(ctx)
	fmt.Println(info.Size, info.Header.ContentType, err)
	// Output: 12 text/plain; charset=utf-8 <nil>
}

func ExampleFileObject_Verify() {
	ctx := exampleContext()
	file := saved(ctx, "a.txt", "text")
	fmt.Println(file.Verify(ctx))

	file.Checksum = "crc32c:00000000"
	fmt.Println(errors.Is(file.Verify(ctx), dossier.ErrChecksum))
	// Output:
	// <nil>
	// true
}

func ExampleFileObject_Clone() {
	ctx := exampleContext()
	file := saved(ctx, "a.txt", "shared text")
	second := file.Clone(fileobject.Options{Backend: "uploads"}) // for another row
	fmt.Println(second)
	fmt.Println(second.Save(ctx), second.Key != file.Key, second.Checksum == file.Checksum)
	// Output:
	// pending file "a.txt"
	// <nil> true true
}

func ExampleFileObject_SignedURL() {
	ctx := exampleContext()
	url, err := saved(ctx, "a.txt", "text").SignedURL(ctx, 15*time.Minute)
	fmt.Println(strings.HasPrefix(url, "/files/saved/"), strings.Contains(url, "X-Dossier-Signature="), err)
	// Output: true true <nil>
}

func ExampleFileObject_Sign() {
	ctx := exampleContext()
	signed, err := saved(ctx, "a.txt", "text").Sign(ctx, dossier.SignRequest{
		TTL: 15 * time.Minute, Respond: dossier.Header{ContentDisposition: "attachment"},
	})
	fmt.Println(signed.Method, strings.Contains(signed.URL, "response-content-disposition=attachment"), err)
	// Output: GET true <nil>
}

func ExampleSignedURLs() {
	ctx := exampleContext()
	gone := &fileobject.FileObject{Record: dossier.Record{Backend: "archive", Key: "a"}}
	urls, err := fileobject.SignedURLs(ctx, time.Minute, saved(ctx, "a.txt", "text"), nil, gone)
	for i, url := range urls {
		fmt.Println(i, url != "")
	}
	fmt.Println(err) // one for each that failed; the others are good
	// Output:
	// 0 true
	// 1 false
	// 2 false
	// file 2: no such backend: "archive" is not registered (registered: uploads)
}

func ExampleFileObject_PublicURL() {
	_, err := saved(exampleContext(), "a.txt", "text").Bind(publicRegistry()).PublicURL()
	fmt.Println(errors.Is(err, errors.ErrUnsupported)) // this store is not public
	// Output: true
}

func publicRegistry() *dossier.Registry {
	registry := &dossier.Registry{}
	check(registry.Register("uploads", memory.New(memory.Config{})))
	return registry
}

func ExampleFileObject_Save() {
	ctx := exampleContext()
	file := fileobject.FromBytes("export.csv", []byte("a,b\n1,2\n"), fileobject.Options{Backend: "uploads"})
	fmt.Println(file.Save(ctx), file.ContentType, file.Pending())
	// Output: <nil> text/csv; charset=utf-8 false
}

func ExampleFileObject_Delete() {
	ctx := exampleContext()
	file := saved(ctx, "export.csv", "a,b\n")
	fmt.Println(file.Delete(ctx), file.Pending())

	var row fileobject.FileObject
	check(row.Scan(`{"filename":"a.txt","to_filename":"k","backend":"uploads"}`))
	fmt.Println(row.Delete(ctx))
	// Output:
	// <nil> true
	// delete: invalid argument: only a file that Save uploaded can be deleted here; delete or update the row through a session
}

func ExampleFileObject_View() {
	ctx := exampleContext()
	view, err := saved(ctx, "plan.txt", "the plan").View(ctx, 0)
	fmt.Println(view.Name, view.ContentType, view.Size, err)
	// Output: plan.txt text/plain; charset=utf-8 8 <nil>
}

func ExampleWithRegistry() {
	registry := &dossier.Registry{}
	check(registry.Register("uploads", memory.New(memory.Config{})))
	ctx := fileobject.WithRegistry(context.Background(), registry)

	file := saved(ctx, "a.txt", "text")
	_, err := file.Content(ctx)
	fmt.Println(err)
	_, err = file.Content(context.Background())
	fmt.Println(errors.Is(err, dossier.ErrNoBackend))
	// Output:
	// <nil>
	// true
}

func ExampleRemember() {
	var pages fileobject.List
	check(pages.Scan(`[{"filename":"a","to_filename":"1","backend":"uploads"},{"filename":"b","to_filename":"2","backend":"uploads"}]`))
	fmt.Println(pages[0].Origin().References())

	pages = pages[:1] // a unit of work wrote the row with one page and committed
	fileobject.Remember(pages...)
	fmt.Println(pages[0].Origin().References())
	// Output:
	// [{uploads 1} {uploads 2}]
	// [{uploads 1}]
}

func ExamplePolicy_Accepts() {
	policy := fileobject.Policy{Accept: []string{"image/*", "application/pdf"}}
	for _, contentType := range []string{"image/png", "application/pdf", "text/html", "image/svg+xml"} {
		fmt.Println(contentType, policy.Accepts(contentType))
	}
	// Output:
	// image/png true
	// application/pdf true
	// text/html false
	// image/svg+xml false
}
