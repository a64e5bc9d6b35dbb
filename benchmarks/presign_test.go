package benchmarks

import (
	"context"
	"encoding/base64"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"google.golang.org/api/option"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/azure"
	"github.com/dossier-go/dossier/backends/gcs"
	"github.com/dossier-go/dossier/backends/s3"
)

// presignedKey is a key as key templates make it.
const presignedKey = "documents/file/0198c0de-7b3a-7c11-9f00-3c5d2e1a4b6f.pdf"

func presignClient() *awss3.Client {
	return awss3.New(awss3.Options{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG", ""),
	})
}

func presignS3(b *testing.B) *s3.Backend {
	b.Helper()
	store, err := s3.New(presignClient(), "bucket", s3.Config{})
	if err != nil {
		b.Fatal(err)
	}
	return store
}

func presignGCS(b *testing.B) *gcs.Backend {
	b.Helper()
	client, err := storage.NewClient(b.Context(), option.WithoutAuthentication())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = client.Close() }) // nothing was sent
	store, err := gcs.New(client, "bucket", gcs.Config{HMAC: gcs.HMACKey{AccessID: "GOOGEXAMPLE", Secret: "wJalrXUtnFEMI"}})
	if err != nil {
		b.Fatal(err)
	}
	return store
}

func presignAzure(b *testing.B) *azure.Backend {
	b.Helper()
	key, err := container.NewSharedKeyCredential("account", base64.StdEncoding.EncodeToString(make([]byte, 64)))
	if err != nil {
		b.Fatal(err)
	}
	client, err := container.NewClientWithSharedKeyCredential("https://account.blob.core.windows.net/bucket", key, nil)
	if err != nil {
		b.Fatal(err)
	}
	store, err := azure.New(client, azure.Config{SharedKey: key})
	if err != nil {
		b.Fatal(err)
	}
	return store
}

// downloads are requests for links of one page.
func downloads(count int) []dossier.SignRequest {
	reqs := make([]dossier.SignRequest, count)
	for i := range reqs {
		reqs[i] = dossier.SignRequest{Key: presignedKey, TTL: 15 * time.Minute}
	}
	return reqs
}

func signs(b *testing.B, store dossier.URLSigner, reqs []dossier.SignRequest) func() error {
	b.Helper()
	ctx := b.Context()
	return func() error {
		_, err := store.SignURLs(ctx, reqs)
		return err
	}
}

// repeated does it often enough to be timed.
func repeated(times int, do func() error) func() error {
	return func() error {
		for range times {
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	}
}

func timed(b *testing.B, do func() error) time.Duration {
	b.Helper()
	start := time.Now()
	if err := do(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// reportAllocations reports those of one call.
func reportAllocations(b *testing.B, metric string, do func() error) {
	b.Helper()
	b.ReportMetric(testing.AllocsPerRun(100, func() { _ = do() }), metric)
}

// One download link of S3 beside the PresignClient of the SDK. The metric x-faster is how many of ours take the time of one of
// the SDK; the budget is at least 20.
func BenchmarkPresignS3(b *testing.B) {
	presign := awss3.NewPresignClient(presignClient(), awss3.WithPresignExpires(15*time.Minute))
	input := &awss3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String(presignedKey)}
	ctx := context.Background()
	theirs := func() error {
		_, err := presign.PresignGetObject(ctx, input)
		return err
	}
	ours := signs(b, presignS3(b), downloads(1))
	const few, many = 50, 1000 // of equal length, so that other processes disturb both alike
	var reference, mine []time.Duration
	for b.Loop() {
		reference = append(reference, timed(b, repeated(few, theirs)))
		mine = append(mine, timed(b, repeated(many, ours)))
	}
	theirTime, ourTime := float64(median(reference))/few, float64(median(mine))/many
	b.ReportMetric(theirTime/ourTime, "x-faster")
	b.ReportMetric(theirTime, "ns-SDK")
	b.ReportMetric(ourTime, "ns-ours")
	reportAllocations(b, "allocs-ours", ours)
	reportAllocations(b, "allocs-SDK", theirs)
}

// One download link of S3 alone, for its time.
func BenchmarkPresignS3Alone(b *testing.B) {
	ours := signs(b, presignS3(b), downloads(1))
	b.ReportAllocs()
	for b.Loop() {
		if err := ours(); err != nil {
			b.Fatal(err)
		}
	}
}

// A page of 100 links in one call, beside 100 calls. The metric x-single is its time as a multiple of theirs; the budget is 1.
func BenchmarkPresignPage(b *testing.B) {
	store := presignS3(b)
	compare(b, "x-single", signs(b, store, downloads(100)), repeated(100, signs(b, store, downloads(1))))
	reportAllocations(b, "allocs-page", signs(b, store, downloads(100)))
}

// One download link of Google Cloud Storage with an HMAC key beside one of S3. The metric x-S3 is its time as a multiple; the
// budget is at most 3.
func BenchmarkPresignGCS(b *testing.B) {
	ours := signs(b, presignGCS(b), downloads(1))
	compare(b, "x-S3", repeated(100, ours), repeated(100, signs(b, presignS3(b), downloads(1))))
	reportAllocations(b, "allocs-GCS", ours)
}

// One download link of Azure with the account's key beside one of S3. The metric x-S3 is its time as a multiple; the budget is
// at most 3.
func BenchmarkPresignAzure(b *testing.B) {
	ours := signs(b, presignAzure(b), downloads(1))
	compare(b, "x-S3", repeated(100, ours), repeated(100, signs(b, presignS3(b), downloads(1))))
	reportAllocations(b, "allocs-Azure", ours)
}
