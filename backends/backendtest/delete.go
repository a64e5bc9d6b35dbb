package backendtest

import (
	"fmt"
	"slices"

	"github.com/dossier-go/dossier"
)

func deleteCases() []contractCase {
	return []contractCase{
		{
			name: "delete/twice", groups: []int{56}, run: deleteTwice,
			sentence: "Delete removes an object; a missing key is success.",
		},
		{
			name: "delete/nothing else", groups: []int{59}, run: deleteNothingElse,
			sentence: "Delete never removes anything but the object of its key: not a subtree.",
		},
		{
			name: "delete/beside a put", groups: []int{58}, run: deleteBesidePut,
			sentence: "A Put does not fail because the last other object of its folder is deleted at the same time.",
		},
	}
}

func deleteTwice(t *trial) {
	t.putWith("a/b", "content", t.options())
	for range 3 {
		if err := t.backend.Delete(t.ctx, "a/b", dossier.DeleteOptions{}); err != nil {
			t.Errorf("%v", err)
		}
		t.absent("a/b")
	}
	if lister.in(t.backend) {
		if keys := t.keys(); len(keys) > 0 {
			t.Errorf("the empty store lists %q", keys)
		}
	}
	t.put("a/b", "again")
	t.holds("a/b", "again")
}

func deleteNothingElse(t *trial) {
	keys := []string{"a/b/c", "a/b/d", "a/bb", "aa"}
	for _, key := range keys {
		t.put(key, "content of "+key)
	}
	others := []string{"a", "a/b", "a/b/", "a/b/c/d", "a/b/cc", "a/b/*", "a*", "A/B/C"}
	for _, key := range others {
		err := t.backend.Delete(t.ctx, key, dossier.DeleteOptions{})
		if err != nil && dossier.CheckKey(key) == nil {
			t.Errorf("delete %q: %v", key, err)
		}
	}
	for key, err := range dossier.DeleteBatch(t.ctx, t.backend, slices.Values(others)) {
		if err != nil && dossier.CheckKey(key) == nil {
			t.Errorf("batch of %q: %v", key, err)
		}
	}
	for _, key := range keys {
		t.holds(key, "content of "+key)
	}
}

func deleteBesidePut(t *trial) {
	together(6, func(i int) {
		for round := range t.harness.some(100) {
			key := fmt.Sprintf("deep/er/%d/%d", round%3, i)
			if _, err := t.backend.Put(t.ctx, key, dossier.BytesSource([]byte(key)), dossier.PutOptions{}); err != nil {
				t.Errorf("put: %v", err)
				continue
			}
			if round%2 == 1 {
				target := fmt.Sprintf("deep/other/%d", i)
				_, err := dossier.Move(t.ctx, t.backend, target, key, dossier.CopyOptions{})
				if err != nil {
					t.Errorf("move: %v", err)
				}
				key = target
			}
			t.holds(key, fmt.Sprintf("deep/er/%d/%d", round%3, i))
			if err := t.backend.Delete(t.ctx, key, dossier.DeleteOptions{}); err != nil {
				t.Errorf("delete: %v", err)
			}
		}
	})
}
