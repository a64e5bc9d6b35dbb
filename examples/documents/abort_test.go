package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// slowUpload is a form on a plain connection, whose end is still to be sent.
type slowUpload struct {
	t      *testing.T
	conn   net.Conn
	answer *bufio.Reader
}

// The body of a slowUpload.
var (
	slowBegin = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"large.bin\"\r\n\r\n" + strings.Repeat("x", 1<<20)
	slowEnd   = "\r\n--x--\r\n"
)

// startUpload begins to create a document and sends the first piece of its file. The server has asked for the body then,
// so it is in its handler.
func startUpload(t *testing.T, url string) *slowUpload {
	t.Helper()
	host := strings.TrimPrefix(url, "http://")
	conn, err := net.Dial("tcp", host)
	check(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // it may be closed already
	u := &slowUpload{t, conn, bufio.NewReader(conn)}
	_, err = fmt.Fprintf(conn, "POST /api/documents HTTP/1.1\r\nHost: %s\r\nContent-Type: multipart/form-data; boundary=x\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", host, len(slowBegin)+len(slowEnd))
	check(t, err)
	interim, err := http.ReadResponse(u.answer, nil)
	check(t, err)
	check(t, interim.Body.Close())
	if interim.StatusCode != http.StatusContinue {
		t.Fatalf("status %d before the body", interim.StatusCode)
	}
	_, err = io.WriteString(conn, slowBegin)
	check(t, err)
	return u
}

// finish sends the end of the form and returns the answer.
func (u *slowUpload) finish() reply {
	u.t.Helper()
	_, err := io.WriteString(u.conn, slowEnd)
	check(u.t, err)
	r, err := u.read()
	check(u.t, err)
	return r
}

// read returns the answer; there is none when the connection was cut.
func (u *slowUpload) read() (reply, error) {
	response, err := http.ReadResponse(u.answer, nil)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return reply{u.t, response.StatusCode, response.Header, text}, err
}

// A client that leaves in the middle of an upload leaves nothing: no row, no bytes, and nothing for a sweep to find.
func TestAbortedUploadStoresNothing(t *testing.T) {
	t.Parallel()
	s := newService(t, 0)
	check(t, startUpload(t, s.url).conn.Close())
	<-s.finished // the handler saw the broken connection and has cleaned up
	s.sweep()
	s.wantNothingStored()
}

// A body that ends before its form does is a broken upload, even if the connection closes in good order.
func TestShortFormStoresNothing(t *testing.T) {
	t.Parallel()
	s := newService(t, 0)
	body := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n" + strings.Repeat("x", 100_000)
	s.do("POST", "/api/documents", strings.NewReader(body), "Content-Type", "multipart/form-data; boundary=x").
		wantProblem(http.StatusBadRequest)
	s.wantNothingStored()
}

// A client that sends nothing for a while is cut off: otherwise a few idle ones would hold all connections for ever.
func TestStalledUploadIsCutOff(t *testing.T) {
	t.Parallel()
	s := &service{t: t, finished: make(chan struct{}, 1)}
	s.start(config{data: t.TempDir(), max: maxFile, stall: 100 * time.Millisecond})
	r, err := startUpload(t, s.url).read() // nothing more is sent
	check(t, err)
	r.wantProblem(http.StatusRequestTimeout)
	<-s.finished
	s.wantNothingStored()
}

// A store that fails is this server's fault and said so, without its words, and nothing stays.
func TestFailingStoreIsServerError(t *testing.T) {
	t.Parallel()
	s := newService(t, 0)
	s.points.Next("put.before", func(context.Context) error { return errors.New("disk /dev/sda1 is on fire") })
	r := s.upload("POST", "/api/documents", field{"file", "f", "x"})
	r.wantProblem(http.StatusInternalServerError)
	if strings.Contains(string(r.body), "sda1") {
		t.Errorf("the answer tells what is nobody's business: %s", r.body)
	}
	s.wantNothingStored()
}
