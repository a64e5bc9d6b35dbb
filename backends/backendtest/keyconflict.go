package backendtest

import (
	"fmt"

	"github.com/dossier-go/dossier"
)

func keyConflictCases() []contractCase {
	return []contractCase{
		{
			name: "key/object and folder", groups: []int{30}, needs: dossier.FlatKeys, run: flatKeys,
			sentence: `FlatKeys: "a" and "a/b" can exist together.`,
		},
		{
			name: "key/object or folder", groups: []int{30}, run: treeKeys,
			sentence: `Without FlatKeys the second of "a" and "a/b" is ErrConflict and changes nothing.`,
		},
		{
			name: "key/a folder is no object", groups: []int{30, 59}, run: folderIsNoObject,
			sentence: `ErrNotExist: a key that only begins others, or goes on after another, is no object.`,
		},
		{
			name: "key/folders go with their objects", groups: []int{30, 58}, run: foldersGo,
			sentence: "A key whose folder had objects is free when they are gone.",
		},
	}
}

func flatKeys(t *trial) {
	a, b := t.put("a", "content of a"), t.put("a/b", "content of a/b")
	t.unchanged(a, "content of a")
	t.unchanged(b, "content of a/b")
	if err := t.backend.Delete(t.ctx, "a", dossier.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	t.unchanged(b, "content of a/b")
	t.absent("a")
}

func treeKeys(t *trial) {
	if t.can(dossier.FlatKeys) {
		t.Skip("capability: the backend claims FlatKeys")
	}
	first := t.putWith("a", "first", t.options())
	deep := t.putWith("d/e/f", "deep", t.options())
	other := t.put("other", "other")
	for _, key := range []string{"a/b", "a/b/c", "d", "d/e"} {
		for _, cond := range []dossier.Condition{{}, ifAbsent} {
			_, err := t.tries(key, "second", cond)
			t.wants(fmt.Sprintf("put %s, %+v", key, cond), err, dossier.ErrConflict)
		}
		for name, transfer := range transfers() {
			_, err := transfer(t.ctx, t.backend, key, "other", dossier.CopyOptions{})
			t.wants(name+" to "+key, err, dossier.ErrConflict)
		}
		t.absent(key)
	}
	t.unchanged(first, "first")
	t.unchanged(deep, "deep")
	t.unchanged(other, "other")
}

func folderIsNoObject(t *trial) {
	t.put("a/b/c", "content")
	for _, key := range []string{"a", "a/b", "a/b/c/d", "a/b/cc", "a/b/x"} {
		t.absent(key)
		_, err := dossier.Copy(t.ctx, t.backend, "copy", key, dossier.CopyOptions{})
		t.wants("copy of "+key, err, dossier.ErrNotExist)
		_, err = dossier.Move(t.ctx, t.backend, "copy", key, dossier.CopyOptions{})
		t.wants("move of "+key, err, dossier.ErrNotExist)
		if err := t.backend.Delete(t.ctx, key, dossier.DeleteOptions{}); err != nil {
			t.Errorf("delete %s: %v", key, err)
		}
		if t.can(dossier.DeleteMatch) {
			err := t.backend.Delete(t.ctx, key, dossier.DeleteOptions{If: match("v")})
			t.wants("conditional delete of "+key, err, dossier.ErrPrecondition)
		}
	}
	t.holds("a/b/c", "content")
	t.absent("copy")
}

func foldersGo(t *trial) {
	for round := range 3 {
		t.put("a/b/c", "content")
		t.put("a/d", "content")
		for _, key := range []string{"a/b/c", "a/d"} {
			if err := t.backend.Delete(t.ctx, key, dossier.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		t.put("a", "now an object")
		t.holds("a", "now an object")
		if _, err := dossier.Move(t.ctx, t.backend, "x/y", "a", dossier.CopyOptions{}); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if _, err := dossier.Move(t.ctx, t.backend, "x", "x/y", dossier.CopyOptions{}); err != nil && t.can(dossier.FlatKeys) {
			t.Errorf("move out of its own folder: %v", err)
		}
		for _, key := range []string{"x", "x/y"} {
			if err := t.backend.Delete(t.ctx, key, dossier.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}
