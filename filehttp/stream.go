package filehttp

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
	"time"

	"github.com/dossier-go/dossier"
)

const (
	bufferSize = 64 << 10
	// stride is how many bytes are sent between two renewals of the write deadline.
	stride = 1 << 20
)

// sourceError is a failure of what is read, not of the client that it is written to.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// source marks the errors of a reader.
type source struct{ r io.Reader }

func (s source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		err = &sourceError{err}
	}
	return n, err
}

// onlyWriter hides ReadFrom, which would allocate a buffer for each call.
type onlyWriter struct{ io.Writer }

// copy writes length bytes of an object, by the kernel alone where it is a file.
func (s *server) copy(w http.ResponseWriter, object *dossier.Object, length int64) error {
	if file, ok := object.File(); ok {
		return fileError(s.copyStrides(w, w, file, length))
	}
	last := min(length, bufferSize)
	if err := s.copyStrides(w, onlyWriter{w}, source{object}, length-last); err != nil {
		return err
	}
	return s.copyLast(w, object, last)
}

// copyLast sends the last bytes only after the end of the object was read, for there a wrong checksum shows: the client
// must not get all the bytes then.
func (s *server) copyLast(w http.ResponseWriter, object *dossier.Object, length int64) error {
	buffer := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buffer)
	last := (*buffer)[:length]
	if _, err := io.ReadFull(object, last); err != nil {
		return &sourceError{shortRead(err)}
	}
	if _, err := object.Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // the end of a reader is exactly io.EOF
		return &sourceError{shortRead(err)}
	}
	return s.copyStrides(w, onlyWriter{w}, bytes.NewReader(last), length)
}

// shortRead makes an error of a read that did not end where it should.
func shortRead(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// fileError tells a failing file, which ended early or cannot be read, from a client that left.
func fileError(err error) error {
	var path *fs.PathError
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &path) {
		return &sourceError{err}
	}
	return err
}

// copyStrides copies exactly length bytes to out, which is w or a part of what w sends. A client that does not take a
// stride in time is cut off.
func (s *server) copyStrides(w http.ResponseWriter, out io.Writer, in io.Reader, length int64) error {
	buffer := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buffer)
	control := http.NewResponseController(w)
	if s.stall > 0 {
		defer func() { _ = control.SetWriteDeadline(time.Time{}) }()
	}
	for length > 0 {
		if s.stall > 0 {
			_ = control.SetWriteDeadline(time.Now().Add(s.stall)) // unsupported by some writers
		}
		n, err := io.CopyBuffer(out, io.LimitReader(in, min(stride, length)), *buffer)
		length -= n
		if err != nil {
			return err
		}
		if n == 0 {
			return &sourceError{io.ErrUnexpectedEOF}
		}
	}
	return nil
}

// sendMany answers several ranges as multipart/byteranges (RFC 9110, section 14.6), each from one request to the store.
// The first is opened before the header is sent.
func (s *server) sendMany(w http.ResponseWriter, r *http.Request, c content, spans []span) error {
	first, err := c.open(r.Context(), spans[0])
	if err != nil {
		return err
	}
	h := w.Header()
	contentType := h.Get("Content-Type")
	parts := multipart.NewWriter(w)
	h.Set("Content-Type", "multipart/byteranges; boundary="+parts.Boundary())
	h.Set("Content-Length", strconv.FormatInt(sizeOfMany(spans, c.size, contentType, parts.Boundary()), 10))
	w.WriteHeader(http.StatusPartialContent)
	s.finish(r, s.copyMany(w, r, c, spans, first, parts, contentType))
	return nil
}

func (s *server) copyMany(w http.ResponseWriter, r *http.Request, c content, spans []span, object *dossier.Object,
	parts *multipart.Writer, contentType string,
) error {
	for i, one := range spans {
		if i > 0 {
			var err error
			if object, err = c.open(r.Context(), one); err != nil {
				return &sourceError{err}
			}
		}
		if err := s.copyPart(w, parts, object, one, partHeader(one, c.size, contentType)); err != nil {
			return err
		}
	}
	return parts.Close()
}

func (s *server) copyPart(w http.ResponseWriter, parts *multipart.Writer, object *dossier.Object, one span,
	header textproto.MIMEHeader,
) error {
	defer object.Close()
	part, err := parts.CreatePart(header)
	if err != nil {
		return err
	}
	return s.copyStrides(w, onlyWriter{part}, source{object}, one.length())
}

func partHeader(one span, size int64, contentType string) textproto.MIMEHeader {
	return textproto.MIMEHeader{"Content-Range": {one.contentRange(size)}, "Content-Type": {contentType}}
}

// sizeOfMany is the Content-Length of a multipart answer: what stands around the bytes is written once to be counted.
func sizeOfMany(spans []span, size int64, contentType, boundary string) int64 {
	var counted counter
	parts := multipart.NewWriter(&counted)
	_ = parts.SetBoundary(boundary)
	for _, one := range spans {
		_, _ = parts.CreatePart(partHeader(one, size, contentType))
		counted += counter(one.length())
	}
	_ = parts.Close()
	return int64(counted)
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
