package filehttp_test

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filehttp"
)

// One range is one request to the store for exactly these bytes, however it is written.
func TestOneRangeIsOneRequest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		field string
		want  dossier.Range
		body  string
	}{
		{"bytes=0-0", dossier.Range{Length: 1}, "a"},
		{"bytes=2-4", dossier.Range{Offset: 2, Length: 3}, "cde"},
		{"bytes=24-", dossier.Range{Offset: 24, Length: 2}, "yz"},
		{"bytes=24-99", dossier.Range{Offset: 24, Length: 2}, "yz"},
		{"bytes=-2", dossier.Range{Offset: 24, Length: 2}, "yz"},
		{"BYTES = 2 - 4", dossier.Range{Offset: 2, Length: 3}, "cde"},
		{"bytes=,2-4,", dossier.Range{Offset: 2, Length: 3}, "cde"},
		{"bytes=99-,2-4", dossier.Range{Offset: 2, Length: 3}, "cde"},
		{"bytes=00000000000000000000002-4", dossier.Range{Offset: 2, Length: 3}, "cde"},
		{"bytes=24-99999999999999999999999", dossier.Range{Offset: 24, Length: 2}, "yz"},
	} {
		s := newStore(t)
		w := send(serveRow(s.row(t, dossier.Record{}, alphabet), filehttp.Config{}), "GET", "/", "Range", test.field)
		wantStatus(t, w, 206)
		wantHeader(t, w.Header(), "Content-Length", fmt.Sprint(len(test.body)))
		wantHeader(t, w.Header(), "Content-Range", fmt.Sprintf("bytes %d-%d/26", test.want.Offset, test.want.Offset+test.want.Length-1))
		if got := s.requests(); w.Body.String() != test.body || !slices.Equal(got, []dossier.Range{test.want}) {
			t.Errorf("%s: body %q, requests %v", test.field, w.Body, got)
		}
	}
}

// The whole object is sent when a range cannot be meant: an unknown unit, all of it, more than it, or nothing in it.
func TestRangesThatMeanTheWholeObject(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"", "lines=1-2", "bytes", "bytes=0-25,0-25", "bytes=0-,-26,1-"} {
		s := newStore(t)
		w := send(serveRow(s.row(t, dossier.Record{}, alphabet), filehttp.Config{}), "GET", "/", "Range", field)
		wantStatus(t, w, 200)
		wantHeader(t, w.Header(), "Content-Range", "")
		if w.Body.String() != alphabet || len(s.requests()) != 1 {
			t.Errorf("%q: body %q, requests %v", field, w.Body, s.requests())
		}
	}
	s := newStore(t)
	w := send(serveRow(s.row(t, dossier.Record{}, ""), filehttp.Config{}), "GET", "/", "Range", "bytes=0-")
	wantStatus(t, w, 200)
	wantHeader(t, w.Header(), "Content-Length", "0")
}

// Malformed ranges and those behind the end are 416 with the size, and cost the store nothing.
func TestUnsatisfiableRanges(t *testing.T) {
	t.Parallel()
	for _, field := range []string{
		"bytes=26-", "bytes=26-30", "bytes=99-,50-60", "bytes=-0", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=4-2", "bytes=1",
		"bytes=--1", "bytes=+1-2", "bytes=0x1-2", "bytes=1-2-3", "bytes=0-0,x", "bytes=99999999999999999999-",
	} {
		s := newStore(t)
		w := send(serveRow(s.row(t, dossier.Record{}, alphabet), filehttp.Config{}), "GET", "/", "Range", field)
		wantStatus(t, w, 416)
		wantHeader(t, w.Header(), "Content-Range", "bytes */26")
		if len(s.requests()) > 0 {
			t.Errorf("%s reached the store", field)
		}
	}
}

// Many ranges in one request multiply the work of the server: more than MaxRanges are refused before the store is asked.
func TestRangeDenialOfServiceIsRefused(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	h := serveRow(s.row(t, dossier.Record{}, strings.Repeat("x", 100_000)), filehttp.Config{})
	ranges := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("%d-%d", 2*i, 2*i))
		}
		return "bytes=" + strings.Join(list, ",")
	}
	wantStatus(t, send(h, "GET", "/", "Range", ranges(16)), 206)
	before := len(s.requests())
	for _, n := range []int{17, 1000, 40_000} {
		wantStatus(t, send(h, "GET", "/", "Range", ranges(n)), 416)
	}
	// Several header lines are one list: the bound cannot be passed by spreading it.
	wantStatus(t, send(h, "GET", "/", "Range", ranges(10), "Range", "20-20,22-22,24-24,26-26,28-28,30-30,32-32"), 416)
	if len(s.requests()) != before {
		t.Error("a refused request reached the store")
	}
}

// Several ranges come as multipart/byteranges with a right Content-Length, in the order asked for, one request each.
func TestSeveralRanges(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"", t.TempDir()} { // from memory, and from a file
		s := newStore(t)
		s.folder = folder
		h := serveRow(s.row(t, dossier.Record{ContentType: "image/png"}, alphabet), filehttp.Config{})
		r, err := http.NewRequestWithContext(t.Context(), "GET", serveAt(t, h), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Range", "bytes=-2, 2-4, 99-, 0-0")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := readRanges(t, response); !slices.Equal(got, []string{"24-25/26 yz", "2-4/26 cde", "0-0/26 a"}) {
			t.Errorf("parts %q", got)
		}
		if len(s.requests()) != 3 {
			t.Errorf("requests %v", s.requests())
		}
	}
}

// readRanges reads a multipart answer; the network client checks that it is as long as it says.
func readRanges(t *testing.T, response *http.Response) []string {
	t.Helper()
	defer response.Body.Close()
	mediaType, params, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/byteranges" || response.StatusCode != 206 || response.ContentLength < 0 {
		t.Fatalf("%s %v", response.Status, response.Header)
	}
	var got []string
	for parts := multipart.NewReader(response.Body, params["boundary"]); ; {
		part, err := parts.NextPart()
		if err == io.EOF { //nolint:errorlint // the end of a form is exactly io.EOF
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		wantHeader(t, http.Header(part.Header), "Content-Type", "image/png")
		got = append(got, strings.TrimPrefix(part.Header.Get("Content-Range"), "bytes ")+" "+string(content))
	}
}

// Conditions are evaluated as http.ServeContent does, which many programs have relied on for years.
func TestConditionsAgreeWithServeContent(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	h := serveRow(s.row(t, dossier.Record{ContentType: "image/png"}, alphabet), filehttp.Config{})
	etag := send(h, "HEAD", "/").Header().Get("ETag")
	reference := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", etag)
		w.Header().Set("Content-Type", "image/png")
		http.ServeContent(w, r, "", written, strings.NewReader(alphabet))
	})
	tags := []string{"", etag, "W/" + etag, `"other"`, `"a", ` + etag, `"a" , W/` + etag, "*", "malformed", `"unclosed`, `,,"x",` + etag}
	dates := []string{"", "Mon, 06 May 2024 07:08:09 GMT", "Mon, 06 May 2024 07:08:08 GMT", "Tue, 07 May 2024 07:08:09 GMT", "yesterday"}
	var requests [][]string
	for _, date := range dates {
		for _, tag := range tags {
			requests = append(requests, []string{"If-Match", tag, "If-Unmodified-Since", date},
				[]string{"If-None-Match", tag, "If-Modified-Since", date}, []string{"If-Match", tag, "If-None-Match", tag})
		}
		requests = append(requests, []string{"If-Range", date, "Range", "bytes=0-1"})
	}
	for _, tag := range tags {
		requests = append(requests, []string{"If-Range", tag, "Range", "bytes=0-1"}, []string{"If-None-Match", tag, "Range", "bytes=0-1"})
	}
	for _, header := range requests {
		header = withoutEmpty(header)
		for _, method := range []string{"GET", "HEAD"} {
			if method == "HEAD" && slices.Contains(header, "Range") {
				continue // Range means something for GET only (RFC 9110, section 14.2)
			}
			got, want := send(h, method, "/", header...), send(reference, method, "/", header...)
			if got.Code != want.Code || got.Code < 400 && got.Body.String() != want.Body.String() {
				t.Errorf("%s %q: %d %q, ServeContent %d %q", method, header, got.Code, got.Body, want.Code, want.Body)
			}
		}
	}
}

func withoutEmpty(header []string) []string {
	var kept []string
	for i := 0; i < len(header); i += 2 {
		if header[i+1] != "" {
			kept = append(kept, header[i], header[i+1])
		}
	}
	return kept
}

// A row without checksum and time has no validators: no condition may hold by accident.
func TestWithoutValidatorsNothingMatches(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	file := s.row(t, dossier.Record{Checksum: "malformed \r\n"}, alphabet)
	file.LastModified = time.Time{}
	h := serveRow(file, filehttp.Config{})
	wantStatus(t, send(h, "GET", "/", "If-None-Match", `""`), 200)
	wantStatus(t, send(h, "GET", "/", "If-Match", `""`), 412)
	wantStatus(t, send(h, "GET", "/", "If-Range", `""`, "Range", "bytes=0-1"), 200)
	wantStatus(t, send(h, "GET", "/", "If-Modified-Since", "Tue, 07 May 2024 07:08:09 GMT"), 200)
	w := send(h, "GET", "/")
	wantHeader(t, w.Header(), "ETag", "")
	wantHeader(t, w.Header(), "Last-Modified", "")
}

// Any Range field is answered within its bounds: 200 with everything, 206 with what http.ServeContent sends, or 416.
func FuzzRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-1", "bytes=-5", "bytes=5-", "bytes=0-0,-1", "bytes=", "x=1-2", "bytes=1-2,,3-4", "bytes=25-26"} {
		f.Add(seed)
	}
	s := newStore(f)
	h := serveRow(s.row(f, dossier.Record{ContentType: "image/png"}, alphabet), filehttp.Config{})
	f.Fuzz(func(t *testing.T, field string) {
		w := send(h, "GET", "/", "Range", field)
		switch {
		case w.Code == 200 && w.Body.String() == alphabet, w.Code == 416:
		case w.Code == 206 && strings.HasPrefix(w.Header().Get("Content-Type"), "multipart/"):
			readRanges(t, w.Result())
		case w.Code == 206:
			var from, to, size int
			if _, err := fmt.Sscanf(w.Header().Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &size); err != nil ||
				size != 26 || w.Body.String() != alphabet[from:to+1] {
				t.Errorf("%q: %v %q", field, w.Header(), w.Body)
			}
		default:
			t.Errorf("%q: %d %q", field, w.Code, w.Body)
		}
	})
}
