package filehttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// Mode is how a [Handler] gives out a file.
type Mode uint8

const (
	// Proxy sends the bytes through this server. It is the zero value.
	Proxy Mode = iota
	// Redirect answers with a signed URL of the store.
	Redirect
)

// Config of [NewHandler]. Everything but Lookup has a safe default.
type Config struct {
	// Lookup finds the file of a request: it reads the row and decides whether this client may have it. nil, or an error
	// that Is dossier.ErrNotFound or ErrNotExist, is answered 404, ErrPermission 403, the others as [StatusOf] says.
	// Required.
	Lookup func(r *http.Request) (*fileobject.FileObject, error)
	// Mode is Proxy or Redirect. Default: Proxy.
	Mode Mode
	// TTL is how long the URL of a redirect lives. Default: 0, five minutes.
	TTL time.Duration
	// Window makes all URLs signed within it identical, so that browsers can cache what they lead to; see
	// [dossier.SignRequest]. It must be less than TTL. Default: 0, every URL is different.
	Window time.Duration
	// Inline lists media types that a browser may show, such as "image/png" or "image/*"; a wildcard never covers SVG,
	// HTML, XML or scripts. Default: nil, those of [dossier.InlineType].
	Inline []string
	// CacheControl of the file (RFC 9111). Default: "", "private, no-cache": a cache asks whether the file is still
	// there, still the same and still allowed before it shows it again. A redirect leads to the header that the object was
	// stored with where the store cannot override it.
	CacheControl string
	// MaxStreams is how many bodies are sent at once; more are answered 503. Negative is no limit. Default: 0, 256.
	MaxStreams int
	// MaxRanges is how many ranges one request may ask for; more are answered 416. Default: 0, 16.
	MaxRanges int
	// Stall is how long a client may take less than 1 MiB of an answer before it is cut off; meanwhile it takes the place
	// of the server's WriteTimeout. Negative is no limit. Default: 0, one minute.
	Stall time.Duration
	// ResourcePolicy is the Cross-Origin-Resource-Policy: who may embed the file: "same-origin", "same-site" or
	// "cross-origin". Default: "", same-origin.
	ResourcePolicy string
	// Logger gets failures of this server and its stores; never a query string. Default: nil, none.
	Logger *slog.Logger
}

const (
	defaultTTL   = 5 * time.Minute
	defaultCache = "private, no-cache"
)

type handler struct {
	cfg    Config
	server *server
}

// NewHandler serves the files of rows by GET and HEAD:
//
//	mux.Handle("GET /documents/{id}/file", filehttp.NewHandler(filehttp.Config{Lookup: lookup}))
//
// The row is the authority: type, name, size and validators of the answer are its own, never the client's, the
// extension's or the store's. A type outside Inline, or a query with download=1, makes it a download; types that a
// browser could run are sent as application/octet-stream. Every answer has X-Content-Type-Options, a sandboxing
// Content-Security-Policy (without the sandbox for PDF, which browsers refuse to show inside one),
// Cross-Origin-Resource-Policy and Referrer-Policy.
//
// In mode Proxy it answers ranges, also from the end and several at once (as [http.ServeContent] does), and
// If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since and If-Range. One range is one request to the store
// for exactly these bytes; HEAD and 304 make none. Files of a local store are sent by the kernel. When the store breaks
// off, so does the connection, by a panic with [http.ErrAbortHandler]: no client takes half a file for a whole one. A row without size (from another library)
// costs one Stat.
//
// In mode Redirect it answers 302 with a URL for this method, under which the store sends what Proxy would: type and
// disposition are signed into it. The redirect may be cached for half of the URL's remaining life, so that who follows it
// late still has the other half. A backend that cannot sign is answered 501.
//
// A pending file is not stored and so is 404. A nil Lookup, or a Window that is not less than TTL, panics.
func NewHandler(cfg Config) http.Handler {
	if cfg.TTL <= 0 {
		cfg.TTL = defaultTTL
	}
	if cfg.Lookup == nil || cfg.Window < 0 || cfg.Window >= cfg.TTL {
		panic("filehttp: NewHandler needs a Lookup, and a Window less than TTL")
	}
	cfg.CacheControl = defaultText(cfg.CacheControl, defaultCache)
	cfg.ResourcePolicy = defaultText(cfg.ResourcePolicy, "same-origin")
	return &handler{cfg, newServer(cfg.MaxStreams, cfg.MaxRanges, cfg.Stall, cfg.Logger)}
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header(), "")
	w.Header().Set("Cross-Origin-Resource-Policy", h.cfg.ResourcePolicy)
	if err := h.answer(w, r); err != nil {
		report(h.cfg.Logger, r, "serve file", err)
		refuse(w, err)
	}
}

// answer finds and sends the file. An error means that nothing was written yet.
func (h *handler) answer(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return errMethod
	}
	file, err := h.cfg.Lookup(r)
	if err != nil {
		return err
	}
	if file == nil || file.Key == "" || file.Pending() {
		return dossier.ErrNotFound
	}
	contentType, disposition := h.form(r, file.Record)
	if h.cfg.Mode == Redirect {
		return h.redirect(w, r, file, contentType, disposition)
	}
	c, err := contentOf(r.Context(), file)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Disposition", disposition)
	header.Set("Cache-Control", h.cfg.CacheControl)
	protect(header, contentType)
	return h.server.serve(w, r, c)
}

// form decides how a file is shown.
func (h *handler) form(r *http.Request, record dossier.Record) (contentType, disposition string) {
	inline := shownInline(h.cfg.Inline, record.ContentType) && !wantsDownload(r)
	disposition = "attachment"
	if inline {
		disposition = "inline"
	}
	return servedType(record.ContentType, inline), ContentDisposition(disposition, record.Filename)
}

// wantsDownload reports a query with download=1, or with download and anything but a word for no.
func wantsDownload(r *http.Request) bool {
	if r.URL.RawQuery == "" {
		return false
	}
	query := r.URL.Query()
	if !query.Has("download") {
		return false
	}
	wanted, err := strconv.ParseBool(query.Get("download"))
	return err != nil || wanted
}

// contentOf takes the facts from the row; only where it does not know the size the store is asked.
func contentOf(ctx context.Context, file *fileobject.FileObject) (content, error) {
	c := content{size: file.Size, etag: tagOfRecord(file.Record), modTime: file.LastModified, get: file.Get}
	if c.size >= 0 {
		return c, nil
	}
	info, err := file.Stat(ctx)
	if err != nil {
		return content{}, err
	}
	c.size, c.etag = info.Size, defaultText(c.etag, tagOfInfo(info))
	if c.modTime.IsZero() {
		c.modTime = info.ModTime
	}
	return c, nil
}

// redirect answers with a signed URL.
func (h *handler) redirect(w http.ResponseWriter, r *http.Request, file *fileobject.FileObject, contentType, disposition string) error {
	request := dossier.SignRequest{
		Method: r.Method, TTL: h.cfg.TTL, Window: h.cfg.Window,
		Respond: dossier.Header{ContentType: contentType, ContentDisposition: disposition, CacheControl: h.cfg.CacheControl},
	}
	signed, err := file.Sign(r.Context(), request)
	if errors.Is(err, errors.ErrUnsupported) { // Google Cloud Storage overrides type and disposition alone
		request.Respond.CacheControl = ""
		signed, err = file.Sign(r.Context(), request)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", h.redirectCache(signed.NotAfter))
	w.Header().Set("Location", signed.URL)
	w.WriteHeader(http.StatusFound)
	return nil
}

// redirectCache lets a redirect be cached for half of what its URL still lives, unless nothing may be stored at all.
func (h *handler) redirectCache(notAfter time.Time) string {
	if strings.Contains(strings.ToLower(h.cfg.CacheControl), "no-store") {
		return "no-store"
	}
	seconds := int64(time.Until(notAfter)/time.Second) / 2
	return "private, max-age=" + strconv.FormatInt(max(seconds, 0), 10)
}
