package memory

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestKeyListIsTheSortedSet: the order of listings rests on it.
func TestKeyListIsTheSortedSet(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var list keyList
	set := map[string]bool{}
	for range 3000 {
		key := fmt.Sprint(random.IntN(400))
		if set[key] {
			list.remove(key)
			delete(set, key)
		} else {
			list.add(key)
			set[key] = true
		}
		list.remove("not there")
	}
	var want, got []string
	for key := range set {
		want = append(want, key)
	}
	slices.Sort(want)
	for node := list.from(""); node != nil; node = node.following() {
		got = append(got, node.key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, from := range []string{"", "1", "2\x00", "399", "4"} {
		i, _ := slices.BinarySearch(want, from)
		if node := list.from(from); (node == nil) != (i == len(want)) || node != nil && node.key != want[i] {
			t.Errorf("from %q: %v", from, node)
		}
	}
}
