package dossier_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/dossier-go/dossier"
)

// The table is the documentation of Range: each row is a sentence of it or a border between two.
func TestRangeSelectsTheBytesItSays(t *testing.T) {
	t.Parallel()
	const most = math.MaxInt64
	for _, row := range []struct {
		offset, length, size, from, to int64
		err                            error
	}{
		{0, 0, 10, 0, 10, nil},
		{0, -1, 10, 0, 10, nil},
		{0, 0, 0, 0, 0, nil},
		{0, 5, 0, 0, 0, nil},
		{0, 5, 10, 0, 5, nil},
		{3, 4, 10, 3, 7, nil},
		{3, -1, 10, 3, 10, nil},
		{3, 0, 10, 3, 3, nil},
		{8, 5, 10, 8, 10, nil},
		{10, 0, 10, 10, 10, nil},
		{10, 1, 10, 0, 0, dossier.ErrRange},
		{10, -1, 10, 0, 0, dossier.ErrRange},
		{11, 0, 10, 0, 0, dossier.ErrRange},
		{1, 0, 0, 0, 0, dossier.ErrRange},
		{-3, 0, 10, 7, 10, nil},
		{-10, 0, 10, 0, 10, nil},
		{-11, 0, 10, 0, 10, nil},
		{-1, 0, 0, 0, 0, nil},
		{-1, -7, 10, 9, 10, nil},
		{-1, 1, 10, 0, 0, dossier.ErrInvalid},
		{most, most, 10, 0, 0, dossier.ErrRange},
		{1, most, 10, 1, 10, nil},
		{most, most, most, 0, 0, dossier.ErrRange},
		{most - 1, most, most, most - 1, most, nil},
		{math.MinInt64 + 1, 0, 10, 0, 10, nil},
		{math.MinInt64, 0, 10, 0, 0, dossier.ErrInvalid},
	} {
		r := dossier.Range{Offset: row.offset, Length: row.length}
		from, to, err := r.Resolve(row.size)
		if from != row.from || to != row.to || !errors.Is(err, row.err) {
			t.Errorf("%+v of %d bytes: [%d,%d) %v, want [%d,%d) %v", r, row.size, from, to, err, row.from, row.to, row.err)
		}
	}
}

// wholeRange is the naive model of Resolve for small numbers: it marks the bytes one by one.
func wholeRange(r dossier.Range, size int64) (marked []int64, ok bool) {
	first := r.Offset
	if r.Offset < 0 {
		first = max(0, size+r.Offset)
	}
	all := r.Offset <= 0 && r.Length <= 0
	for at := range size {
		if at >= first && (all || r.Length < 0 || at < first+r.Length) {
			marked = append(marked, at)
		}
	}
	wants := r.Length != 0 && size > 0
	return marked, all || first < size || first == size && !wants
}

// Arithmetic on attacker-given offsets must neither overflow nor leave the object, whatever the numbers.
func FuzzRange(f *testing.F) {
	f.Add(int64(0), int64(0), int64(10))
	f.Add(int64(-3), int64(0), int64(2))
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, offset, length, size int64) {
		if size < 0 {
			return
		}
		r := dossier.Range{Offset: offset, Length: length}
		from, to, err := r.Resolve(size)
		if err == nil && (from < 0 || from > to || to > size) {
			t.Fatalf("%+v of %d bytes: [%d,%d)", r, size, from, to)
		}
		if size > 64 || offset > 64 || offset < -64 || length > 64 || length < -64 || r.Check() != nil {
			return
		}
		marked, ok := wholeRange(r, size)
		if ok != (err == nil) || ok && int64(len(marked)) != to-from || len(marked) > 0 && marked[0] != from {
			t.Fatalf("%+v of %d bytes: [%d,%d) %v, the model says %v %v", r, size, from, to, err, marked, ok)
		}
	})
}

func ExampleRange() {
	for _, r := range []dossier.Range{{}, {Offset: 10, Length: 5}, {Offset: 10, Length: -1}, {Offset: -10}} {
		from, to, err := r.Resolve(100)
		fmt.Println(from, to, err)
	}
	_, _, err := dossier.Range{Offset: 101, Length: 1}.Resolve(100)
	fmt.Println(err)
	// Output:
	// 0 100 <nil>
	// 10 15 <nil>
	// 10 100 <nil>
	// 90 100 <nil>
	// range not satisfiable: offset 101 of an object of 100 bytes
}
