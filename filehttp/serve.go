package filehttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/dossier-go/dossier"
)

// Defaults of the options.
const (
	defaultMaxStreams = 256
	defaultMaxRanges  = 16
	defaultStall      = time.Minute
)

// server sends objects. It holds what all requests share.
type server struct {
	maxRanges int
	stall     time.Duration // 0: no limit
	slots     chan struct{} // nil: no limit
	buffers   sync.Pool     // of *[]byte
	logger    *slog.Logger
}

func newServer(maxStreams, maxRanges int, stall time.Duration, logger *slog.Logger) *server {
	s := &server{maxRanges: maxRanges, stall: stall, logger: logger}
	if maxRanges <= 0 {
		s.maxRanges = defaultMaxRanges
	}
	if maxStreams == 0 {
		maxStreams = defaultMaxStreams
	}
	if maxStreams > 0 {
		s.slots = make(chan struct{}, maxStreams)
	}
	if stall == 0 {
		s.stall = defaultStall
	}
	s.stall = max(s.stall, 0)
	s.buffers.New = func() any { b := make([]byte, bufferSize); return &b }
	return s
}

// content is what a GET or HEAD serves: facts that are known before anything is opened, and how to open it.
type content struct {
	size    int64
	etag    string // well-formed, or "" when unknown
	modTime time.Time
	get     func(ctx context.Context, opts dossier.GetOptions) (*dossier.Object, error)
}

// open opens the bytes [from, to) in one request to the store.
func (c content) open(ctx context.Context, s span) (*dossier.Object, error) {
	opts := dossier.GetOptions{}
	if s.length() < c.size {
		opts.Range = dossier.Range{Offset: s.from, Length: s.length()}
	}
	object, err := c.get(ctx, opts)
	if err != nil {
		return nil, err
	}
	if object.Size != c.size || object.From != s.from || object.To != s.to {
		return nil, errors.Join(errDiffers, object.Close())
	}
	return object, nil
}

// serve answers a GET or HEAD. The header must have everything about the content already but its size, validators and
// ranges. An error means that nothing was written yet.
func (s *server) serve(w http.ResponseWriter, r *http.Request, c content) error {
	h := w.Header()
	h.Set("Accept-Ranges", "bytes")
	setText(h, "ETag", c.etag)
	if !c.modTime.IsZero() {
		h.Set("Last-Modified", httpTime(c.modTime))
	}
	switch precondition(r, c.etag, c.modTime) {
	case http.StatusPreconditionFailed:
		return dossier.ErrPrecondition
	case http.StatusNotModified:
		h.Del("Content-Type")
		h.Del("Content-Disposition")
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if r.Method == http.MethodHead {
		h.Set("Content-Length", strconv.FormatInt(c.size, 10))
		w.WriteHeader(http.StatusOK)
		return nil
	}
	spans, err := s.spans(r, c)
	if err != nil {
		h.Set("Content-Range", "bytes */"+strconv.FormatInt(c.size, 10))
		return err
	}
	return s.send(w, r, c, spans)
}

// spans reads the Range field of a request; none means the whole object.
func (s *server) spans(r *http.Request, c content) ([]span, error) {
	field, ok := fieldOf(r, "Range")
	if !ok || !rangeApplies(r, c.etag, c.modTime) {
		return nil, nil
	}
	return parseRanges(field, c.size, s.maxRanges)
}

// send writes a body while it holds one of the slots.
func (s *server) send(w http.ResponseWriter, r *http.Request, c content, spans []span) error {
	if s.slots != nil {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		default:
			return errBusy
		}
	}
	if len(spans) > 1 {
		return s.sendMany(w, r, c, spans)
	}
	one, status := span{0, c.size}, http.StatusOK
	if len(spans) == 1 {
		one, status = spans[0], http.StatusPartialContent
		w.Header().Set("Content-Range", one.contentRange(c.size))
	}
	object, err := c.open(r.Context(), one)
	if err != nil {
		w.Header().Del("Content-Range")
		return err
	}
	defer object.Close()
	w.Header().Set("Content-Length", strconv.FormatInt(one.length(), 10))
	w.WriteHeader(status)
	s.finish(r, s.copy(w, object, one.length()))
	return nil
}

// finish ends an answer whose header was sent. When the store failed, the connection is cut, so that no client takes
// half a file for a whole one.
func (s *server) finish(r *http.Request, err error) {
	var broken *sourceError
	if !errors.As(err, &broken) {
		return // complete, or the client left
	}
	report(s.logger, r, "file broke off", broken)
	panic(http.ErrAbortHandler)
}
