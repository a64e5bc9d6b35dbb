package benchmarks

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/s3"
)

// The load of the benchmark: so many uploads at once, each of so many bytes whose number nobody knows beforehand.
const (
	uploadsAtOnce = 50
	uploadSize    = 20 << 20
)

// bucket is the client and the bucket of the server that DOSSIER_TEST_S3 names; scripts/servers starts one.
func bucket(b *testing.B) (*awss3.Client, string) {
	b.Helper()
	storeURL := os.Getenv("DOSSIER_TEST_S3")
	if storeURL == "" {
		b.Skip("server: DOSSIER_TEST_S3 is not set; scripts/servers starts one")
	}
	u, err := url.Parse(storeURL)
	if err != nil {
		b.Fatal(err)
	}
	return awss3.New(awss3.Options{
		Region: u.Query().Get("region"), BaseEndpoint: aws.String(u.Query().Get("endpoint")), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
	}), u.Host
}

// stream is an io.Reader and nothing else.
type stream struct{ left int }

func (s *stream) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), s.left)
	s.left -= n
	return n, nil // whatever was in p: making content is not what is measured
}

// Fifty uploads at once of 20 MiB from readers that cannot seek, to one S3 server: dossier, the SDK's transfer manager and
// gocloud.dev/blob, in turn. Metrics: MB/s, x-best (throughput as a multiple of the better of the two others; the budget is
// at least 0.95), and the peak of the heap in MiB (the budget is at most 100 for ours) and all that was allocated.
func BenchmarkUploads(b *testing.B) {
	client, name := bucket(b)
	store, err := s3.New(client, name, s3.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	manager := transfermanager.New(client)
	theirs, err := s3blob.OpenBucket(b.Context(), client, name, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer theirs.Close()
	runs := []*uploads{
		{name: "dossier", put: func(ctx context.Context, key string, r io.Reader) error {
			_, err := store.Put(ctx, key, dossier.ReaderSource(r, -1), dossier.PutOptions{})
			return err
		}},
		{name: "transfermanager", put: func(ctx context.Context, key string, r io.Reader) error {
			_, err := manager.UploadObject(ctx, &transfermanager.UploadObjectInput{Bucket: &name, Key: &key, Body: r})
			return err
		}},
		{name: "gocloud", put: func(ctx context.Context, key string, r io.Reader) error {
			return theirs.Upload(ctx, key, r, &blob.WriterOptions{ContentType: "application/octet-stream"})
		}},
	}
	for i := 0; b.Loop(); i++ {
		for j := range runs {
			runs[(i+j)%len(runs)].run(b)
		}
	}
	best := min(median(runs[1].times), median(runs[2].times))
	b.ReportMetric(float64(best)/float64(median(runs[0].times)), "x-best")
	for _, r := range runs {
		r.report(b)
	}
}

// uploads are those of one library.
type uploads struct {
	name      string
	put       func(ctx context.Context, key string, r io.Reader) error
	times     []time.Duration
	peak      uint64 // of the heap in bytes
	allocated uint64 // in bytes, by all runs
}

func (u *uploads) run(b *testing.B) {
	b.Helper()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	stop := u.watchHeap()
	start := time.Now()
	var group sync.WaitGroup
	for i := range uploadsAtOnce {
		group.Go(func() {
			if err := u.put(b.Context(), fmt.Sprintf("benchmark/%s/%d", u.name, i), &stream{uploadSize}); err != nil {
				b.Error(err)
			}
		})
	}
	group.Wait()
	u.times = append(u.times, time.Since(start))
	stop()
	runtime.ReadMemStats(&after)
	u.allocated += after.TotalAlloc - before.TotalAlloc
}

// watchHeap samples the heap until it is stopped.
func (u *uploads) watchHeap() (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for {
			metrics.Read(sample)
			u.peak = max(u.peak, sample[0].Value.Uint64())
			select {
			case <-ticker.C:
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

func (u *uploads) report(b *testing.B) {
	b.Helper()
	total := float64(uploadsAtOnce*uploadSize) / (1 << 20)
	b.ReportMetric(total/median(u.times).Seconds(), u.name+"-MiB/s")
	b.ReportMetric(float64(u.peak)/(1<<20), u.name+"-peak-MiB")
	b.ReportMetric(float64(u.allocated)/float64(len(u.times))/(1<<20), u.name+"-allocated-MiB")
}
