package benchmarks

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
)

// Local Put, and the same steps written by hand: a temporary file in the same folder, write, extended attribute, sync of
// the file, rename, sync of the folder. Both write in turn, over the same key each. The metric x-floor is our median
// time as a multiple of the floor's; the budget is at most 1.15. MB/s counts both.
//
// The floor takes no lock, checks no folder for symbolic links, computes no checksum and has no key to check.
func BenchmarkLocalPut(b *testing.B) {
	for _, size := range []int64{16 << 10, 64 << 20} {
		for _, durability := range []local.Durability{local.Fast, local.Durable} {
			name := map[local.Durability]string{local.Fast: "fast", local.Durable: "durable"}[durability]
			b.Run(fmt.Sprintf("%d KiB, %s", size>>10, name), func(b *testing.B) { benchmarkPut(b, size, durability) })
		}
	}
}

func benchmarkPut(b *testing.B, size int64, durability local.Durability) {
	store, err := local.New(b.TempDir(), local.Config{Durability: durability})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	floor := &putFloor{folder: b.TempDir(), sync: durability == local.Durable, attribute: make([]byte, 65)}
	content := make([]byte, size)
	if _, err := rand.Read(content); err != nil {
		b.Fatal(err)
	}
	ours := func() error {
		_, err := store.Put(context.Background(), "uploads/2026/photo.jpg", dossier.BytesSource(content), dossier.PutOptions{})
		return err
	}
	theirs := func() error { return floor.put("uploads/2026/photo.jpg", content) }
	b.ReportAllocs()
	b.SetBytes(2 * size)
	compare(b, "x-floor", ours, theirs)
}

// compare runs both in turn, in changing order, and reports the median time of ours as a multiple of that of theirs.
// The median, because now and then one of them pays for the disk's housekeeping.
func compare(b *testing.B, metric string, ours, theirs func() error) {
	b.Helper()
	var mine, reference []time.Duration
	timed := func(times *[]time.Duration, do func() error) {
		start := time.Now()
		if err := do(); err != nil {
			b.Fatal(err)
		}
		*times = append(*times, time.Since(start))
	}
	for i := 0; b.Loop(); i++ {
		if i%2 == 0 {
			timed(&mine, ours)
		}
		timed(&reference, theirs)
		if i%2 == 1 {
			timed(&mine, ours)
		}
	}
	b.ReportMetric(float64(median(mine))/float64(median(reference)), metric)
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// putFloor is what a careful programmer writes by hand.
type putFloor struct {
	folder    string
	sync      bool
	attribute []byte
}

func (f *putFloor) put(key string, content []byte) error {
	target := filepath.Join(f.folder, key)
	folder := filepath.Dir(target)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(folder, "."+rand.Text()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, setFileAttribute(file, "user.floor", f.attribute))
	if f.sync {
		err = errors.Join(err, file.Sync())
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), target); err != nil {
		return err
	}
	if f.sync {
		return syncFolder(folder)
	}
	return nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
