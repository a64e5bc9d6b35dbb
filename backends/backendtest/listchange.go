package backendtest

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/dossier-go/dossier"
)

func listChangeCases() []contractCase {
	return []contractCase{
		{
			name: "list/while others write", groups: []int{40}, extensions: []extension{lister}, run: listWhileChanging,
			sentence: "Keys present throughout a listing appear exactly once, without an error, whatever else comes and goes.",
		},
		{
			name: "list/delete while listing", groups: []int{41}, extensions: []extension{lister}, run: deleteWhileListing,
			sentence: "Whoever deletes what it lists, as a garbage collector does, deletes everything.",
		},
		{
			name: "list/left early", groups: []int{43, 52}, extensions: []extension{lister}, run: listLeftEarly,
			sentence: "Ending the loop over a listing releases everything.",
		},
		{
			name: "list/sees what is done", groups: []int{42, 45}, needs: dossier.ConsistentList, extensions: []extension{lister},
			run:      listIsConsistent,
			sentence: "ConsistentList: a listing sees every finished Put and Delete.",
		},
	}
}

func listWhileChanging(t *trial) {
	var stable []string
	for i := range t.harness.some(100) {
		stable = append(stable, fmt.Sprintf("d%d/s%04d", i%7, i))
		t.put(stable[i], "")
	}
	slices.Sort(stable)
	var listing atomic.Int32
	listing.Store(2)
	together(4, func(i int) {
		if i < 2 {
			defer listing.Add(-1)
			for round := range t.harness.some(20) {
				t.listsAll(stable, []int{0, 3, 100}[round%3])
			}
			return
		}
		for round := 0; listing.Load() > 0; round++ {
			key := fmt.Sprintf("d%d/s%04d-%d", round%9, round%100, i)
			t.put(key, "")
			t.succeeds("delete", t.backend.Delete(t.ctx, key, dossier.DeleteOptions{}))
		}
	})
}

// listsAll fails unless each of the sorted keys is listed once and the listing is in order.
func (t *trial) listsAll(keys []string, pageSize int) {
	t.Helper()
	last, found := "", 0
	for info, err := range dossier.List(t.ctx, t.backend, dossier.ListOptions{PageSize: pageSize}) {
		if err != nil {
			t.Errorf("list: %v", err)
			return
		}
		if info.Key <= last {
			t.Errorf("%q comes after %q", info.Key, last)
		}
		last = info.Key
		if _, ok := slices.BinarySearch(keys, info.Key); ok {
			found++
		}
	}
	if found != len(keys) {
		t.Errorf("%d of %d keys that were there all the time were listed", found, len(keys))
	}
}

func deleteWhileListing(t *trial) {
	for _, size := range []int{0, 1, 7} {
		for i := range t.harness.some(100) {
			t.put(fmt.Sprintf("d%d/%04d", i%5, i), "")
		}
		for info, err := range dossier.List(t.ctx, t.backend, dossier.ListOptions{PageSize: size}) {
			if err != nil {
				t.Fatal(err)
			}
			t.succeeds("delete", t.backend.Delete(t.ctx, info.Key, dossier.DeleteOptions{}))
		}
		if left := t.keys(); len(left) > 0 {
			t.Errorf("page size %d: %d keys are left: %q", size, len(left), left)
		}
	}
}

func listLeftEarly(t *trial) {
	for i := range 10 {
		t.put(fmt.Sprintf("d%d/x", i), "")
	}
	for range 20 {
		for _, opts := range []dossier.ListOptions{{PageSize: 1}, {Delimiter: "/"}, {Prefix: "d1"}} {
			for _, err := range dossier.List(t.ctx, t.backend, opts) {
				t.succeeds("list", err)
				break
			}
		}
	}
	for info, err := range dossier.List(t.ctx, t.backend, dossier.ListOptions{}) {
		t.succeeds("list", err)
		t.put(info.Key, "written in the loop")
		t.holds(info.Key, "written in the loop")
	}
}

func listIsConsistent(t *trial) {
	for round := range t.harness.some(30) {
		key := fmt.Sprintf("d%d/%d", round%3, round)
		info := t.put(key, "content")
		listed := t.entries(dossier.ListOptions{Prefix: key})
		if len(listed) != 1 || listed[0].Version != info.Version || listed[0].Size != 7 || listed[0].ModTime.Sub(info.ModTime).Abs() > t.harness.Protocol.ModTime {
			t.Errorf("put %+v, listed %+v", info, listed)
		}
		t.succeeds("delete", t.backend.Delete(t.ctx, key, dossier.DeleteOptions{}))
		if listed := t.entries(dossier.ListOptions{Prefix: key}); len(listed) > 0 {
			t.Errorf("deleted, but listed: %+v", listed)
		}
	}
}
