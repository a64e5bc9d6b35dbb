package s3_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"hash/crc64"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dossier-go/dossier/backends/s3"
)

// model is a small S3 in this process, for what real servers do only when something goes wrong.
type model struct {
	url string

	mu       sync.Mutex
	fault    fault // sees each request first; nil: none
	objects  map[string]*modelObject
	uploads  map[string]*modelUpload
	requests []*http.Request // without their bodies
}

type modelObject struct {
	content string
	header  http.Header
	etag    string
}

type modelUpload struct {
	key    string
	header http.Header
	parts  map[int]string
}

// newModel starts a model that ends with the test.
func newModel(t testing.TB) *model {
	t.Helper()
	m := &model{objects: map[string]*modelObject{}, uploads: map[string]*modelUpload{}}
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	m.url = server.URL
	return m
}

// client returns a client that tries three times, without pauses.
func modelClient(endpoint string, change ...func(*awss3.Options)) *awss3.Client {
	options := awss3.Options{
		BaseEndpoint: &endpoint, UsePathStyle: true, Region: "us-east-1", HTTPClient: &http.Client{Transport: &http.Transport{}},
		Credentials:                  credentials.NewStaticCredentialsProvider("AKID", "SECRET", ""),
		RequestChecksumCalculation:   aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation:   aws.ResponseChecksumValidationWhenSupported,
		ContinueHeaderThresholdBytes: -1,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			o.RateLimiter = noLimit{}
		}),
	}
	for _, c := range change {
		c(&options)
	}
	return awss3.New(options)
}

// backend returns a backend over the model.
func (m *model) backend(t testing.TB, cfg s3.Config) *s3.Backend {
	t.Helper()
	b, err := s3.New(modelClient(m.url), "bucket", cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// breaks makes the model break requests from now on.
func (m *model) breaks(how fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = how
}

// count returns how many requests satisfy the condition.
func (m *model) count(is func(*http.Request) bool) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.requests {
		if is(r) {
			n++
		}
	}
	return n
}

// last returns the last request that satisfies the condition.
func (m *model) last(t testing.TB, is func(*http.Request) bool) *http.Request {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range slices.Backward(m.requests) {
		if is(r) {
			return r
		}
	}
	t.Fatal("there was no such request")
	return nil
}

func method(name string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == name }
}

func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	m.requests = append(m.requests, r.Clone(r.Context()))
	broken := m.fault
	m.mu.Unlock()
	if broken != nil && broken(w, r, m.serve) {
		return
	}
	m.serve(w, r)
}

// refuse answers with an error of the API.
func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("X-Amz-Request-Id", "REQUEST-1")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>text of %s</Message></Error>", code, code)
}

// lose carries out the request and breaks the connection instead of answering.
func lose(r *http.Request, serve http.HandlerFunc) {
	serve(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

func (m *model) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client broke off: nothing is stored
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key, query := strings.TrimPrefix(r.URL.Path, "/bucket/"), r.URL.Query()
	switch {
	case !strings.HasPrefix(r.URL.Path, "/bucket"):
		refuse(w, http.StatusNotFound, "NoSuchBucket")
	case query.Has("delete"):
		m.deleteMany(w, body)
	case query.Has("uploads") && r.Method == http.MethodPost:
		id := fmt.Sprintf("upload-%d", len(m.requests))
		m.uploads[id] = &modelUpload{key, r.Header, map[int]string{}}
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
	case r.Method == http.MethodGet && (query.Has("uploads") || query.Has("tagging") || query.Has("acl")):
		refuse(w, http.StatusNotImplemented, "NotImplemented")
	case r.URL.Path == "/bucket" || key == "":
		fmt.Fprint(w, "<ListBucketResult></ListBucketResult>")
	case query.Has("uploadId"):
		m.servePart(w, r, key, query.Get("uploadId"), query.Get("partNumber"), body)
	case r.Method == http.MethodPut:
		m.put(w, r, key, body)
	case r.Method == http.MethodDelete:
		delete(m.objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		m.get(w, r, key)
	}
}

// allows evaluates the condition of a write.
func (m *model) allows(w http.ResponseWriter, r *http.Request, key string) bool {
	present := m.objects[key]
	match := r.Header.Get("If-Match")
	switch {
	case r.Header.Get("If-None-Match") == "*" && present != nil, match != "" && present != nil && present.etag != match:
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
	case match != "" && present == nil:
		refuse(w, http.StatusNotFound, "NoSuchKey")
	default:
		return true
	}
	return false
}

func (m *model) put(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	content := string(body)
	if source := r.Header.Get("X-Amz-Copy-Source"); source != "" {
		from := m.objects[strings.TrimPrefix(source, "bucket/")]
		if from == nil {
			refuse(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		content = from.content
	} else if sum := r.Header.Get("X-Amz-Checksum-Crc64nvme"); sum != "" && sum != crc64Of(content) {
		refuse(w, http.StatusBadRequest, "BadDigest")
		return
	}
	if !m.allows(w, r, key) {
		return
	}
	stored := m.store(key, content, r.Header)
	w.Header().Set("ETag", stored.etag)
	if r.Header.Get("X-Amz-Copy-Source") != "" {
		fmt.Fprintf(w, "<CopyObjectResult><ETag>%s</ETag></CopyObjectResult>", stored.etag)
	}
}

// store makes an object. The caller holds the lock.
func (m *model) store(key, text string, header http.Header) *modelObject {
	sum := md5.Sum([]byte(text))
	kept := http.Header{}
	for name, values := range header {
		content := strings.HasPrefix(name, "Content-") && name != "Content-Length"
		if content || strings.HasPrefix(name, "X-Amz-Meta-") || name == "Cache-Control" {
			kept[name] = values
		}
	}
	m.objects[key] = &modelObject{text, kept, `"` + hex.EncodeToString(sum[:]) + `"`}
	return m.objects[key]
}

func (m *model) get(w http.ResponseWriter, r *http.Request, key string) {
	object := m.objects[key]
	if object == nil {
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	maps.Copy(w.Header(), object.header)
	w.Header().Set("ETag", object.etag)
	if r.Header.Get("Range") == "" {
		w.Header().Set("X-Amz-Checksum-Crc64nvme", crc64Of(object.content))
		w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
	http.ServeContent(w, r, "", time.Unix(1_700_000_000, 0), strings.NewReader(object.content))
}

func (m *model) servePart(w http.ResponseWriter, r *http.Request, key, id, number string, body []byte) {
	upload := m.uploads[id]
	if upload == nil || upload.key != key {
		refuse(w, http.StatusNotFound, "NoSuchUpload")
		return
	}
	switch r.Method {
	case http.MethodPut:
		n, _ := strconv.Atoi(number)
		upload.parts[n] = m.partContent(r, body)
		sum := md5.Sum([]byte(upload.parts[n]))
		w.Header().Set("ETag", fmt.Sprintf("%q", hex.EncodeToString(sum[:])))
		if r.Header.Get("X-Amz-Copy-Source") != "" {
			fmt.Fprintf(w, `<CopyPartResult><ETag>"%x"</ETag><ChecksumCRC64NVME>%s</ChecksumCRC64NVME></CopyPartResult>`, sum,
				crc64Of(upload.parts[n]))
		}
	case http.MethodDelete:
		delete(m.uploads, id)
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPost:
		m.complete(w, r, key, id)
	default:
		m.listParts(w, upload)
	}
}

// partContent is the body, or the range of another object.
func (m *model) partContent(r *http.Request, body []byte) string {
	source := r.Header.Get("X-Amz-Copy-Source")
	if source == "" {
		return string(body)
	}
	content := m.objects[strings.TrimPrefix(source, "bucket/")].content
	var from, to int
	if n, _ := fmt.Sscanf(r.Header.Get("X-Amz-Copy-Source-Range"), "bytes=%d-%d", &from, &to); n == 2 {
		return content[from : to+1]
	}
	return content
}

func (m *model) complete(w http.ResponseWriter, r *http.Request, key, id string) {
	if !m.allows(w, r, key) {
		return
	}
	upload := m.uploads[id]
	content := ""
	for _, n := range slices.Sorted(maps.Keys(upload.parts)) {
		content += upload.parts[n]
	}
	if sum := r.Header.Get("X-Amz-Checksum-Crc64nvme"); sum != "" && sum != crc64Of(content) {
		refuse(w, http.StatusBadRequest, "BadDigest")
		return
	}
	delete(m.uploads, id)
	stored := m.store(key, content, upload.header)
	fmt.Fprintf(w, "<CompleteMultipartUploadResult><ETag>%s</ETag></CompleteMultipartUploadResult>", stored.etag)
}

func (m *model) listParts(w http.ResponseWriter, upload *modelUpload) {
	fmt.Fprint(w, "<ListPartsResult>")
	for _, n := range slices.Sorted(maps.Keys(upload.parts)) {
		sum := md5.Sum([]byte(upload.parts[n]))
		fmt.Fprintf(w, `<Part><PartNumber>%d</PartNumber><ETag>"%x"</ETag><Size>%d</Size></Part>`, n, sum, len(upload.parts[n]))
	}
	fmt.Fprint(w, "</ListPartsResult>")
}

func (m *model) deleteMany(w http.ResponseWriter, body []byte) {
	var asked struct{ Object []struct{ Key string } }
	_ = xml.NewDecoder(bytes.NewReader(body)).Decode(&asked)
	for _, object := range asked.Object {
		delete(m.objects, object.Key)
	}
	fmt.Fprint(w, "<DeleteResult></DeleteResult>")
}

// content returns what is stored under a key, or a mark that nothing is.
func (m *model) content(key string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if object := m.objects[key]; object != nil {
		return object.content
	}
	return "(nothing)"
}

// pending is the number of unfinished uploads.
func (m *model) pending() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.uploads)
}

func crc64Of(content string) string {
	sum := crc64.Checksum([]byte(content), crc64.MakeTable(0x9A6C9329AC4BC9B5))
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, sum))
}
