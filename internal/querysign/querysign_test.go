package querysign_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dossier-go/dossier/internal/querysign"
)

func documented() (querysign.Credentials, querysign.Request) {
	return querysign.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
		querysign.Request{
			Method: "GET", URLScheme: "https", Host: "examplebucket.s3.amazonaws.com", Path: "/test.txt",
			Time: time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC), Expires: 24 * time.Hour,
		}
}

// The example of "Authenticating Requests: Using Query Parameters" in Amazon's documentation.
func TestURLIsTheOneOfAmazonsDocumentation(t *testing.T) {
	cred, request := documented()
	want := "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256" +
		"&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
		"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
		"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
	signer := querysign.New(querysign.AWS(), "us-east-1")
	for range 2 { // the second with the kept key
		if got := signer.URL(cred, request); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// The example of "Browser-Based Upload using HTTP POST" in Amazon's documentation.
func TestPolicyIsSignedAsInAmazonsDocumentation(t *testing.T) {
	const policy = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJz" +
		"aWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMt" +
		"cmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1" +
		"Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1t" +
		"ZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJz" +
		"dGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUv" +
		"MjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAg" +
		"ICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9"
	cred, _ := documented()
	signer := querysign.New(querysign.AWS(), "us-east-1")
	day := time.Date(2015, 12, 29, 0, 0, 0, 0, time.UTC)
	const want = "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
	if got := signer.Policy(cred, day, policy); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := signer.Scope(day), "20151229/us-east-1/s3/aws4_request"; got != want {
		t.Errorf("scope %s, want %s", got, want)
	}
}

// full has everything that is signed.
func full() (querysign.Credentials, querysign.Request) {
	cred, request := documented()
	cred.SessionToken = "token/+="
	request.Method = "PUT"
	request.Query = []querysign.Pair{
		{Name: "uploadId", Value: "id/+ ="}, {Name: "partNumber", Value: "7"}, {Name: "a", Value: "2"}, {Name: "a", Value: "1"},
	}
	request.Header = []querysign.Pair{
		{Name: "x-amz-meta-a", Value: "b c"}, {Name: "Content-Type", Value: "text/plain"}, {Name: "content-length", Value: "3"},
	}
	return cred, request
}

func signatureOf(cred querysign.Credentials, request querysign.Request, region string) string {
	_, signature, _ := strings.Cut(querysign.New(querysign.AWS(), region).URL(cred, request), "&X-Amz-Signature=")
	return signature
}

// flipped yields text with one bit of each of its bytes changed.
func flipped(text string, yield func(string)) {
	for i := range len(text) {
		changed := []byte(text)
		changed[i] ^= 1
		yield(string(changed))
	}
}

// What does not change the signature is not signed, and can be changed by whoever holds the URL.
func TestEveryByteIsUnderTheSignature(t *testing.T) {
	cred, request := full()
	seen := map[string]string{signatureOf(cred, request, "us-east-1"): "the original"}
	differs := func(what string, cred querysign.Credentials, request querysign.Request, region string) {
		t.Helper()
		signature := signatureOf(cred, request, region)
		if other, known := seen[signature]; known {
			t.Errorf("%s has the signature of %s", what, other)
		}
		seen[signature] = what
	}
	for name, field := range map[string]func(*querysign.Credentials, *querysign.Request, *string) *string{
		"method":       func(_ *querysign.Credentials, r *querysign.Request, _ *string) *string { return &r.Method },
		"host":         func(_ *querysign.Credentials, r *querysign.Request, _ *string) *string { return &r.Host },
		"path":         func(_ *querysign.Credentials, r *querysign.Request, _ *string) *string { return &r.Path },
		"query name":   func(_ *querysign.Credentials, r *querysign.Request, _ *string) *string { return &r.Query[0].Name },
		"query value":  func(_ *querysign.Credentials, r *querysign.Request, _ *string) *string { return &r.Query[0].Value },
		"last value":   func(_ *querysign.Credentials, r *querysign.Request, _ *string) *string { return &r.Query[3].Value },
		"header name":  func(_ *querysign.Credentials, r *querysign.Request, _ *string) *string { return &r.Header[0].Name },
		"header value": func(_ *querysign.Credentials, r *querysign.Request, _ *string) *string { return &r.Header[0].Value },
		"last header":  func(_ *querysign.Credentials, r *querysign.Request, _ *string) *string { return &r.Header[2].Value },
		"access key":   func(c *querysign.Credentials, _ *querysign.Request, _ *string) *string { return &c.AccessKeyID },
		"secret":       func(c *querysign.Credentials, _ *querysign.Request, _ *string) *string { return &c.Secret },
		"token":        func(c *querysign.Credentials, _ *querysign.Request, _ *string) *string { return &c.SessionToken },
		"region":       func(_ *querysign.Credentials, _ *querysign.Request, region *string) *string { return region },
	} {
		cred, request := full()
		region := "us-east-1"
		flipped(*field(&cred, &request, &region), func(changed string) {
			cred, request := full()
			region := "us-east-1"
			*field(&cred, &request, &region) = changed
			differs(name+" "+changed, cred, request, region)
		})
	}
	request.Time = request.Time.Add(time.Second)
	differs("another second", cred, request, "us-east-1")
	request.Time = request.Time.Add(24 * time.Hour)
	differs("another day", cred, request, "us-east-1")
	request.Expires += time.Second
	differs("another life", cred, request, "us-east-1")
	request.Header = request.Header[:2]
	differs("a header field less", cred, request, "us-east-1")
}

// The order in which a caller lists things is chance, and URLs of one window must be identical.
func TestURLDoesNotDependOnOrderOrCase(t *testing.T) {
	cred, request := full()
	signer := querysign.New(querysign.AWS(), "us-east-1")
	want := signer.URL(cred, request)
	for i := range 3 {
		for j := range request.Query {
			other := request
			other.Query = append(append([]querysign.Pair{}, request.Query[j:]...), request.Query[:j]...)
			other.Header = append(append([]querysign.Pair{}, request.Header[i:]...), request.Header[:i]...)
			for n := range other.Header {
				other.Header[n].Name = strings.ToUpper(other.Header[n].Name)
				other.Header[n].Value = "  " + strings.ReplaceAll(other.Header[n].Value, " ", "   ") + " "
			}
			other.Time = other.Time.In(time.FixedZone("", 9*3600))
			if got := signer.URL(cred, other); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		}
	}
}

// Clients leave the implied port out of the Host field; with it, the signature would be of another host.
func TestImpliedPortIsLeftOut(t *testing.T) {
	cred, request := documented()
	signer := querysign.New(querysign.AWS(), "us-east-1")
	for _, c := range []struct{ scheme, host, want string }{
		{"https", "a.example:443", "https://a.example/"},
		{"http", "a.example:80", "http://a.example/"},
		{"https", "a.example:80", "https://a.example:80/"},
		{"http", "a.example:443", "http://a.example:443/"},
		{"http", "[::80]", "http://[::80]/"},
		{"http", "[::1]:80", "http://[::1]/"},
	} {
		request.URLScheme, request.Host = c.scheme, c.host
		got := signer.URL(cred, request)
		bare := request
		bare.Host = strings.TrimSuffix(strings.TrimPrefix(c.want, c.scheme+"://"), "/")
		if want := signer.URL(cred, bare); !strings.HasPrefix(got, c.want) || got != want {
			t.Errorf("%s://%s: %s, want %s", c.scheme, c.host, got, want)
		}
	}
}

// Fractions must not cut a life short, nor disturb the format.
func TestFractionsOfSeconds(t *testing.T) {
	cred, request := documented()
	request.Time, request.Expires = request.Time.Add(999*time.Millisecond), 59*time.Second+1
	got := querysign.New(querysign.AWS(), "us-east-1").URL(cred, request)
	if !strings.Contains(got, "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=60&") {
		t.Error(got)
	}
}

// Keys are kept by day and by all of the credentials: a rotated secret keeps its access key in some systems.
func TestKeptKeysBelongToOneDayAndOneSetOfCredentials(t *testing.T) {
	signer := querysign.New(querysign.AWS(), "us-east-1")
	cred, request := full()
	midnight := request.Time.Add(24 * time.Hour)
	type variant struct {
		cred querysign.Credentials
		time time.Time
	}
	var variants []variant
	for _, at := range []time.Time{
		midnight.Add(-1), midnight, midnight.Add(24*time.Hour - 1), midnight.Add(24 * time.Hour), time.Unix(-1, 0), time.Unix(0, 0),
	} {
		for _, change := range []func(*querysign.Credentials){
			func(*querysign.Credentials) {},
			func(c *querysign.Credentials) { c.Secret = "other" },
			func(c *querysign.Credentials) { c.SessionToken = "" },
			func(c *querysign.Credentials) { c.AccessKeyID = "other" },
		} {
			changed := cred
			change(&changed)
			variants = append(variants, variant{changed, at})
		}
	}
	want := make([]string, len(variants))
	for i, v := range variants {
		request := request
		request.Time = v.time
		want[i] = querysign.New(querysign.AWS(), "us-east-1").URL(v.cred, request)
	}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for n := range 40 * len(variants) {
				i := (n*7 + worker) % len(variants)
				request := request
				request.Time = variants[i].time
				if got := signer.URL(variants[i].cred, request); got != want[i] {
					t.Errorf("got  %s\nwant %s", got, want[i])
					return
				}
			}
		})
	}
	group.Wait()
}

// Secrets must not get into logs by way of a format verb.
func TestCredentialsHideTheirSecrets(t *testing.T) {
	cred := querysign.Credentials{AccessKeyID: "AKID", Secret: "hidden", SessionToken: "hidden too"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, cred); strings.Contains(text, "hidden") || !strings.Contains(text, "AKID") {
			t.Errorf("%s: %s", format, text)
		}
	}
}
