package s3_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/s3"
)

// signClock is when tests sign.
var signClock = time.Date(2026, 2, 28, 23, 59, 58, 0, time.UTC)

// fixedPresigner is the SDK's signer at signClock.
type fixedPresigner struct{ signer *v4.Signer }

func (p fixedPresigner) PresignHTTP(
	ctx context.Context, cred aws.Credentials, r *http.Request, hash, service, region string, _ time.Time,
	options ...func(*v4.SignerOptions),
) (string, http.Header, error) {
	return p.signer.PresignHTTP(ctx, cred, r, hash, service, region, signClock, options...)
}

// endpoints are all ways to reach a bucket that can be signed for.
func endpoints() map[string]struct {
	bucket  string
	options awss3.Options
} {
	permanent := credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret/with+signs=", "")
	token := "token/with+signs=&more//" + strings.Repeat("x", 500)
	temporary := credentials.NewStaticCredentialsProvider("ASIAEXAMPLE", "secret", token)
	at := func(address string, pathStyle bool) awss3.Options {
		return awss3.Options{Region: "auto", BaseEndpoint: &address, UsePathStyle: pathStyle, Credentials: permanent}
	}
	type endpoint = struct {
		bucket  string
		options awss3.Options
	}
	dual := awss3.EndpointResolverOptions{UseDualStackEndpoint: aws.DualStackEndpointStateEnabled}
	fips := awss3.EndpointResolverOptions{UseFIPSEndpoint: aws.FIPSEndpointStateEnabled}
	return map[string]endpoint{
		"virtual host":        {"bucket", awss3.Options{Region: "eu-west-1", Credentials: permanent}},
		"session token":       {"bucket", awss3.Options{Region: "us-east-1", Credentials: temporary}},
		"dots in the bucket":  {"my.bucket.example", awss3.Options{Region: "us-east-1", Credentials: permanent}},
		"path style":          {"bucket", awss3.Options{Region: "us-east-1", UsePathStyle: true, Credentials: permanent}},
		"accelerated":         {"bucket", awss3.Options{Region: "us-east-1", UseAccelerate: true, Credentials: permanent}},
		"dual stack":          {"bucket", awss3.Options{Region: "us-east-1", EndpointOptions: dual, Credentials: permanent}},
		"FIPS":                {"bucket", awss3.Options{Region: "us-east-1", EndpointOptions: fips, Credentials: permanent}},
		"China":               {"bucket", awss3.Options{Region: "cn-north-1", Credentials: permanent}},
		"port, path style":    {"bucket", at("http://127.0.0.1:9000", true)},
		"port, IPv6":          {"bucket", at("http://[::1]:9000", true)},
		"port, virtual host":  {"bucket", at("https://store.example:9000", false)},
		"path below an host":  {"bucket", at("https://store.example/base/s3", true)},
		"slash behind a path": {"bucket", at("https://store.example/base/", true)},
		"access point": {
			"arn:aws:s3:us-west-2:123456789012:accesspoint/point", awss3.Options{Region: "us-west-2", Credentials: permanent},
		},
	}
}

// presigned is what the SDK makes of the same request.
func presigned(t *testing.T, client *awss3.Client, bucket string, req dossier.SignRequest) (string, http.Header) {
	t.Helper()
	presign := awss3.NewPresignClient(client, awss3.WithPresignExpires(req.TTL), func(o *awss3.PresignOptions) {
		o.Presigner = fixedPresigner{v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })}
	})
	var made *v4.PresignedHTTPRequest
	var err error
	switch {
	case req.Part != dossier.PartRequest{}:
		made, err = presign.PresignUploadPart(t.Context(), partInput(bucket, req))
	case req.Method == "PUT":
		made, err = presign.PresignPutObject(t.Context(), putInput(bucket, req))
	case req.Method == "HEAD":
		made, err = presign.PresignHeadObject(t.Context(), &awss3.HeadObjectInput{
			Bucket: &bucket, Key: &req.Key, ResponseContentType: text(req.Respond.ContentType),
			ResponseContentDisposition: text(req.Respond.ContentDisposition), ResponseCacheControl: text(req.Respond.CacheControl),
			ResponseContentLanguage: text(req.Respond.ContentLanguage), ResponseContentEncoding: text(req.Respond.ContentEncoding),
		})
	case req.Method == "DELETE":
		made, err = presign.PresignDeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: &bucket, Key: &req.Key})
	default:
		made, err = presign.PresignGetObject(t.Context(), &awss3.GetObjectInput{
			Bucket: &bucket, Key: &req.Key, ResponseContentType: text(req.Respond.ContentType),
			ResponseContentDisposition: text(req.Respond.ContentDisposition), ResponseCacheControl: text(req.Respond.CacheControl),
			ResponseContentLanguage: text(req.Respond.ContentLanguage), ResponseContentEncoding: text(req.Respond.ContentEncoding),
		})
	}
	if err != nil {
		t.Fatalf("the SDK signs %+v: %v", req, err)
	}
	return made.URL, made.SignedHeader
}

func text(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

func sum(value []byte) *string {
	if value == nil {
		return nil
	}
	return aws.String(base64.StdEncoding.EncodeToString(value))
}

func length(req dossier.SignRequest) *int64 {
	if req.Length == 0 {
		return nil
	}
	return &req.Length
}

func putInput(bucket string, req dossier.SignRequest) *awss3.PutObjectInput {
	input := &awss3.PutObjectInput{
		Bucket: &bucket, Key: &req.Key, ContentType: text(req.ContentType), ContentLength: length(req), Metadata: req.Metadata,
		ContentMD5: sum(req.Expect.MD5), ChecksumCRC32C: sum(req.Expect.CRC32C), ChecksumCRC64NVME: sum(req.Expect.CRC64NVME),
		ChecksumSHA256: sum(req.Expect.SHA256),
	}
	if req.If.IfAbsent {
		input.IfNoneMatch = aws.String("*")
	}
	return input
}

func partInput(bucket string, req dossier.SignRequest) *awss3.UploadPartInput {
	return &awss3.UploadPartInput{
		Bucket: &bucket, Key: &req.Key, PartNumber: aws.Int32(int32(req.Part.Number)), UploadId: &req.Part.UploadID,
		ContentLength: length(req),
		ContentMD5:    sum(req.Expect.MD5), ChecksumCRC32C: sum(req.Expect.CRC32C), ChecksumCRC64NVME: sum(req.Expect.CRC64NVME),
		ChecksumSHA256: sum(req.Expect.SHA256),
	}
}

// oddities are what goes wrong in URLs, headers and canonical requests.
var oddities = []string{
	"a", "b", "Z", "0", "-", "_", ".", "~", " ", "+", "%", "%2F", "&", "=", "?", "#", ";", ":",
	"'", "\"", "(", ")", "*", "!", "$", "@", ",",
	"<", ">", "[", "]", "{", "}", "|", "^", "`", "ü", "é", "漢", "\U0001F600", "%zz", "%41", "x-id", "..a",
}

// uploadIDs are what ids of uploads are made of.
var uploadIDs = []string{"a", "Z", "0", "-", "_", ".a", "~", "+", "%2F", "%", "&", "=", ":", "!", "*", "'", "("}

func oddText(r *rand.Rand, of []string) string {
	var b strings.Builder
	for range 1 + r.IntN(12) {
		b.WriteString(of[r.IntN(len(of))])
	}
	return b.String()
}

func oddKey(r *rand.Rand) string {
	segments := make([]string, 1+r.IntN(4))
	for i := range segments {
		segments[i] = "k" + oddText(r, oddities) + "k"
	}
	return strings.Join(segments, "/")
}

func bytesOf(r *rand.Rand, length int) []byte {
	made := make([]byte, length)
	for i := range made {
		made[i] = byte(r.Uint32())
	}
	return made
}

// oddRequest is a request with a random choice of bindings.
func oddRequest(r *rand.Rand) dossier.SignRequest {
	visible := oddities[:36]
	maybe := func() bool { return r.IntN(2) == 0 }
	req := dossier.SignRequest{
		Method: []string{"", "GET", "HEAD", "PUT", "PUT", "DELETE"}[r.IntN(6)], Key: oddKey(r),
		TTL: time.Duration(1+r.IntN(7*86400)) * time.Second,
	}
	if req.Method == "PUT" && maybe() {
		req.Part = dossier.PartRequest{UploadID: oddText(r, uploadIDs), Number: 1 + r.IntN(10_000)}
	}
	object := req.Method == "PUT" && req.Part == dossier.PartRequest{}
	if object && maybe() {
		req.ContentType = []string{"text/plain; charset=utf-8", "image/png", `a/b; c="d  e"`}[r.IntN(3)]
	}
	if object && maybe() {
		req.If.IfAbsent = true
	}
	if object && maybe() {
		single := strings.Join(strings.Fields(oddText(r, visible)), " ")
		req.Metadata = map[string]string{"a": "x" + strings.ReplaceAll(single, "=?", "="), "a_b": "u v", "a2": "y"}
	}
	if req.Method == "PUT" && maybe() {
		req.Length = 1 + r.Int64N(5<<30)
	}
	if req.Method == "PUT" {
		switch kind := r.IntN(6); {
		case kind == 0:
			req.Expect.CRC64NVME = bytesOf(r, 8)
		case kind == 1:
			req.Expect.MD5 = bytesOf(r, 16)
		case kind == 2 && object:
			req.Expect.CRC32C = bytesOf(r, 4)
		case kind == 3 && object:
			req.Expect.SHA256, req.Expect.MD5 = bytesOf(r, 32), bytesOf(r, 16)
		}
	}
	if (req.Method == "" || req.Method == "GET" || req.Method == "HEAD") && maybe() {
		req.Respond = dossier.Header{
			ContentType: "text/plain", ContentDisposition: oddText(r, visible), CacheControl: "private, max-age=60", ContentLanguage: "de",
		}
	}
	return req
}

// newSigner is a backend whose clock stands.
func newSigner(t testing.TB, options awss3.Options, bucket string, cfg s3.Config) *s3.Backend {
	t.Helper()
	backend, err := s3.New(awss3.New(options), bucket, cfg)
	if err != nil {
		t.Fatal(err)
	}
	s3.SetSigningClock(backend, func() time.Time { return signClock })
	return backend
}

// Whoever changes from the SDK to this package must get URLs that every server took before: they are the same, byte for
// byte, for any key, binding and endpoint.
func TestSignedURLsAreThoseOfTheSDK(t *testing.T) {
	for name, endpoint := range endpoints() {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			client := awss3.New(endpoint.options)
			backend := newSigner(t, endpoint.options, endpoint.bucket, s3.Config{})
			for range 1_000 / 10 {
				var reqs []dossier.SignRequest
				for range 10 {
					reqs = append(reqs, oddRequest(r))
				}
				signed, err := backend.SignURLs(t.Context(), reqs)
				if err != nil {
					t.Fatal(err)
				}
				for i, got := range signed {
					want, header := presigned(t, client, endpoint.bucket, reqs[i])
					if got.URL != want {
						t.Fatalf("%+v\ngot  %s\nwant %s", reqs[i], got.URL, want)
					}
					header.Del("Host")
					if fmt.Sprint(got.Header) != fmt.Sprint(header) {
						t.Fatalf("%+v\ngot  %v\nwant %v", reqs[i], got.Header, header)
					}
				}
			}
		})
	}
}
