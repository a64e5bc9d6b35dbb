package filehttp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// Preparer lets clients upload straight to the store; *session.Manager is one.
type Preparer interface {
	PrepareUpload(ctx context.Context, req fileobject.UploadRequest) (fileobject.PreparedUpload, error)
}

// DirectConfig of [NewDirectHandler].
type DirectConfig struct {
	// Preparer signs the uploads. Required.
	Preparer Preparer
	// Policy decides whether the client of r may upload this file, and what for. req has what the client says of the file:
	// Filename, Size, ContentType and Checksum. Policy sets Model, Field and Subject, and may set TTL and Form; quotas belong
	// here too. Its errors are answered as [StatusOf] says: dossier.ErrUnauthenticated 401, dossier.ErrPermission 403. There
	// is no default, because an open endpoint is a store for everybody. Required.
	Policy func(r *http.Request, req *fileobject.UploadRequest) error
	// CrossOrigin says which pages of other origins may ask, besides those of this one. Default: nil, none.
	CrossOrigin *http.CrossOriginProtection
	// Logger gets failures of this server and its store; never a token. Default: nil, none.
	Logger *slog.Logger
}

// maxDirectBody is the largest question in bytes.
const maxDirectBody = 16 << 10

type directHandler struct{ cfg DirectConfig }

// NewDirectHandler answers what a client asks before it uploads a file straight to the store:
//
//	mux.Handle("POST /uploads", filehttp.NewDirectHandler(filehttp.DirectConfig{Preparer: manager, Policy: policy}))
//
// The question is a POST of type application/json, at most 16 KiB, an object with name, size in bytes, and where they are
// known type and checksum ("crc32c:<hex>" or "sha256:<hex>"); a question with anything else in it is refused. The answer
// is 200 with a [DirectAnswer], which no cache may keep. The client sends the file as it says, and then the token, with the
// rest of its form, to the application, which makes a file of it by session.Manager.FromToken.
//
// Answers to errors are those of [StatusOf]: 413 and 415 when the column would not take the file, 403 for a page of another
// origin (see [http.CrossOriginProtection]). How many uploads a client may ask for is to be limited by Policy. A nil Preparer
// or Policy panics.
func NewDirectHandler(cfg DirectConfig) http.Handler {
	if cfg.Preparer == nil || cfg.Policy == nil {
		panic("filehttp: NewDirectHandler needs a Preparer and a Policy; there is no open default")
	}
	if cfg.CrossOrigin == nil {
		cfg.CrossOrigin = http.NewCrossOriginProtection()
	}
	return &directHandler{cfg}
}

// ServeHTTP implements [http.Handler].
func (h *directHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header(), "")
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	answer, err := h.prepare(w, r)
	var text []byte
	if err == nil {
		text, err = json.Marshal(answer)
	}
	if err != nil {
		report(h.cfg.Logger, r, "prepare upload", err)
		refuse(w, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(text, '\n'))
}

func (h *directHandler) prepare(w http.ResponseWriter, r *http.Request) (DirectAnswer, error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return DirectAnswer{}, errMethod
	}
	if err := h.cfg.CrossOrigin.Check(r); err != nil {
		return DirectAnswer{}, fmt.Errorf("%w: %w", dossier.ErrPermission, err)
	}
	req, err := readQuestion(w, r)
	if err != nil {
		return DirectAnswer{}, err
	}
	if err := h.cfg.Policy(r, &req); err != nil {
		return DirectAnswer{}, err
	}
	prepared, err := h.cfg.Preparer.PrepareUpload(r.Context(), req)
	if err != nil {
		return DirectAnswer{}, err
	}
	return answerOf(prepared), nil
}

// question is what a client says of a file.
type question struct {
	Name     *string `json:"name"`
	Size     *int64  `json:"size"`
	Type     string  `json:"type"`
	Checksum string  `json:"checksum"`
}

// readQuestion reads exactly one JSON object of known members.
func readQuestion(w http.ResponseWriter, r *http.Request) (fileobject.UploadRequest, error) {
	if baseType(r.Header.Get("Content-Type")) != "application/json" || r.Header.Get("Content-Encoding") != "" {
		return fileobject.UploadRequest{}, errMediaType
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDirectBody))
	if err != nil {
		return fileobject.UploadRequest{}, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var q question
	if err := decoder.Decode(&q); err != nil {
		return fileobject.UploadRequest{}, fmt.Errorf("%w: %w", dossier.ErrInvalid, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fileobject.UploadRequest{}, fmt.Errorf("%w: there is something behind the object", dossier.ErrInvalid)
	}
	if q.Name == nil || q.Size == nil || *q.Size < 0 {
		return fileobject.UploadRequest{}, fmt.Errorf("%w: name and size are needed, the size in bytes", dossier.ErrInvalid)
	}
	size := *q.Size
	if size == 0 {
		size = -1 // an empty file, and not an unknown size
	}
	return fileobject.UploadRequest{Filename: *q.Name, Size: size, ContentType: q.Type, Checksum: q.Checksum}, nil
}

// DirectAnswer is the JSON that tells a client how to upload one file.
type DirectAnswer struct {
	// URL to send the file to, with Method: PUT with the file as body, or POST as a form.
	URL    string `json:"url"`
	Method string `json:"method"`
	// Header fields of a PUT, without those that a browser sets by itself.
	Header map[string]string `json:"header"`
	// Fields of a form, in order; the file comes last, as field "file".
	Fields []DirectField `json:"fields"`
	// Token to send to the application afterwards.
	Token string `json:"token"`
	// Expires is when the upload can no longer be begun.
	Expires time.Time `json:"expires"`
}

// DirectField is one field of a form.
type DirectField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func answerOf(p fileobject.PreparedUpload) DirectAnswer {
	answer := DirectAnswer{
		URL: p.URL, Method: p.Method, Header: map[string]string{}, Fields: []DirectField{}, Token: p.Token, Expires: p.NotAfter.UTC(),
	}
	for name := range p.Header {
		if name != "Content-Length" && name != "Host" { // scripts may not set them (Fetch standard, forbidden request-headers)
			answer.Header[name] = p.Header.Get(name)
		}
	}
	for _, field := range p.Fields {
		answer.Fields = append(answer.Fields, DirectField(field))
	}
	return answer
}
