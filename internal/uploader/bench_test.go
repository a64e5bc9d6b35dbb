package uploader_test

import (
	"context"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dossier-go/dossier/internal/crc"
	"github.com/dossier-go/dossier/internal/uploader"
)

// BenchmarkUploads makes 50 uploads of 20 MiB at once from streams, with a budget of 64 MiB. heap-MiB is the largest
// heap that was seen; without a common budget it would be 50 times the parts of an upload.
func BenchmarkUploads(b *testing.B) {
	const uploads, size = 50, 20 << 20
	pool := uploader.NewPool(64<<20, 8<<20)
	b.SetBytes(uploads * size)
	runtime.GC()
	peak := watchHeap(b)
	for b.Loop() {
		var running sync.WaitGroup
		for range uploads {
			running.Go(func() {
				source := uploader.Source{Reader: io.LimitReader(zeros{}, size), Size: -1}
				if err := uploader.Upload(b.Context(), pool, uploader.Plan{}, source, sink{}); err != nil {
					b.Error(err)
				}
			})
		}
		running.Wait()
	}
	b.ReportMetric(float64(peak())/(1<<20), "heap-MiB")
}

// BenchmarkSmallUpload is what an upload of 1 KiB costs beside its request.
func BenchmarkSmallUpload(b *testing.B) {
	pool := uploader.NewPool(0, 0)
	b.ReportAllocs()
	for b.Loop() {
		source := uploader.Source{Reader: io.LimitReader(zeros{}, 1<<10), Size: 1 << 10}
		if err := uploader.Upload(b.Context(), pool, uploader.Plan{}, source, sink{}); err != nil {
			b.Fatal(err)
		}
	}
}

// watchHeap samples the heap until the function it returns is called, which returns the largest.
func watchHeap(b *testing.B) func() uint64 {
	b.Helper()
	var peak atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for {
			var memory runtime.MemStats
			runtime.ReadMemStats(&memory)
			peak.Store(max(peak.Load(), memory.HeapInuse))
			select {
			case <-stop:
				return
			case <-ticker.C:
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-stopped
		return peak.Load()
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// sink reads what it is sent, as a connection does, and keeps nothing.
type sink struct{}

func (sink) PutWhole(_ context.Context, body *uploader.Body) error    { return drain(body) }
func (sink) Begin(context.Context) error                              { return nil }
func (sink) PutPart(_ context.Context, _ int, b *uploader.Body) error { return drain(b) }
func (sink) Complete(context.Context, crc.Sums, int) error            { return nil }
func (sink) Abort(context.Context) error                              { return nil }

func drain(body *uploader.Body) error {
	buffer := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buffer)
	for {
		if _, err := body.Read(*buffer); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// copyBuffers are like those of net/http.
var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}
