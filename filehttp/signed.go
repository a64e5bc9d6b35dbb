package filehttp

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
)

// SignedOptions of [NewSignedHandler].
type SignedOptions struct {
	// Inline lists media types that a browser may show, such as "image/png" or "image/*"; a wildcard never covers SVG,
	// HTML, XML or scripts. Default: nil, those of [dossier.InlineType].
	Inline []string
	// MaxPut is the largest size in bytes of an upload that its signature does not bound. Default: 0, 5 GiB as on S3.
	MaxPut int64
	// MaxStreams is how many bodies are sent at once; more are answered 503. Negative is no limit. Default: 0, 256.
	MaxStreams int
	// MaxRanges is how many ranges one request may ask for; more are answered 416. Default: 0, 16.
	MaxRanges int
	// Stall is how long a client may send nothing of a body, or take less than 1 MiB of an answer, before it is cut off.
	// While it runs it takes the place of the server's ReadTimeout and WriteTimeout. Negative is no limit.
	// Default: 0, one minute.
	Stall time.Duration
	// CORS lets scripts of other origins use what was signed. Default: none.
	CORS CORS
	// ResourcePolicy is the Cross-Origin-Resource-Policy: who may embed what is served: "same-origin", "same-site" or
	// "cross-origin". Default: "", same-origin.
	ResourcePolicy string
	// Logger gets failures of this server and its store; never a query string. Default: nil, none.
	Logger *slog.Logger
}

// defaultMaxPut is the limit of one PUT on S3.
const defaultMaxPut = 5 << 30

type signedHandler struct {
	backend dossier.Backend
	signer  *dossier.Signer
	opts    SignedOptions
	server  *server
}

// NewSignedHandler serves what signer signed for b, a store without signatures of its own (local, memory):
//
//	mux.Handle("/files/", http.StripPrefix("/files", filehttp.NewSignedHandler(backend, signer, filehttp.SignedOptions{})))
//
// The path below the prefix is the key. Nothing is done, and nothing about objects is told, before the signature was
// verified: for this store, this very method (a GET URL does not serve HEAD), this key and every parameter. Then each
// binding is enforced, with the answers of [StatusOf]:
//
//   - GET and HEAD serve as [NewHandler] does (ranges, conditions), with the type that was stored. It is a download unless
//     the type is in Inline; signed overrides of the answer are sent as signed, always with a sandbox around them.
//   - PUT needs the bound Content-Type exactly (403), the bound length (411, 413, 400), at most the largest length, however
//     the body is framed (413), the checksums (400) and, if create-only, that there is no object (412; "If-None-Match: *"
//     asks for the same). The answer is 200 with the ETag. An interrupted body stores nothing.
//   - DELETE is answered 204 whether there was an object or not.
//   - POST to the prefix itself is an upload form; see [dossier.SignForm]. Its fields come first, then the file as field
//     "file", then nothing: whatever is extra, missing, repeated or late is refused and nothing stored. The object gets
//     the bound type; then the file's own Content-Type must be the same, absent or application/octet-stream (415),
//     where S3 would ignore it. Without a bound type it gets that of the file field. The answer is 204 with the ETag.
//
// There is no listing and no way to an object without a signature. Who has a URL can use it until it expires. A nil
// backend or signer panics.
func NewSignedHandler(b dossier.Backend, signer *dossier.Signer, opts SignedOptions) http.Handler {
	if b == nil || signer == nil {
		panic("filehttp: NewSignedHandler needs a backend and a signer")
	}
	if opts.MaxPut <= 0 {
		opts.MaxPut = defaultMaxPut
	}
	opts.ResourcePolicy = defaultText(opts.ResourcePolicy, "same-origin")
	return &signedHandler{b, signer, opts, newServer(opts.MaxStreams, opts.MaxRanges, opts.Stall, opts.Logger)}
}

// ServeHTTP implements [http.Handler].
func (h *signedHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header(), "")
	w.Header().Set("Cross-Origin-Resource-Policy", h.opts.ResourcePolicy)
	if h.opts.CORS.answer(w, r) {
		return
	}
	if err := h.dispatch(w, r); err != nil {
		report(h.opts.Logger, r, "signed request", err)
		refuse(w, err)
	}
}

// dispatch verifies, then does what was signed. An error means that nothing was written yet.
func (h *signedHandler) dispatch(w http.ResponseWriter, r *http.Request) error {
	key := strings.TrimPrefix(r.URL.Path, "/")
	serve := map[string]func(http.ResponseWriter, *http.Request, dossier.Grant) error{
		http.MethodGet: h.get, http.MethodHead: h.get, http.MethodPut: h.put, http.MethodDelete: h.delete,
	}[r.Method]
	switch {
	case r.Method == http.MethodPost && key == "":
		return h.post(w, r)
	case serve == nil:
		w.Header().Set("Allow", "GET, HEAD, PUT, DELETE")
		return errMethod
	}
	grant, err := h.signer.VerifyURL(h.store(), r.Method, key, r.URL.RawQuery)
	if err != nil {
		return err
	}
	return serve(w, r, grant)
}

// store is the identity that signatures are bound to.
func (h *signedHandler) store() string { return h.backend.Describe().Store }

func (h *signedHandler) delete(w http.ResponseWriter, r *http.Request, grant dossier.Grant) error {
	if err := refuseConditions(r, "If-None-Match"); err != nil {
		return err
	}
	if err := h.backend.Delete(r.Context(), grant.Key, dossier.DeleteOptions{}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// refuseConditions refuses the conditions of a write that was not signed with them: ignored, they would be broken.
func refuseConditions(r *http.Request, more ...string) error {
	for _, name := range append(more, "If-Match", "If-Modified-Since", "If-Unmodified-Since") {
		if _, ok := fieldOf(r, name); ok {
			return fmt.Errorf("%w: %s is no condition of a signed %s", dossier.ErrInvalid, name, r.Method)
		}
	}
	return nil
}
