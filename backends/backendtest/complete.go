package backendtest

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/dossier-go/dossier"
)

func completeCases() []contractCase {
	multi := []extension{uploader}
	return []contractCase{
		{
			name: "multipart/conditions", groups: []int{20, 84}, needs: dossier.Multipart | dossier.PutIfAbsent | dossier.PutMatch,
			extensions: multi, run: completeConditions,
			sentence: "Conditions of an upload are evaluated atomically with its completion.",
		},
		{
			name: "multipart/limits", groups: []int{5, 6, 84}, needs: dossier.Multipart, extensions: multi, run: completeLimits,
			sentence: "MaxSize and Expect of an upload are checked by its completion.",
		},
		{
			name: "multipart/bad options", groups: []int{66, 84}, needs: dossier.Multipart, extensions: multi, run: createBadOptions,
			sentence: "CreateUpload refuses what Put refuses.",
		},
		{
			name: "multipart/two of one key", groups: []int{11, 84}, needs: dossier.Multipart, extensions: multi, run: completeTwo,
			sentence: "Two uploads of one key know nothing of each other; the one completed last wins entirely.",
		},
		{
			name: "multipart/completed at once", groups: []int{17, 84}, needs: dossier.Multipart, extensions: multi, run: completeAtOnce,
			sentence: "Of concurrent completions of one upload exactly one succeeds.",
		},
		{
			name: "multipart/object or folder", groups: []int{30, 84}, needs: dossier.Multipart, extensions: multi, run: completeConflict,
			sentence: `Without FlatKeys an upload to "a/b" beside an object "a" is ErrConflict and changes nothing.`,
		},
	}
}

func completeConditions(t *trial) {
	upload := t.create("a", dossier.PutOptions{If: ifAbsent})
	part := t.part(upload, 1, "by parts")
	before := t.putWith("a", "meanwhile", t.options())
	_, err := t.parts().CompleteUpload(t.ctx, upload, []dossier.Part{part})
	t.wants("create-only", err, dossier.ErrExist)
	t.unchanged(before, "meanwhile")
	t.abort(upload)

	upload = t.create("a", dossier.PutOptions{If: match(before.Version)})
	part = t.part(upload, 1, "by parts")
	after := t.put("a", "changed")
	_, err = t.parts().CompleteUpload(t.ctx, upload, []dossier.Part{part})
	t.wants("a stale version", err, dossier.ErrPrecondition)
	t.unchanged(after, "changed")
	t.abort(upload)

	upload = t.create("a", dossier.PutOptions{If: match(after.Version)})
	t.unchanged(t.complete(upload, t.part(upload, 1, "by parts")), "by parts")
	upload = t.create("b", dossier.PutOptions{If: ifAbsent})
	t.unchanged(t.complete(upload, t.part(upload, 1, "by parts")), "by parts")
}

func completeLimits(t *trial) {
	content := pattern("limit", t.partSize())
	before := t.put("a", "old content")
	limit := int64(len(content)) + 3
	upload := t.create("a", dossier.PutOptions{MaxSize: limit})
	first := t.part(upload, 1, content)
	_, err := t.parts().CompleteUpload(t.ctx, upload, []dossier.Part{first, t.part(upload, 2, "four")})
	t.wants("one byte over the limit", err, dossier.ErrTooLarge)
	t.unchanged(before, "old content")
	before = t.complete(upload, first, t.part(upload, 2, "end"))
	t.unchanged(before, content+"end")
	if !t.can(dossier.VerifiesChecksums) {
		return
	}
	wrong := sumsOf("another content")
	for i, right := range sumsOf(content + "end") {
		upload, err := t.parts().CreateUpload(t.ctx, "a", dossier.PutOptions{Expect: wrong[i]})
		if t.remote() && errors.Is(err, errors.ErrUnsupported) {
			continue // a service that joins the parts itself knows few checksums of the whole
		}
		if err != nil {
			t.Fatal(err)
		}
		parts := []dossier.Part{t.part(upload, 1, content), t.part(upload, 2, "end")}
		_, err = t.parts().CompleteUpload(t.ctx, upload, parts)
		t.wants(fmt.Sprintf("wrong checksum %d", i), err, dossier.ErrChecksum)
		t.unchanged(before, content+"end")
		t.abort(upload)
		upload = t.create("b", dossier.PutOptions{Expect: right})
		t.unchanged(t.complete(upload, t.part(upload, 1, content), t.part(upload, 2, "end")), content+"end")
	}
}

func createBadOptions(t *trial) {
	for what, opts := range map[string]dossier.PutOptions{
		"two conditions":   {If: dossier.Condition{IfAbsent: true, Match: "v"}},
		"a negative limit": {MaxSize: -1},
		"bad metadata":     {Metadata: map[string]string{"A": "x"}},
		"a line break":     {Header: dossier.Header{CacheControl: "a\nb"}},
		"a short checksum": {Expect: dossier.Checksums{MD5: []byte{1}}},
	} {
		_, err := t.parts().CreateUpload(t.ctx, "a", opts)
		t.wants(what, err, dossier.ErrInvalid)
	}
	for want, ctx := range t.ended() {
		_, err := t.parts().CreateUpload(ctx, "a", dossier.PutOptions{})
		t.wants("after the end", err, want)
	}
	if uploads, err := collect(t.parts().Uploads(t.ctx, "")); err != nil || len(uploads) > 0 {
		t.Errorf("uploads: %v, %v", uploads, err)
	}
}

func completeTwo(t *trial) {
	one, two := t.create("a", dossier.PutOptions{}), t.create("a", t.options())
	if one.ID == two.ID {
		t.Fatal("both have one id")
	}
	partOne, partTwo := t.part(one, 1, "of one"), t.part(two, 1, "of two")
	_, err := t.parts().CompleteUpload(t.ctx, one, []dossier.Part{partTwo})
	if partOne.ETag != partTwo.ETag {
		t.wants("a part of the other", err, dossier.ErrInvalid)
	}
	second := t.complete(two, partTwo)
	t.unchanged(second, "of two")
	t.unchanged(t.complete(one, partOne), "of one")
}

func completeAtOnce(t *trial) {
	for round := range t.harness.some(30) {
		key := fmt.Sprint("a/", round)
		upload := t.create(key, dossier.PutOptions{})
		part := t.part(upload, 1, "content")
		var won atomic.Int32
		together(6, func(i int) {
			if i == 5 {
				t.abort(upload)
				return
			}
			_, err := t.parts().CompleteUpload(t.ctx, upload, []dossier.Part{part})
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, dossier.ErrNotExist) && !errors.Is(err, dossier.ErrConflict) {
				t.Errorf("a loser: %v", err)
			}
		})
		t.abort(upload)
		if won.Load() > 1 {
			t.Errorf("round %d: %d completions succeeded", round, won.Load())
		}
		if won.Load() == 0 {
			t.absent(key)
			continue
		}
		t.holds(key, "content")
	}
}

func completeConflict(t *trial) {
	if t.can(dossier.FlatKeys) {
		t.Skip("capability: the backend claims FlatKeys")
	}
	upload := t.create("a/b", dossier.PutOptions{})
	part := t.part(upload, 1, "by parts")
	before := t.put("a", "content")
	_, err := t.parts().CompleteUpload(t.ctx, upload, []dossier.Part{part})
	t.wants("below an object", err, dossier.ErrConflict)
	t.unchanged(before, "content")
	t.abort(upload)
}
