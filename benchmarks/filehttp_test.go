package benchmarks

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/filehttp"
	"github.com/dossier-go/dossier/fileobject"
)

// A file of a local store through filehttp.Handler, and the same file through http.FileServer, in turn over one
// connection each. The metric x-FileServer is the throughput as a multiple of that of http.FileServer; the budget is at
// least 0.95. MB/s counts both.
func BenchmarkServeLocalFile(b *testing.B) {
	for _, size := range []int64{16 << 10, 1 << 20, 64 << 20} {
		folder := b.TempDir()
		file := storeFile(b, folder, size)
		ours := serve(b, filehttp.NewHandler(filehttp.Config{
			Lookup: func(*http.Request) (*fileobject.FileObject, error) { return file, nil },
		}))
		plain := serve(b, http.FileServer(http.Dir(folder))) + "/" + file.Key
		for _, field := range []string{"", "bytes=-10"} {
			b.Run(fmt.Sprintf("%dKiB/%s", size>>10, cmp.Or(field, "whole")), func(b *testing.B) {
				compareDownloads(b, ours, plain, field)
				if field == "" {
					b.SetBytes(2 * size)
				}
			})
		}
	}
}

// compareDownloads fetches both in turn and reports the ratio of the medians, which other load on the machine disturbs
// less than sums.
func compareDownloads(b *testing.B, ours, plain, field string) {
	b.ReportAllocs()
	var mine, reference []time.Duration
	for i := 0; b.Loop(); i++ {
		if i%2 == 0 { // what comes second may find caches warm
			reference = append(reference, download(b, plain, field))
		}
		mine = append(mine, download(b, ours, field))
		if i%2 == 1 {
			reference = append(reference, download(b, plain, field))
		}
	}
	slices.Sort(mine)
	slices.Sort(reference)
	b.ReportMetric(float64(reference[len(reference)/2])/float64(mine[len(mine)/2]), "x-FileServer")
}

// storeFile puts a file of zeros into a local store and returns the row that describes it.
func storeFile(b *testing.B, folder string, size int64) *fileobject.FileObject {
	b.Helper()
	source := filepath.Join(b.TempDir(), "source")
	if err := os.WriteFile(source, nil, 0o600); err != nil {
		b.Fatal(err)
	}
	if err := os.Truncate(source, size); err != nil {
		b.Fatal(err)
	}
	store, err := local.New(folder, local.Config{Durability: local.Fast})
	if err != nil {
		b.Fatal(err)
	}
	info, err := store.Put(b.Context(), "file.bin", dossier.FileSource(source), dossier.PutOptions{})
	if err != nil {
		b.Fatal(err)
	}
	registry := &dossier.Registry{}
	if err := registry.Register("files", store); err != nil {
		b.Fatal(err)
	}
	return (&fileobject.FileObject{Record: dossier.Record{
		Backend: "files", Key: info.Key, Filename: "file.bin", ContentType: "application/octet-stream", Size: size,
		LastModified: info.ModTime, Checksum: fmt.Sprintf("crc32c:%x", info.Checksums.CRC32C),
	}}).Bind(registry)
}

func serve(b *testing.B, h http.Handler) string {
	b.Helper()
	server := httptest.NewServer(h)
	b.Cleanup(server.Close)
	return server.URL
}

// download fetches a URL and returns how long it took.
func download(b *testing.B, target, field string) time.Duration {
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, target, nil)
	if err != nil {
		b.Fatal(err)
	}
	if field != "" {
		r.Header.Set("Range", field)
	}
	start := time.Now()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode >= 300 {
		b.Fatal(response.Status, err)
	}
	return time.Since(start)
}
