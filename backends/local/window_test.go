package local

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestWindowOrdersMoreThanItHolds: a folder of a million names is listed in order with memory for a few.
func TestWindowOrdersMoreThanItHolds(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 2, 7, 100, 101, 1000} {
		var got []int
		most := 0
		w := window[int]{size: size, compare: cmp.Compare[int]}
		err := w.each(func(add func(int)) error {
			for _, n := range rand.Perm(100) { // another order each time, as a folder may have
				add(n)
				add(n) // listed twice, because it was replaced meanwhile
				most = max(most, len(w.items))
			}
			return nil
		}, func(n int) error {
			got = append(got, n)
			return nil
		})
		want := make([]int, 100)
		for i := range want {
			want[i] = i
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("window of %d: %v, %v", size, got, err)
		}
		if most > 2*size {
			t.Errorf("window of %d held %d items", size, most)
		}
	}
}
