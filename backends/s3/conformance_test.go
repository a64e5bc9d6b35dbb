package s3_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/backendtest"
	"github.com/dossier-go/dossier/backends/s3"
)

// everyPromise is all that Amazon S3 itself has with the default configuration.
const everyPromise = dossier.PutIfAbsent | dossier.PutMatch | dossier.DeleteMatch | dossier.GetMatch | dossier.CopyIfAbsent |
	dossier.SuffixRange | dossier.StoresMetadata | dossier.StoresHeader | dossier.VerifiesChecksums | dossier.ConsistentList |
	dossier.FlatKeys | dossier.Durable | dossier.SignGet | dossier.SignPut | dossier.SignDelete | dossier.SignPost |
	dossier.BindType | dossier.BindLength | dossier.BindIfAbsent | dossier.BindChecksum | dossier.Multipart | dossier.SignPart |
	dossier.StoresClass | dossier.StoresTags | dossier.StoresACL

// server is a real server under test and what it is known not to do.
type server struct {
	variable string                          // of the environment, with the URL of a store on it
	lacks    map[dossier.Capabilities]string // with the reason
	excused  map[string]string               // cases that the server fails, with the reason
}

var servers = map[string]server{
	"versitygw": {
		variable: "DOSSIER_TEST_S3",
		lacks: map[dossier.Capabilities]string{
			dossier.FlatKeys:    `its objects are files, so "a" and "a/b" cannot exist together`,
			dossier.StoresClass: "it takes a class and forgets it",
			dossier.StoresACL:   "its buckets have no access control lists of single objects",
		},
		excused: map[string]string{
			"condition/delete race":        "it compares and deletes in two steps, so a write in between is deleted",
			"sign/every byte of the query": "it takes the names of signed header fields in any case",
			"sign/parameters":              "it takes one of repeated parameters",
			"form/fields":                  "it takes fields that the policy does not name",
			"form/file":                    "it takes a file field of any name",
		},
	},
	"minio": {
		variable: "DOSSIER_TEST_S3_OTHER",
		lacks: map[dossier.Capabilities]string{
			dossier.DeleteMatch: "it deletes whatever If-Match says",
			dossier.Multipart:   "it lists unfinished uploads only of one exact key",
			dossier.SignPart:    "it lists unfinished uploads only of one exact key",
			dossier.StoresACL:   "it takes access control lists and forgets them",
		},
		excused: map[string]string{
			"list/byte order":     `its listing leaves out "a/b" when there is an object "a"`,
			"sign/methods":        "it answers OPTIONS of anyone",
			"sign/parameters":     "it takes one of repeated parameters",
			"form/fields":         "it takes fields that the policy does not name",
			"metadata/round trip": "it counts x-amz-meta- of each name towards the 2 KiB",
		},
	},
}

// store is a bucket of its own on a real server.
type store struct {
	client *awss3.Client
	bucket string
	lossy  bool // answers are lost on the way
}

// serverClient returns a client for the server of a test URL.
func serverClient(t testing.TB, variable string) *awss3.Client {
	t.Helper()
	raw := os.Getenv(variable)
	if raw == "" {
		t.Skipf("server: set %s to a store URL (scripts/servers start)", variable)
	}
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return awss3.New(awss3.Options{
		BaseEndpoint: aws.String(u.Query().Get("endpoint")), UsePathStyle: true, Region: "us-east-1",
		HTTPClient:  &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
	})
}

// freshStore makes a bucket that goes with the test.
func freshStore(t testing.TB, variable string) *store {
	t.Helper()
	s := &store{client: serverClient(t, variable), bucket: "t" + strings.ToLower(rand.Text())}
	if _, err := s.client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &s.bucket}); err != nil {
		t.Fatalf("create bucket: %v", err)
	}
	t.Cleanup(func() { s.drop(t) })
	return s
}

// drop removes the bucket with all that is in it.
func (s *store) drop(t testing.TB) {
	t.Helper()
	ctx := context.Background()
	for _, upload := range s.uploads(t) {
		in := &awss3.AbortMultipartUploadInput{Bucket: &s.bucket, Key: &upload.key, UploadId: &upload.id}
		if _, err := s.client.AbortMultipartUpload(ctx, in); err != nil {
			t.Logf("abort: %v", err)
		}
	}
	pages := awss3.NewListObjectsV2Paginator(s.client, &awss3.ListObjectsV2Input{Bucket: &s.bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Logf("list: %v", err)
			return
		}
		for _, object := range page.Contents {
			if _, err := s.client.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: &s.bucket, Key: object.Key}); err != nil {
				t.Logf("delete: %v", err)
			}
		}
	}
	if _, err := s.client.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: &s.bucket}); err != nil {
		t.Logf("delete bucket: %v", err)
	}
}

type serverUpload struct{ key, id string }

// uploads are the server's unfinished multipart uploads.
func (s *store) uploads(t testing.TB) []serverUpload {
	t.Helper()
	out, err := s.client.ListMultipartUploads(context.Background(), &awss3.ListMultipartUploadsInput{Bucket: &s.bucket})
	if err != nil {
		t.Fatalf("list uploads: %v", err)
	}
	var found []serverUpload
	for _, upload := range out.Uploads {
		found = append(found, serverUpload{*upload.Key, *upload.UploadId})
	}
	return found
}

func (s *store) backend(t testing.TB, cfg s3.Config) *s3.Backend {
	t.Helper()
	b, err := s3.New(s.client, s.bucket, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// conformance runs the suite on a server, with large numbers in long runs.
func conformance(t *testing.T, name string, cfg s3.Config) {
	of := servers[name]
	for capability := range of.lacks {
		cfg.Without |= capability
	}
	stores := map[dossier.Backend]*store{}
	h := backendtest.Harness{
		Small: os.Getenv("DOSSIER_LONG") == "", Excused: of.excused,
		Protocol: backendtest.Protocol{ContentVersions: true, ModTime: 5 * time.Second},
		New: func(t *testing.T) dossier.Backend {
			t.Helper()
			s := freshStore(t, of.variable)
			b := s.backend(t, cfg)
			stores[b] = s
			return b
		},
		Reopen: func(t *testing.T, b dossier.Backend) dossier.Backend {
			t.Helper()
			return stores[b].backend(t, cfg)
		},
		Serve: func(t *testing.T, _ dossier.Backend) *http.Client {
			t.Helper()
			transport := &http.Transport{DisableCompression: true}
			t.Cleanup(transport.CloseIdleConnections)
			stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			return &http.Client{Transport: transport, CheckRedirect: stay}
		},
		Network: func(t *testing.T) (dossier.Backend, *backendtest.Proxy) {
			t.Helper()
			s := freshStore(t, of.variable)
			proxy := backendtest.NewProxy(t, *s.client.Options().BaseEndpoint)
			cfg := cfg
			cfg.PartSize, cfg.StallTimeout = 5<<20, 10*time.Second
			client := modelClient(proxy.URL(), func(o *awss3.Options) {
				o.Credentials = s.client.Options().Credentials
				transport := &http.Transport{}
				t.Cleanup(transport.CloseIdleConnections)
				o.HTTPClient = &http.Client{Transport: transport}
			})
			b, err := s3.New(client, s.bucket, cfg)
			if err != nil {
				t.Fatal(err)
			}
			s.lossy = true
			stores[b] = s
			return b, proxy
		},
		Leftovers: func(t *testing.T, b dossier.Backend) (left []string) {
			t.Helper()
			if stores[b].lossy && !b.Describe().Capabilities.Has(dossier.Multipart) {
				return nil // nobody can know the id of an upload whose answer was lost, and the suite cannot look for it
			}
			for _, upload := range stores[b].uploads(t) {
				left = append(left, "the upload "+upload.id+" of "+upload.key)
			}
			return left
		},
	}
	t.Run("capabilities", func(t *testing.T) { honest(t, of) })
	backendtest.Run(t, h)
}

// honest proves by a probe that the server has every capability but those that it is known to lack, and lacks those.
func honest(t *testing.T, of server) {
	t.Helper()
	for capability, reason := range of.lacks {
		t.Logf("without %v: %s", capability, reason)
	}
	for name, reason := range of.excused {
		t.Logf("excused from %q: %s", name, reason)
	}
	want := everyPromise
	for capability := range of.lacks {
		want &^= capability
	}
	s := freshStore(t, of.variable)
	found, err := s.backend(t, s3.Config{}).Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if have := found.Capabilities; have != want {
		t.Errorf("missing: %v; not expected: %v", want&^have, have&^want)
	}
}

// A strict server that stores files passes the whole suite. Not parallel: goroutines are counted.
func TestConformanceOfVersitygw(t *testing.T) { conformance(t, "versitygw", s3.Config{}) }

// With CRC32C, too, which the description then promises to know. Not parallel: goroutines are counted.
func TestConformanceOfVersitygwWithCRC32C(t *testing.T) {
	conformance(t, "versitygw", s3.Config{Checksum: s3.CRC32C})
}

// The second opinion: another server passes it with what it has. Not parallel: goroutines are counted.
func TestConformanceOfMinIO(t *testing.T) { conformance(t, "minio", s3.Config{}) }
