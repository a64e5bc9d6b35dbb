package s3_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/s3"
)

// noNetwork fails the test when anything is sent.
type noNetwork struct{ t testing.TB }

func (n noNetwork) Do(r *http.Request) (*http.Response, error) {
	n.t.Errorf("a request to %s", r.URL.Host)
	return nil, errors.New("no network")
}

// provider counts how often it is asked.
type provider struct {
	asked atomic.Int64
	make  func() (aws.Credentials, error)
}

func (p *provider) Retrieve(context.Context) (aws.Credentials, error) {
	p.asked.Add(1)
	return p.make()
}

func offline(t testing.TB, of aws.CredentialsProvider) awss3.Options {
	return awss3.Options{Region: "us-east-1", Credentials: of, HTTPClient: noNetwork{t}}
}

func permanent() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")
}

// ending are temporary credentials.
func ending(at time.Time) *provider {
	return &provider{make: func() (aws.Credentials, error) {
		return aws.Credentials{
			AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret", SessionToken: "token", CanExpire: true, Expires: at,
		}, nil
	}}
}

func signOne(t testing.TB, backend *s3.Backend, req dossier.SignRequest) dossier.SignedRequest {
	t.Helper()
	signed, err := backend.SignURLs(t.Context(), []dossier.SignRequest{req})
	if err != nil {
		t.Fatalf("sign %+v: %v", req, err)
	}
	return signed[0]
}

func parameter(t testing.TB, signed dossier.SignedRequest, name string) string {
	t.Helper()
	at, err := url.Parse(signed.URL)
	if err != nil {
		t.Fatal(err)
	}
	return at.Query().Get(name)
}

// A page with a hundred links must not become a hundred requests to a token service.
func TestSignURLsAsksForCredentialsOnceAndForNothingElse(t *testing.T) {
	of := &provider{make: func() (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}, nil
	}}
	backend := newSigner(t, offline(t, of), "bucket", s3.Config{})
	reqs := make([]dossier.SignRequest, 100)
	for i := range reqs {
		reqs[i] = dossier.SignRequest{Key: "a", TTL: time.Hour}
	}
	signed, err := backend.SignURLs(t.Context(), reqs)
	if err != nil || len(signed) != len(reqs) {
		t.Fatalf("%d, %v", len(signed), err)
	}
	if asked := of.asked.Load(); asked != 1 {
		t.Errorf("asked for credentials %d times", asked)
	}
}

// The end that is returned is what links are shown with; the store's idea of it must be the same.
func TestSignedLifeIsWholeSecondsAndNotShorterThanAsked(t *testing.T) {
	now := signClock.Add(300 * time.Millisecond)
	for _, c := range []struct {
		ttl, window     time.Duration
		from            string
		seconds, ending string
	}{
		{time.Hour, 0, "20260228T235958Z", "3601", "2026-03-01T00:59:59Z"},
		{1, 0, "20260228T235958Z", "1", "2026-02-28T23:59:59Z"},
		{700 * time.Millisecond, 0, "20260228T235958Z", "1", "2026-02-28T23:59:59Z"},
		{701 * time.Millisecond, 0, "20260228T235958Z", "2", "2026-03-01T00:00:00Z"},
		{7 * 24 * time.Hour, 0, "20260228T235958Z", "604800", "2026-03-07T23:59:58Z"},
		{time.Hour, 15 * time.Minute, "20260228T234500Z", "3600", "2026-03-01T00:45:00Z"},
		{7 * 24 * time.Hour, 24 * time.Hour, "20260228T000000Z", "604800", "2026-03-07T00:00:00Z"},
	} {
		backend := newSigner(t, offline(t, permanent()), "bucket", s3.Config{})
		s3.SetSigningClock(backend, func() time.Time { return now })
		signed := signOne(t, backend, dossier.SignRequest{Key: "a", TTL: c.ttl, Window: c.window})
		from, seconds := parameter(t, signed, "X-Amz-Date"), parameter(t, signed, "X-Amz-Expires")
		if from != c.from || seconds != c.seconds {
			t.Errorf("%v of windows of %v: %s s from %s, want %s s from %s", c.ttl, c.window, seconds, from, c.seconds, c.from)
		}
		if got := signed.NotAfter.UTC().Format(time.RFC3339); got != c.ending {
			t.Errorf("%v of windows of %v ends at %s, want %s", c.ttl, c.window, got, c.ending)
		}
	}
}

// Caches of browsers and CDNs know an image by its URL.
func TestSignedURLsOfOneWindowAreIdentical(t *testing.T) {
	now := signClock
	backend := newSigner(t, offline(t, ending(signClock.Add(30*time.Minute))), "bucket", s3.Config{})
	s3.SetSigningClock(backend, func() time.Time { return now })
	req := dossier.SignRequest{Key: "a", TTL: time.Hour, Window: 15 * time.Minute}
	now = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	first := signOne(t, backend, req)
	now = now.Add(15*time.Minute - 1)
	if last := signOne(t, backend, req); last.URL != first.URL {
		t.Errorf("%s\n%s", first.URL, last.URL)
	}
	now = now.Add(1)
	if next := signOne(t, backend, req); next.URL == first.URL {
		t.Error("the next window has the same URL")
	}
}

// The store refuses a URL when its session token has expired, whatever the URL says.
func TestSignedURLEndsWithItsCredentials(t *testing.T) {
	ends := signClock.Add(10*time.Minute + 500*time.Millisecond)
	backend := newSigner(t, offline(t, ending(ends)), "bucket", s3.Config{})
	signed := signOne(t, backend, dossier.SignRequest{Key: "a", TTL: time.Hour})
	if !signed.NotAfter.Equal(signClock.Add(10*time.Minute)) || parameter(t, signed, "X-Amz-Expires") != "600" {
		t.Errorf("until %v: %s", signed.NotAfter, signed.URL)
	}
	form, err := backend.SignForm(t.Context(), dossier.FormRequest{Key: "a", TTL: time.Hour})
	if err != nil || !form.NotAfter.Equal(signed.NotAfter) {
		t.Errorf("a form until %v, %v", form.NotAfter, err)
	}
	short := signOne(t, backend, dossier.SignRequest{Key: "a", TTL: time.Minute})
	if !short.NotAfter.Equal(signClock.Add(time.Minute)) {
		t.Errorf("a shorter one until %v", short.NotAfter)
	}
}

// Whoever signs must learn why it cannot be done, in the terms of the module, and without secrets in the log.
func TestSigningWithoutGoodCredentials(t *testing.T) {
	broken := errors.New("no token today")
	for name, c := range map[string]struct {
		of   aws.CredentialsProvider
		want []error
	}{
		"none":      {nil, []error{dossier.ErrUnauthenticated}},
		"anonymous": {aws.AnonymousCredentials{}, []error{dossier.ErrUnauthenticated}},
		"expired":   {ending(signClock), []error{dossier.ErrUnauthenticated, dossier.ErrExpired}},
		"broken": {
			&provider{make: func() (aws.Credentials, error) { return aws.Credentials{}, broken }},
			[]error{dossier.ErrUnauthenticated, broken},
		},
	} {
		backend := newSigner(t, offline(t, c.of), "bucket", s3.Config{})
		_, err := backend.SignURLs(t.Context(), []dossier.SignRequest{{Key: "a", TTL: time.Hour}})
		_, formErr := backend.SignForm(t.Context(), dossier.FormRequest{Key: "a", TTL: time.Hour})
		for _, want := range c.want {
			if !errors.Is(err, want) || !errors.Is(formErr, want) {
				t.Errorf("%s: %v and %v, want %v", name, err, formErr, want)
			}
		}
		if text := err.Error() + formErr.Error(); strings.Contains(text, "secret") || strings.Contains(text, "ASIAEXAMPLE") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// A page that shows half of its links is worse than one that says why it shows none.
func TestSignURLsSignsAllOrNone(t *testing.T) {
	backend := newSigner(t, offline(t, permanent()), "bucket", s3.Config{})
	good := dossier.SignRequest{Key: "a", TTL: time.Hour}
	reserved := dossier.SignRequest{Method: "PUT", Key: "b", TTL: time.Hour, Metadata: map[string]string{"dossier_put_id": "x"}}
	for name, c := range map[string]struct {
		bad  dossier.SignRequest
		want error
	}{
		"a bad key":         {dossier.SignRequest{Key: "../b", TTL: time.Hour}, dossier.ErrInvalidKey},
		"too long a life":   {dossier.SignRequest{Key: "b", TTL: 7*24*time.Hour + 1}, dossier.ErrInvalid},
		"a largest length":  {dossier.SignRequest{Method: "PUT", Key: "b", TTL: time.Hour, MaxLength: 5}, errors.ErrUnsupported},
		"reserved metadata": {reserved, dossier.ErrInvalid},
	} {
		signed, err := backend.SignURLs(t.Context(), []dossier.SignRequest{good, c.bad, good})
		if !errors.Is(err, c.want) || len(signed) > 0 {
			t.Errorf("%s: %v, %v", name, signed, err)
		}
		failure := (*dossier.Error)(nil)
		if !errors.As(err, &failure) || failure.Key != c.bad.Key {
			t.Errorf("%s: the error is about %+v", name, failure)
		}
	}
	if signed, err := backend.SignURLs(t.Context(), nil); err != nil || len(signed) != 0 {
		t.Errorf("no requests: %v, %v", signed, err)
	}
}

// A binding that is dropped in silence is one that everybody relies on and nobody has.
func TestSignURLsRefusesWhatTheStoreDoesNotEnforce(t *testing.T) {
	type request = dossier.SignRequest
	without := func(capability dossier.Capabilities) s3.Config { return s3.Config{Without: capability} }
	sums := func(sums dossier.Checksums) request { return request{Method: "PUT", Expect: sums} }
	key := s3.Config{SSE: s3.Encryption{CustomerKey: make([]byte, 32)}}
	part, metadata := dossier.PartRequest{UploadID: "u", Number: 1}, map[string]string{"a": "b"}
	castagnoli, nvme, md := make([]byte, 4), make([]byte, 8), make([]byte, 16)
	for name, c := range map[string]struct {
		cfg s3.Config
		req request
	}{
		"a largest length":              {s3.Config{}, request{Method: "PUT", MaxLength: 1}},
		"two checksums":                 {s3.Config{}, sums(dossier.Checksums{CRC32C: castagnoli, CRC64NVME: nvme})},
		"checksums of a server without": {s3.Config{Checksum: s3.NoChecksum}, sums(dossier.Checksums{CRC32C: castagnoli})},
		"an unknown checksum":           {s3.Config{Checksum: s3.CRC32C}, sums(dossier.Checksums{CRC64NVME: nvme})},
		"no checksums":                  {without(dossier.BindChecksum), sums(dossier.Checksums{MD5: md})},
		"no types":                      {without(dossier.BindType), request{Method: "PUT", ContentType: "a/b"}},
		"no lengths":                    {without(dossier.BindLength), request{Method: "PUT", Length: -1}},
		"no create-only":                {without(dossier.BindIfAbsent), request{Method: "PUT", If: dossier.Condition{IfAbsent: true}}},
		"no metadata":                   {without(dossier.StoresMetadata), request{Method: "PUT", Metadata: metadata}},
		"no parts":                      {without(dossier.SignPart), request{Method: "PUT", Part: part}},
		"no GET":                        {without(dossier.SignGet), request{}},
		"no PUT":                        {without(dossier.SignPut), request{Method: "PUT"}},
		"no DELETE":                     {without(dossier.SignDelete), request{Method: "DELETE"}},
		"a GET with a customer key":     {key, request{}},
		"a HEAD with a customer key":    {key, request{Method: "HEAD"}},
		"a PUT with a customer key":     {key, request{Method: "PUT"}},
		"a part with a customer key":    {key, request{Method: "PUT", Part: part}},
	} {
		c.req.Key, c.req.TTL = "a", time.Hour
		backend := newSigner(t, offline(t, permanent()), "bucket", c.cfg)
		signed, err := backend.SignURLs(t.Context(), []request{c.req})
		if !errors.Is(err, errors.ErrUnsupported) || len(signed) > 0 {
			t.Errorf("%s: %v, %v", name, signed, err)
		}
	}
}

// Endpoints that are signed for in another way would take none of the URLs.
func TestSignURLsRefusesEndpointsItCannotSignFor(t *testing.T) {
	for bucket, c := range map[string]struct {
		region string
		want   error
	}{
		"bucket--use1-az4--x-s3":                                  {"us-east-1", errors.ErrUnsupported},
		"arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap": {"us-east-1", errors.ErrUnsupported},
		"region-of-fips":                                          {"fips-us-east-1", errors.ErrUnsupported},
		"no-region":                                               {"", dossier.ErrInvalid},
	} {
		options := offline(t, permanent())
		options.Region = c.region
		backend := newSigner(t, options, bucket, s3.Config{})
		signed, err := backend.SignURLs(t.Context(), []dossier.SignRequest{{Key: "a", TTL: time.Hour}})
		if !errors.Is(err, c.want) || len(signed) > 0 {
			t.Errorf("%s: %v, %v", bucket, signed, err)
		}
	}
}

// Browsers write host names in lower case and leave implied ports out; the signature must be of what they send.
func TestSignedHostIsWhatClientsSend(t *testing.T) {
	options := offline(t, permanent())
	options.BaseEndpoint, options.UsePathStyle = aws.String("HTTP://Store.Example:80/"), true
	backend := newSigner(t, options, "bucket", s3.Config{})
	options.BaseEndpoint = aws.String("http://store.example")
	sent := newSigner(t, options, "bucket", s3.Config{})
	req := dossier.SignRequest{Key: "a", TTL: time.Hour}
	if got, want := signOne(t, backend, req).URL, signOne(t, sent, req).URL; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Objects that are uploaded past the process must be stored like all others.
func TestSignedPutIsBoundToTheConfiguration(t *testing.T) {
	cfg := s3.Config{
		Class: "STANDARD_IA", ACL: "private", Tags: map[string]string{"a": "x y", "b": "1"},
		SSE: s3.Encryption{Algorithm: "aws:kms", KMSKeyID: "key"},
	}
	backend := newSigner(t, offline(t, permanent()), "bucket", cfg)
	signed := signOne(t, backend, dossier.SignRequest{Method: "PUT", Key: "a", TTL: time.Hour})
	for name, want := range map[string]string{
		"X-Amz-Storage-Class": "STANDARD_IA", "X-Amz-Acl": "private", "X-Amz-Tagging": "a=x+y&b=1",
		"X-Amz-Server-Side-Encryption":                "aws:kms",
		"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": "key",
	} {
		if got := signed.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
		if !strings.Contains(";"+parameter(t, signed, "X-Amz-SignedHeaders")+";", ";"+strings.ToLower(name)+";") {
			t.Errorf("%s is not signed", name)
		}
	}
	part := dossier.SignRequest{Method: "PUT", Key: "a", TTL: time.Hour, Part: dossier.PartRequest{UploadID: "u", Number: 1}}
	for _, req := range []dossier.SignRequest{part, {Key: "a", TTL: time.Hour}, {Method: "DELETE", Key: "a", TTL: time.Hour}} {
		if signed := signOne(t, backend, req); len(signed.Header) > 0 || parameter(t, signed, "X-Amz-SignedHeaders") != "host" {
			t.Errorf("%+v has the header %v", req, signed.Header)
		}
	}
}

// Ids of uploads carry the terms of CreateUpload behind the server's own id, which is what the server knows.
func TestSignedPartNamesTheUploadOfTheServer(t *testing.T) {
	backend := newSigner(t, offline(t, permanent()), "bucket", s3.Config{})
	for _, terms := range []string{"", `{"a":true,"s":10}`, `{"c":"crc32c","e":"AAAAAA=="}`} {
		id := "server-id"
		if terms != "" {
			id += "#" + base64.RawURLEncoding.EncodeToString([]byte(terms))
		}
		part := dossier.PartRequest{UploadID: id, Number: 7}
		req := dossier.SignRequest{Method: "PUT", Key: "a", TTL: time.Hour, Part: part}
		signed := signOne(t, backend, req)
		if parameter(t, signed, "uploadId") != "server-id" || parameter(t, signed, "partNumber") != "7" {
			t.Errorf("%s: %s", id, signed.URL)
		}
		// The server refuses parts with another checksum than that of their upload.
		for sum, good := range map[*dossier.Checksums]bool{
			{CRC32C: make([]byte, 4)}: strings.Contains(terms, "crc32c"), {CRC64NVME: make([]byte, 8)}: !strings.Contains(terms, "crc32c"),
			{SHA256: make([]byte, 32)}: false, {MD5: make([]byte, 16)}: true,
		} {
			req.Expect = *sum
			_, err := backend.SignURLs(t.Context(), []dossier.SignRequest{req})
			if good && err != nil || !good && !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%s with %+v: %v", id, *sum, err)
			}
		}
	}
	bad := dossier.SignRequest{Method: "PUT", Key: "a", TTL: time.Hour, Part: dossier.PartRequest{UploadID: "no id", Number: 1}}
	if _, err := backend.SignURLs(t.Context(), []dossier.SignRequest{bad}); !errors.Is(err, dossier.ErrNotExist) {
		t.Errorf("no id: %v", err)
	}
}

// A cancelled page and a closed store sign nothing.
func TestSigningStopsWhenTheStoreIsClosedOrTheContextEnds(t *testing.T) {
	backend := newSigner(t, offline(t, permanent()), "bucket", s3.Config{})
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := backend.SignURLs(ended, []dossier.SignRequest{{Key: "a", TTL: time.Hour}}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: %v", err)
	}
	if _, err := backend.SignForm(ended, dossier.FormRequest{Key: "a", TTL: time.Hour}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: %v", err)
	}
	if err := backend.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := backend.SignURLs(t.Context(), nil); !errors.Is(err, dossier.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, err := backend.SignForm(t.Context(), dossier.FormRequest{Key: "a", TTL: time.Hour}); !errors.Is(err, dossier.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// Credentials change and days end while pages are served; each URL must be signed with a key and a scope that belong together.
func TestSigningWhileCredentialsAndDaysChange(t *testing.T) {
	var tick atomic.Int64
	changing := func() (aws.Credentials, error) {
		name := string(rune('A' + tick.Load()/50%3))
		return aws.Credentials{AccessKeyID: "AKID" + name, SecretAccessKey: "secret" + name}, nil
	}
	backend := newSigner(t, offline(t, &provider{make: changing}), "bucket", s3.Config{})
	s3.SetSigningClock(backend, func() time.Time { return signClock.Add(time.Duration(tick.Add(1)%5) * time.Second) })
	var all sync.Map
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 500 {
				all.Store(signOne(t, backend, dossier.SignRequest{Key: "a", TTL: time.Hour}).URL, true)
			}
		})
	}
	group.Wait()
	want := map[string]bool{}
	for _, name := range []string{"A", "B", "C"} {
		for seconds := range 5 {
			of := credentials.NewStaticCredentialsProvider("AKID"+name, "secret"+name, "")
			fresh := newSigner(t, offline(t, of), "bucket", s3.Config{})
			s3.SetSigningClock(fresh, func() time.Time { return signClock.Add(time.Duration(seconds) * time.Second) })
			want[signOne(t, fresh, dossier.SignRequest{Key: "a", TTL: time.Hour}).URL] = true
		}
	}
	for found := range all.Range {
		if address, _ := found.(string); !want[address] {
			t.Errorf("signed with what never belonged together: %s", address)
		}
	}
}
