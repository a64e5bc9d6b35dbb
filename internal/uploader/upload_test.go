package uploader_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"
	"testing/iotest"

	"github.com/dossier-go/dossier/internal/crc"
	"github.com/dossier-go/dossier/internal/uploader"
)

// sizes lie at, and next to, every place where an upload takes another path.
var sizes = []int{
	0, 1, scratch - 1, scratch, scratch + 1, partSize - 1, partSize, partSize + 1, partSize + scratch,
	3*partSize - 1, 3 * partSize, 3*partSize + 1, 10 * partSize,
}

// sources are the kinds of source, for the same bytes.
var sources = map[string]func(b []byte) uploader.Source{
	"stream of known size":   func(b []byte) uploader.Source { return streamOf(b, int64(len(b))) },
	"stream of unknown size": func(b []byte) uploader.Source { return streamOf(b, -1) },
	"file of known size":     func(b []byte) uploader.Source { return fileOf(b, int64(len(b))) },
	"file of unknown size":   func(b []byte) uploader.Source { return fileOf(b, -1) },
	"in small pieces": func(b []byte) uploader.Source {
		return uploader.Source{Reader: iotest.HalfReader(bytes.NewReader(b)), Size: -1}
	},
	"end with the last bytes": func(b []byte) uploader.Source {
		return uploader.Source{Reader: iotest.DataErrReader(bytes.NewReader(b)), Size: int64(len(b))}
	},
}

func streamOf(b []byte, size int64) uploader.Source {
	return uploader.Source{Reader: onlyReader{bytes.NewReader(b)}, Size: size}
}

func fileOf(b []byte, size int64) uploader.Source {
	return uploader.Source{Reader: onlyReader{bytes.NewReader(b)}, At: bytes.NewReader(b), Size: size}
}

// Whatever the size and the kind of source, the object has its bytes in order and the checksums of all of them.
func TestObjectHasTheBytesAndChecksumsOfTheSource(t *testing.T) {
	t.Parallel()
	for kind, source := range sources {
		for _, size := range sizes {
			for _, buffers := range []int64{1, 8} {
				t.Run(fmt.Sprintf("%s/%d/%d buffers", kind, size, buffers), func(t *testing.T) {
					t.Parallel()
					pool, target, want := uploader.NewPool(buffers*partSize, partSize), &fakeTarget{}, pattern(size)
					if err := uploader.Upload(t.Context(), pool, smallPlan, source(want), target); err != nil {
						t.Fatal(err)
					}
					target.check(t, pool)
					if !bytes.Equal(target.object, want) || target.total != crc.Of(want) {
						t.Errorf("%d bytes arrived with %+v, want %+v", len(target.object), target.total, crc.Of(want))
					}
					if requests := target.did(whole); (size <= partSize) != (requests == 1) {
						t.Errorf("%d bytes took %v, parts being of %d", size, target.calls, partSize)
					}
				})
			}
		}
	}
}

// Small sources take no buffer, so they go through while large ones hold all of them.
func TestSmallSourcesTakeNoBuffer(t *testing.T) {
	t.Parallel()
	pool := uploader.NewPool(partSize, partSize)
	all, err := uploader.Acquire(t.Context(), pool, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, scratch} {
		target := &fakeTarget{}
		if err := uploader.Upload(t.Context(), pool, smallPlan, streamOf(pattern(size), -1), target); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	target := &fakeTarget{}
	if err := uploader.Upload(t.Context(), pool, smallPlan, fileOf(pattern(5*partSize), -1), target); err != nil {
		t.Errorf("a file: %v", err)
	}
	uploader.Release(pool, all)
	target.check(t, pool)
}

// A file goes in one request up to MaxWhole, since that takes no memory; a stream does not.
func TestFileGoesInOneRequestUpToMaxWhole(t *testing.T) {
	t.Parallel()
	plan := smallPlan
	plan.MaxWhole = 4 * partSize
	for _, c := range []struct {
		source uploader.Source
		calls  int
	}{
		{fileOf(pattern(4*partSize), 4*partSize), 1},
		{fileOf(pattern(4*partSize+1), 4*partSize+1), 0},
		{fileOf(pattern(4*partSize), -1), 0},
		{streamOf(pattern(4*partSize), 4*partSize), 0},
	} {
		pool, target := uploader.NewPool(8*partSize, partSize), &fakeTarget{}
		if err := uploader.Upload(t.Context(), pool, plan, c.source, target); err != nil {
			t.Fatal(err)
		}
		target.check(t, pool)
		if target.did(whole) != c.calls {
			t.Errorf("size %d, file %v: %v", c.source.Size, c.source.At != nil, target.calls)
		}
	}
}

// Some stores refuse an object whose parts but the last differ in size.
func TestEqualPartsAreEqual(t *testing.T) {
	t.Parallel()
	plan := smallPlan
	plan.EqualParts, plan.MaxParts = true, 20
	for _, known := range []bool{true, false} {
		size := 17*partSize + 5
		source := streamOf(pattern(size), -1)
		if known {
			source.Size = int64(size)
		}
		pool, target := uploader.NewPool(8*partSize, partSize), &fakeTarget{}
		if err := uploader.Upload(t.Context(), pool, plan, source, target); err != nil {
			t.Fatal(err)
		}
		target.check(t, pool)
		for number := 1; number < len(target.parts); number++ {
			if len(target.parts[number]) != partSize {
				t.Errorf("part %d of %d has %d bytes", number, len(target.parts), len(target.parts[number]))
			}
		}
	}
}

// With an unknown size parts grow, so that the last part is not reached when the source is ten times as large as
// MaxParts parts of PartSize. Parts larger than a buffer take several.
func TestPartsOfUnknownSizeGrow(t *testing.T) {
	t.Parallel()
	plan := smallPlan
	plan.MaxParts = 20 // the size doubles after every second part
	want := pattern(2*(1+2+4+8)*partSize + 7)
	for _, source := range []uploader.Source{streamOf(want, -1), fileOf(want, -1)} {
		pool, target := uploader.NewPool(8*partSize, partSize), &fakeTarget{}
		if err := uploader.Upload(t.Context(), pool, plan, source, target); err != nil {
			t.Fatal(err)
		}
		target.check(t, pool)
		for number, factor := range map[int]int{1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 7: 8} {
			if len(target.parts[number]) != factor*partSize {
				t.Errorf("part %d has %d bytes", number, len(target.parts[number]))
			}
		}
		if !bytes.Equal(target.object, want) {
			t.Error("the object differs")
		}
	}
}

// A source that is known not to fit is refused before anything is read or sent.
func TestKnownSizeThatCannotFitIsRefusedFirst(t *testing.T) {
	t.Parallel()
	plan := smallPlan
	plan.MaxParts, plan.MaxPart = 10, 4*partSize
	for _, source := range []uploader.Source{
		{Reader: errorReader{errInjected}, Size: 10*2*partSize + 1},
		{Reader: errorReader{errInjected}, Size: 10*4*partSize + 1, At: bytes.NewReader(nil)},
		{Reader: errorReader{errInjected}, Size: math.MaxInt64},
	} {
		pool, target := uploader.NewPool(2*partSize, partSize), &fakeTarget{}
		err := uploader.Upload(t.Context(), pool, plan, source, target)
		var tooMany *uploader.TooManyParts
		if !errors.As(err, &tooMany) || tooMany.Size != source.Size || tooMany.Limit >= source.Size {
			t.Errorf("size %d: %v", source.Size, err)
		}
		if len(target.calls) > 0 {
			t.Errorf("size %d: %v", source.Size, target.calls)
		}
	}
}

// A source of unknown size that is larger than all parts fails and leaves nothing; one that just fits does not.
func TestUnknownSizeIsSentUpToReach(t *testing.T) {
	t.Parallel()
	plan := smallPlan
	plan.MaxParts = 12
	pool := uploader.NewPool(2*partSize, partSize)
	reach := plan.Reach(pool)
	target := &fakeTarget{}
	if err := uploader.Upload(t.Context(), pool, plan, streamOf(pattern(int(reach)), -1), target); err != nil {
		t.Fatal(err)
	}
	target.check(t, pool)
	target = &fakeTarget{}
	err := uploader.Upload(t.Context(), pool, plan, streamOf(pattern(int(reach+1)), -1), target)
	var tooMany *uploader.TooManyParts
	if !errors.As(err, &tooMany) || tooMany.Limit != reach || tooMany.Size != -1 {
		t.Error(err)
	}
	target.checkAborted(t, pool)
}

// A pool smaller than the least part of the store can make whole objects only; more is refused before any request,
// not by the store when everything was sent.
func TestPoolSmallerThanTheLeastPart(t *testing.T) {
	t.Parallel()
	pool, plan := uploader.NewPool(2*partSize, partSize), uploader.Plan{MinPart: 2*partSize + 1}
	for _, size := range []int64{-1, 2 * partSize} {
		target := &fakeTarget{}
		if err := uploader.Upload(t.Context(), pool, plan, streamOf(pattern(2*partSize), size), target); err != nil {
			t.Error(err)
		}
		target.check(t, pool)
	}
	for _, size := range []int64{-1, 2*partSize + 1} {
		target := &fakeTarget{}
		err := uploader.Upload(t.Context(), pool, plan, streamOf(pattern(2*partSize+1), size), target)
		var tooMany *uploader.TooManyParts
		if !errors.As(err, &tooMany) || tooMany.Limit != 2*partSize || len(target.calls) > 0 {
			t.Errorf("%v after %v", err, target.calls)
		}
		target.check(t, pool)
	}
}

// The largest objects of S3 and Azure fit when their size is known.
func TestDefaultsReachTheLimitsOfStores(t *testing.T) {
	t.Parallel()
	pool := uploader.NewPool(0, 0)
	if reach := (uploader.Plan{}).Reach(pool); reach < 400<<30 {
		t.Errorf("a stream of unknown size reaches %d GiB with the default memory", reach>>30)
	}
	if reach := (uploader.Plan{EqualParts: true}).Reach(pool); reach != 10_000*8<<20 {
		t.Errorf("equal parts of unknown size reach %d", reach)
	}
	for _, size := range []int64{48 << 40, 10_000 * 5 << 30} {
		source := uploader.Source{Reader: errorReader{errInjected}, At: bytes.NewReader(nil), Size: size}
		if err := uploader.Upload(t.Context(), pool, uploader.Plan{}, source, &fakeTarget{}); !errors.Is(err, errInjected) {
			t.Errorf("a file of %d bytes: %v", size, err)
		}
	}
}

// No more part requests run at once than the plan allows.
func TestParallelIsTheLimitOfRequestsAtOnce(t *testing.T) {
	t.Parallel()
	plan := smallPlan
	plan.Parallel = 2
	pool, target := uploader.NewPool(8*partSize, partSize), &fakeTarget{}
	if err := uploader.Upload(t.Context(), pool, plan, streamOf(pattern(30*partSize), -1), target); err != nil {
		t.Fatal(err)
	}
	target.check(t, pool)
	if target.most > 2 {
		t.Errorf("%d requests at once", target.most)
	}
}

// A file that changes between the two readings is sent with the checksums of the first, so the store refuses it.
func TestChangedFileCarriesTheChecksumsOfWhatWasChecked(t *testing.T) {
	t.Parallel()
	checked, changed := pattern(3*partSize), bytes.Repeat([]byte{7}, 3*partSize)
	target := &fakeTarget{}
	source := uploader.Source{Reader: bytes.NewReader(checked), At: bytes.NewReader(changed), Size: -1}
	if err := uploader.Upload(t.Context(), uploader.NewPool(partSize, partSize), smallPlan, source, target); err != nil {
		t.Fatal(err)
	}
	if target.total != crc.Of(checked) || len(target.trouble) != 3 {
		t.Errorf("total %+v, and %d parts whose checksums differ: %v", target.total, len(target.trouble), target.trouble)
	}
}

// A reader that breaks the rules of io.Reader, or its word about the size, fails the upload.
func TestReaderThatBreaksTheRulesFails(t *testing.T) {
	t.Parallel()
	size := 2 * partSize
	for name, c := range map[string]struct {
		source uploader.Source
		want   error
	}{
		"negative count": {uploader.Source{Reader: countReader(-1), Size: -1}, uploader.ErrReader},
		"huge count":     {uploader.Source{Reader: countReader(1 << 40), Size: -1}, uploader.ErrReader},
		"no progress":    {uploader.Source{Reader: countReader(0), Size: -1}, io.ErrNoProgress},
		"too short":      {streamOf(pattern(size), int64(size+1)), uploader.ErrReader},
		"too long":       {streamOf(pattern(size), int64(size-1)), uploader.ErrReader},
	} {
		pool, target := uploader.NewPool(8*partSize, partSize), &fakeTarget{}
		if err := uploader.Upload(t.Context(), pool, smallPlan, c.source, target); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		target.checkAborted(t, pool)
	}
}

type countReader int

func (r countReader) Read([]byte) (int, error) { return int(r), nil }
