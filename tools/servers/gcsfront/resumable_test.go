package gcsfront_test

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"cloud.google.com/go/storage"
)

// start begins a resumable upload by a signed POST and returns the session's URL.
func (s *service) start(object string, headers ...string) string {
	s.t.Helper()
	headers = append(headers, "x-goog-resumable:start")
	signed := s.sign("POST", object, func(o *storage.SignedURLOptions) { o.Headers = headers })
	for i, header := range headers {
		headers[i] = strings.Replace(header, ":", ": ", 1)
	}
	answer := s.send("POST", signed, "", headers...)
	s.want("starting", answer, 201, "")
	location := answer.header.Get("Location")
	if !strings.HasPrefix(location, s.origin+"/") {
		s.t.Fatalf("the session is at %q", location)
	}
	return location
}

// A browser can send a large file in chunks to a session that a signed URL starts: chunks that come twice count once,
// and it can ask how much has come.
func TestSignedResumableUpload(t *testing.T) {
	t.Parallel()
	s := newService(t)
	session := s.start("a b/ä", "content-type:text/x", "x-goog-meta-owner:me")
	chunk := func(content, span string) response {
		return s.send("PUT", session, content, "Content-Range: bytes "+span)
	}
	s.want("asking at the start", chunk("", "*/*"), 308, "")
	first := chunk("0123", "0-3/*")
	s.want("the first chunk", first, 308, "")
	if got := first.header.Get("Range"); got != "bytes=0-3" {
		t.Errorf("the range is %q", got)
	}
	s.want("the first once more", chunk("0123", "0-3/*"), 308, "")
	s.want("overlapping", chunk("2345", "2-5/*"), 308, "")
	s.want("a gap", chunk("9", "9-9/10"), 503, "")
	asked := chunk("", "*/10")
	if got := asked.header.Get("Range"); asked.status != 308 || got != "bytes=0-5" {
		t.Errorf("asking: %d %q", asked.status, got)
	}
	s.want("the last chunk", chunk("6789", "6-9/10"), 200, "")
	s.want("the last once more", chunk("6789", "6-9/10"), 200, "")
	attributes, err := s.client().Object("a b/ä").Attrs(t.Context())
	content := s.content("a b/ä")
	if err != nil || attributes.ContentType != "text/x" || attributes.Metadata["owner"] != "me" || content != "0123456789" {
		t.Errorf("stored: %+v, %v, %q", attributes, err, content)
	}
	s.want("an unknown session", s.send("PUT", session+"x", "1"), 404, "")
}

// What was signed at the start binds the end; a session that was given up is gone.
func TestSignedResumableUploadIsBound(t *testing.T) {
	t.Parallel()
	s := newService(t)
	limited := s.start("a", "x-goog-content-length-range:2,4")
	s.want("too long", s.send("PUT", limited, "abcde"), 400, "EntityTooLarge")
	s.want("long enough", s.send("PUT", limited, "abcd"), 200, "")
	s.want("onto what must not exist", s.send("PUT", s.start("a", "x-goog-if-generation-match:0"), "abc"), 412, "")
	if got := s.content("a"); got != "abcd" {
		t.Errorf("stored: %q", got)
	}
	gone := s.start("b")
	s.want("giving up", s.send("DELETE", gone, ""), 499, "")
	s.want("after that", s.send("PUT", gone, "abc"), 404, "")
	bare := s.sign("POST", "c", nil)
	s.want("without x-goog-resumable", s.send("POST", bare, ""), 400, "InvalidArgument")
}

// A checksum that Google's client declares at the start is held against the whole object at the end, whatever the
// number of chunks. The emulator forgets it after the first.
func TestChecksumOfResumableUpload(t *testing.T) {
	t.Parallel()
	s := newService(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 40<<10) // three chunks of the least size
	for _, wrong := range []uint32{0, 1} {
		w := s.client().Object(fmt.Sprint("object ", wrong)).NewWriter(t.Context())
		w.ChunkSize, w.SendCRC32C = 256<<10, true
		w.CRC32C = crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli)) + wrong
		_, err := w.Write(content)
		if err == nil {
			err = w.Close()
		}
		stored := s.content(fmt.Sprint("object ", wrong))
		if wrong == 0 && (err != nil || stored != string(content)) {
			t.Errorf("a right checksum: %v, %d bytes", err, len(stored))
		}
		if wrong != 0 && (status(err) != 400 || stored != "") {
			t.Errorf("a wrong checksum: %v, %d bytes", err, len(stored))
		}
	}
}
