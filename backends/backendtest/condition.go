package backendtest

import (
	"fmt"

	"github.com/dossier-go/dossier"
)

func conditionCases() []contractCase {
	return []contractCase{
		{
			name: "condition/create only", groups: []int{18}, needs: dossier.PutIfAbsent, run: createOnly,
			sentence: "IfAbsent: a Put finds no object or is ErrExist, and leaves content, header and metadata alone.",
		},
		{
			name: "condition/compare and swap", groups: []int{19}, needs: dossier.PutMatch, run: compareAndSwap,
			sentence: "Match: a Put finds this version or is ErrPrecondition and changes nothing; so it is when there is no object.",
		},
		{
			name: "condition/foreign versions", groups: []int{19, 23, 24}, needs: dossier.PutMatch, run: foreignVersions,
			sentence: "A version is opaque: no other text matches it, whatever it means elsewhere.",
		},
		{
			name: "condition/delete", groups: []int{21}, needs: dossier.DeleteMatch, run: conditionalDelete,
			sentence: "DeleteMatch: a Delete finds this version or is ErrPrecondition and removes nothing.",
		},
		{
			name: "condition/failing source", groups: []int{18, 19}, needs: dossier.PutIfAbsent | dossier.PutMatch, run: conditionAndFailure,
			sentence: "A conditional Put that fails for another reason leaves everything as it was.",
		},
	}
}

var ifAbsent = dossier.Condition{IfAbsent: true}

func match(v dossier.Version) dossier.Condition { return dossier.Condition{Match: v} }

// tries puts content under a condition.
func (t *trial) tries(key, content string, cond dossier.Condition) (dossier.Info, error) {
	return t.backend.Put(t.ctx, key, dossier.ReaderSource(plain(content), -1), dossier.PutOptions{If: cond})
}

func createOnly(t *trial) {
	opts := t.options()
	opts.If = ifAbsent
	first := t.putWith("a", "first", opts)
	for range 2 {
		_, err := t.tries("a", "second", ifAbsent)
		t.wants("create-only over an object", err, dossier.ErrExist)
		t.unchanged(first, "first")
	}
	if err := t.backend.Delete(t.ctx, "a", dossier.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := t.tries("a", "third", ifAbsent); err != nil {
		t.Errorf("create-only after a delete: %v", err)
	}
	t.holds("a", "third")
}

func compareAndSwap(t *trial) {
	first := t.putWith("a", "first", t.options())
	second, err := t.tries("a", "second", match(first.Version))
	if err != nil || second.Version == first.Version {
		t.Fatalf("%+v, %v", second, err)
	}
	t.unchanged(second, "second")
	_, err = t.tries("a", "third", match(first.Version))
	t.wants("a stale version", err, dossier.ErrPrecondition)
	t.unchanged(second, "second")
	same := "second"
	if t.harness.Protocol.ContentVersions {
		same = "not the second"
	}
	other := t.put("b", same)
	_, err = t.tries("b", "third", match(second.Version))
	t.wants("the version of another key", err, dossier.ErrPrecondition)
	t.unchanged(other, same)
	_, err = t.tries("missing", "content", match(first.Version))
	t.wants("a missing key", err, dossier.ErrPrecondition)
	t.absent("missing")
}

func foreignVersions(t *trial) {
	before := t.put("a", "content")
	for _, version := range []dossier.Version{
		"*", `"*"`, `W/"x"`, "x", "0", "null", "../a", "\x00", "%", " ", before.Version + "x", "x" + before.Version,
		before.Version[:len(before.Version)-1] + "~", `"` + before.Version + `"`, before.Version + "," + before.Version,
	} {
		_, err := t.tries("a", "new content", match(version))
		t.wants(fmt.Sprintf("version %q", version), err, dossier.ErrPrecondition)
		_, err = t.tries("missing", "new content", match(version))
		t.wants(fmt.Sprintf("version %q of a missing key", version), err, dossier.ErrPrecondition)
	}
	t.unchanged(before, "content")
	t.absent("missing")
}

func conditionalDelete(t *trial) {
	remove := func(key string, v dossier.Version) error {
		return t.backend.Delete(t.ctx, key, dossier.DeleteOptions{If: match(v)})
	}
	first := t.put("a", "first")
	second := t.put("a", "second")
	t.wants("a stale version", remove("a", first.Version), dossier.ErrPrecondition)
	t.wants("a foreign version", remove("a", "*"), dossier.ErrPrecondition)
	t.unchanged(second, "second")
	if err := remove("a", second.Version); err != nil {
		t.Errorf("the present version: %v", err)
	}
	t.absent("a")
	t.wants("a deleted key", remove("a", second.Version), dossier.ErrPrecondition)
	t.wants("a missing key", remove("missing", second.Version), dossier.ErrPrecondition)
}

func conditionAndFailure(t *trial) {
	before := t.putWith("old", "old content", t.options())
	for key, cond := range map[string]dossier.Condition{"new": ifAbsent, "old": match(before.Version)} {
		opts := dossier.PutOptions{If: cond}
		_, err := t.backend.Put(t.ctx, key, dossier.ReaderSource(failing("half", errSender), -1), opts)
		t.wants("a failing source", err, errSender)
		_, err = t.backend.Put(t.ctx, key, dossier.ReaderSource(plain("short"), 100), opts)
		t.wants("a short source", err, dossier.ErrShortSource)
	}
	t.absent("new")
	t.unchanged(before, "old content")
	if _, err := t.tries("new", "content", ifAbsent); err != nil {
		t.Errorf("the key is not free: %v", err)
	}
	if _, err := t.tries("old", "content", match(before.Version)); err != nil {
		t.Errorf("the version is not the same: %v", err)
	}
}
