package backendtest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
)

// toyServer is an object server with an HTTP protocol of its own, over a store in memory: the simplest store behind a
// network, by which the network cases are tried out.
type toyServer struct{ store *memory.Backend }

// toyKinds are the errors that the protocol has words for.
func toyKinds() map[string]error {
	return map[string]error{
		"exist": dossier.ErrExist, "not exist": dossier.ErrNotExist, "precondition": dossier.ErrPrecondition,
		"not modified": dossier.ErrNotModified, "range": dossier.ErrRange, "invalid": dossier.ErrInvalid, "too large": dossier.ErrTooLarge,
		"checksum": dossier.ErrChecksum,
	}
}

// toyArguments go with every request, as JSON in a header field.
type toyArguments struct {
	Key, Source, ID string
	Number          int
	Put             toyPut
	Get             dossier.GetOptions
	Copy            dossier.CopyOptions
	List            dossier.ListOptions
	Parts           []dossier.Part
	Page            int
	After           []byte // List.After, which need not be UTF-8
}

// toyPut is what the protocol knows of dossier.PutOptions.
type toyPut struct {
	If       dossier.Condition
	MaxSize  int64
	Expect   dossier.Checksums
	Header   dossier.Header
	Metadata map[string]string
	PutID    string
}

func (p toyPut) options() dossier.PutOptions {
	return dossier.PutOptions{If: p.If, MaxSize: p.MaxSize, Expect: p.Expect, Header: p.Header, Metadata: p.Metadata, PutID: p.PutID}
}

// ServeHTTP implements [http.Handler].
func (s toyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var a toyArguments
	if err := json.Unmarshal([]byte(r.Header.Get("X-Arguments")), &a); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.URL.Path == "/get" {
		s.get(w, r, a)
		return
	}
	result, err := s.do(r, a)
	if err != nil {
		refuse(w, err)
		return
	}
	text, err := json.Marshal(result)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write(text) // the client may be gone
}

func refuse(w http.ResponseWriter, err error) {
	for _, name := range slices.Sorted(maps.Keys(toyKinds())) {
		if errors.Is(err, toyKinds()[name]) {
			w.Header().Set("X-Kind", name)
			w.WriteHeader(http.StatusConflict)
			return
		}
	}
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

func (s toyServer) get(w http.ResponseWriter, r *http.Request, a toyArguments) {
	object, err := s.store.Get(r.Context(), a.Key, a.Get)
	if err != nil {
		refuse(w, err)
		return
	}
	defer object.Close()
	text, err := json.Marshal(object.Info)
	if err != nil {
		panic(err)
	}
	w.Header().Set("X-Info", string(text))
	w.Header().Set("X-From", fmt.Sprint(object.From))
	w.Header().Set("Content-Length", fmt.Sprint(object.To-object.From))
	_, _ = io.Copy(w, object) // the client may be gone
}

// do answers everything but reads. A body that breaks off changes nothing.
func (s toyServer) do(r *http.Request, a toyArguments) (any, error) {
	ctx := r.Context()
	src := dossier.ReaderSource(r.Body, r.ContentLength)
	upload := dossier.Upload{Key: a.Key, ID: a.ID}
	switch r.URL.Path {
	case "/put":
		return s.store.Put(ctx, a.Key, src, a.Put.options())
	case "/stat":
		return s.store.Stat(ctx, a.Key)
	case "/delete":
		return nil, s.store.Delete(ctx, a.Key, dossier.DeleteOptions{If: a.Put.If})
	case "/copy":
		return s.store.Copy(ctx, a.Key, a.Source, a.Copy)
	case "/list":
		a.List.After = string(a.After)
		return some(a.Page, s.store.List(ctx, a.List))
	case "/create":
		return s.store.CreateUpload(ctx, a.Key, a.Put.options())
	case "/part":
		return s.store.PutPart(ctx, upload, a.Number, src)
	case "/parts":
		return some(dossier.MaxPartNumber, s.store.Parts(ctx, upload))
	case "/complete":
		return s.store.CompleteUpload(ctx, upload, a.Parts)
	case "/abort":
		return nil, s.store.AbortUpload(ctx, upload)
	case "/uploads":
		return some(dossier.MaxPartNumber, s.store.Uploads(ctx, a.Key))
	}
	return nil, fmt.Errorf("there is no %s", r.URL.Path)
}

// some collects at most count values.
func some[T any](count int, seq func(func(T, error) bool)) ([]T, error) {
	all := []T{}
	for value, err := range seq {
		if err != nil {
			return nil, err
		}
		if all = append(all, value); len(all) == count {
			break
		}
	}
	return all, nil
}
