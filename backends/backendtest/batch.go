package backendtest

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/dossier-go/dossier"
)

func batchCases() []contractCase {
	return []contractCase{
		{
			name: "batch/each key", groups: []int{57, 34}, run: batchEachKey,
			sentence: "DeleteBatch yields one result per key given; missing keys are success, bad ones are reported.",
		},
		{
			name: "batch/numbers", groups: []int{57}, extensions: []extension{batchDeleter, lister}, run: batchNumbers,
			sentence: "DeleteBatch cuts the keys into the store's batches itself, whatever their number.",
		},
		{
			name: "batch/left early", groups: []int{57}, extensions: []extension{batchDeleter}, run: batchLeftEarly,
			sentence: "When the results are left early the rest is not deleted.",
		},
		{
			name: "batch/cancelled", groups: []int{57, 7}, run: batchCancelled,
			sentence: "A batch whose context ends reports success for no key that is still there.",
		},
	}
}

// batch deletes keys and counts the results of each.
func (t *trial) batch(keys iter.Seq[string]) (results map[string]int, errs map[string]error) {
	results, errs = map[string]int{}, map[string]error{}
	for key, err := range dossier.DeleteBatch(t.ctx, t.backend, keys) {
		results[key]++
		if err != nil {
			errs[key] = err
		}
	}
	return results, errs
}

func batchEachKey(t *trial) {
	if results, _ := t.batch(slices.Values([]string{})); len(results) != 0 {
		t.Errorf("no keys give %v", results)
	}
	keys := t.goodKeys()
	for _, key := range keys {
		t.put(key, "content")
	}
	t.put("kept", "content")
	given := slices.Concat(keys, []string{"missing", keys[0], keys[1], keys[0], "missing/2"})
	results, errs := t.batch(slices.Values(given))
	for key, count := range results {
		want := 0
		for _, other := range given {
			if other == key {
				want++
			}
		}
		if count != want {
			t.Errorf("%q was given %d times and has %d results", key, want, count)
		}
	}
	if len(errs) > 0 || len(results) != len(keys)+2 {
		t.Errorf("%d keys have results, errors %v", len(results), errs)
	}
	for _, key := range keys {
		t.absent(key)
	}
	bad := badKeys()
	results, errs = t.batch(slices.Values(append(bad, "missing")))
	for _, key := range bad {
		t.wants("batch of "+brief(key), errs[key], dossier.ErrInvalidKey)
	}
	if len(results) != len(bad)+1 || errs["missing"] != nil {
		t.Errorf("%d of %d keys have results; a good key among bad ones: %v", len(results), len(bad)+1, errs["missing"])
	}
	t.holds("kept", "content")
}

func batchNumbers(t *trial) {
	page := t.harness.many(1000)
	for _, count := range []int{1, page - 1, page, page + 1, 2*page + page/2} {
		key := func(i int) string { return fmt.Sprintf("n%d/%d", i%10, i) }
		for i := 0; i < count; i += 3 {
			t.put(key(i), "")
		}
		results, errs := t.batch(func(yield func(string) bool) {
			for i := range count {
				if !yield(key(i)) {
					return
				}
			}
		})
		if len(results) != count || len(errs) > 0 {
			t.Errorf("%d keys: %d results, errors %v", count, len(results), errs)
		}
		if left := t.keys(); len(left) > 0 {
			t.Errorf("%d keys: %d are left", count, len(left))
		}
	}
}

func batchLeftEarly(t *trial) {
	most := t.backend.Describe().Limits.MaxBatch
	if most == 0 {
		most = 1000
	}
	t.put("last", "content")
	keys := func(yield func(string) bool) {
		for i := range 3 * most {
			if !yield(fmt.Sprint("missing/", i)) {
				return
			}
		}
		yield("last")
	}
	for _, err := range dossier.DeleteBatch(t.ctx, t.backend, keys) {
		t.succeeds("the first", err)
		break
	}
	t.holds("last", "content")
}

func batchCancelled(t *trial) {
	var keys []string
	for i := range 20 {
		keys = append(keys, fmt.Sprint("k", i))
		t.put(keys[i], "content")
	}
	ctx, cancel := context.WithCancelCause(t.ctx)
	done := map[string]bool{}
	for key, err := range dossier.DeleteBatch(ctx, t.backend, slices.Values(keys)) {
		if err == nil {
			done[key] = true
		} else {
			t.wants("after the end", err, context.Canceled)
		}
		cancel(errUser)
	}
	for _, key := range keys {
		if done[key] {
			t.absent(key)
		}
	}
	if len(done) == 0 {
		t.Error("nothing was deleted before the context ended")
	}
	cancel(nil)
}
