package backendtest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/dossier-go/dossier"
)

func uploadCases() []contractCase {
	multi := []extension{uploader}
	return []contractCase{
		{
			name: "multipart/any order", groups: []int{84}, needs: dossier.Multipart, extensions: multi, run: uploadAnyOrder,
			sentence: "Parts may come in any order; CompleteUpload joins them by number.",
		},
		{
			name: "multipart/like a put", groups: []int{84, 68, 13}, needs: dossier.Multipart, extensions: multi, run: uploadLikePut,
			sentence: "A completed upload is an object like one of Put, with header, metadata and the same Info everywhere.",
		},
		{
			name: "multipart/invisible", groups: []int{44, 84}, needs: dossier.Multipart, extensions: multi, run: uploadInvisible,
			sentence: "Nothing of an upload is seen before it is complete.",
		},
		{
			name: "multipart/zero parts", groups: []int{84}, needs: dossier.Multipart, extensions: multi, run: uploadEmpty,
			sentence: "No parts mean an empty object.",
		},
		{
			name: "multipart/listed", groups: []int{84}, needs: dossier.Multipart, extensions: multi, run: uploadsListed,
			sentence: "Uploads yields the unfinished uploads whose keys begin with prefix, in order of key.",
		},
		{
			name: "multipart/of another process", groups: []int{84}, needs: dossier.Multipart, extensions: multi, hooks: []hook{reopen},
			run:      uploadResumed,
			sentence: "An upload can be continued from another process.",
		},
		{
			name: "multipart/ended", groups: []int{84}, needs: dossier.Multipart, extensions: multi, run: uploadEnded,
			sentence: "After the end of an upload there is none: ErrNotExist, but aborting again is success.",
		},
		{
			name: "multipart/foreign ids", groups: []int{84, 35}, needs: dossier.Multipart, extensions: multi, run: uploadForeign,
			sentence: "An upload id is opaque: no other text reaches an upload or anything else.",
		},
	}
}

func (t *trial) parts() dossier.MultipartBackend {
	m, _ := dossier.As[dossier.MultipartBackend](t.backend)
	return m
}

// partSize is the size of all parts but the last.
func (t *trial) partSize() int {
	return max(t.harness.unit(), int(t.backend.Describe().Limits.MinPart))
}

func (t *trial) create(key string, opts dossier.PutOptions) dossier.Upload {
	t.Helper()
	upload, err := t.parts().CreateUpload(t.ctx, key, opts)
	if err != nil || upload.Key != key || upload.ID == "" {
		t.Fatalf("create %q: %+v, %v", key, upload, err)
	}
	return upload
}

func (t *trial) part(upload dossier.Upload, number int, content string) dossier.Part {
	t.Helper()
	part, err := t.parts().PutPart(t.ctx, upload, number, dossier.ReaderSource(plain(content), int64(len(content))))
	if err != nil || part.Number != number || part.Size != int64(len(content)) || part.ETag == "" {
		t.Fatalf("part %d: %+v, %v", number, part, err)
	}
	return part
}

func (t *trial) complete(upload dossier.Upload, parts ...dossier.Part) dossier.Info {
	t.Helper()
	info, err := t.parts().CompleteUpload(t.ctx, upload, parts)
	if err != nil {
		t.Fatalf("complete %q: %v", upload.Key, err)
	}
	return info
}

func (t *trial) abort(upload dossier.Upload) {
	t.Helper()
	if err := t.parts().AbortUpload(t.ctx, upload); err != nil {
		t.Errorf("abort %q: %v", upload.Key, err)
	}
}

func uploadAnyOrder(t *trial) {
	contents := []string{pattern("one", t.partSize()), pattern("two", t.partSize()), "three"}
	whole := contents[0] + contents[1] + contents[2]
	for i, order := range [][]int{{1, 2, 3}, {3, 1, 2}, {2, 3, 1}} {
		upload := t.create(fmt.Sprint("a/", i), dossier.PutOptions{})
		parts := make([]dossier.Part, 3)
		for _, number := range order {
			parts[number-1] = t.part(upload, number, contents[number-1])
		}
		info := t.complete(upload, parts...)
		t.unchanged(info, whole)
	}
	upload := t.create("gaps", dossier.PutOptions{})
	low, high := t.part(upload, 7, contents[0]), t.part(upload, t.mostParts(), contents[2])
	t.unchanged(t.complete(upload, low, high), contents[0]+contents[2])
	upload = t.create("parallel", dossier.PutOptions{})
	parts := make([]dossier.Part, 8)
	if t.partSize() > 1<<20 {
		parts = parts[:3]
	}
	together(len(parts), func(i int) { parts[i] = t.part(upload, i+1, contents[0]) })
	whole = ""
	for range parts {
		whole += contents[0]
	}
	t.unchanged(t.complete(upload, parts...), whole)
}

func uploadLikePut(t *trial) {
	opts := t.options()
	t.put("a", "old content")
	upload := t.create("a", opts)
	content := pattern("part", t.partSize())
	info := t.complete(upload, t.part(upload, 1, content), t.part(upload, 2, "end"))
	if info.Key != "a" || info.Size != int64(len(content)+3) || info.Header != opts.Header || !maps.Equal(info.Metadata, opts.Metadata) {
		t.Errorf("%+v", info)
	}
	t.unchanged(info, content+"end")
	if t.can(dossier.StoresCRC32C) && string(info.Checksums.CRC32C) != string(crc32c(content+"end")) {
		t.Errorf("CRC32C %x, want %x", info.Checksums.CRC32C, crc32c(content+"end"))
	}
	t.ranged("a", content+"end", dossier.Range{Offset: int64(len(content)) - 2, Length: 4})
}

func uploadInvisible(t *trial) {
	before := t.put("old", "old content")
	for _, key := range []string{"old", "new"} {
		upload := t.create(key, dossier.PutOptions{})
		t.part(upload, 1, pattern("part", t.partSize()))
		t.unchanged(before, "old content")
		t.absent("new")
		if lister.in(t.backend) {
			if keys := t.keys(); !slices.Equal(keys, []string{"old"}) {
				t.Errorf("listed %q", keys)
			}
		}
		t.abort(upload)
	}
	t.unchanged(before, "old content")
	t.absent("new")
}

func uploadEmpty(t *trial) {
	upload := t.create("a", t.options())
	info := t.complete(upload)
	if info.Size != 0 {
		t.Errorf("%+v", info)
	}
	t.unchanged(info, "")
	upload = t.create("b", dossier.PutOptions{})
	t.part(upload, 1, "not named")
	t.unchanged(t.complete(upload), "")
}

func uploadsListed(t *trial) {
	want := []string{}
	var uploads []dossier.Upload
	for _, key := range []string{"b/2", "a/1", "b/1", "a/1", "a!", "é"} {
		upload := t.create(key, dossier.PutOptions{})
		uploads = append(uploads, upload)
		want = append(want, key+" "+upload.ID)
	}
	listed := func(prefix string) []string {
		found := []string{}
		all, err := collect(t.parts().Uploads(t.ctx, prefix))
		if err != nil {
			t.Errorf("uploads: %v", err)
		}
		for i, upload := range all {
			if i > 0 && upload.Key < all[i-1].Key {
				t.Errorf("%q comes after %q", upload.Key, all[i-1].Key)
			}
			found = append(found, upload.Key+" "+upload.ID)
		}
		slices.Sort(found)
		return found
	}
	slices.Sort(want)
	if got := listed(""); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for prefix, count := range map[string]int{"a/1": 2, "a": 3, "b/": 2, "c": 0, "é": 1} {
		if got := listed(prefix); len(got) != count {
			t.Errorf("prefix %q: %q", prefix, got)
		}
	}
	for _, err := range t.parts().Uploads(t.ctx, "") {
		t.succeeds("the first upload", err)
		break
	}
	for _, upload := range uploads {
		t.abort(upload)
	}
}

func uploadResumed(t *trial) {
	upload := t.create("a", t.options())
	content := pattern("first", t.partSize())
	t.part(upload, 1, content)
	second := t.reopened()
	found, err := collect(second.parts().Uploads(t.ctx, "a"))
	if err != nil || !slices.Equal(found, []dossier.Upload{upload}) {
		t.Fatalf("uploads: %v, %v", found, err)
	}
	parts, err := collect(second.parts().Parts(t.ctx, upload))
	if err != nil || len(parts) != 1 {
		t.Fatalf("parts: %v, %v", parts, err)
	}
	info := second.complete(upload, parts[0], second.part(upload, 2, "second"))
	t.unchanged(info, content+"second")
	if info.Header != t.options().Header {
		t.Errorf("%+v", info)
	}
}

func uploadEnded(t *trial) {
	gone := func(what string, upload dossier.Upload, part dossier.Part) {
		t.Helper()
		_, err := t.parts().PutPart(t.ctx, upload, 1, dossier.BytesSource([]byte("x")))
		t.wants("a part "+what, err, dossier.ErrNotExist)
		_, err = t.parts().CompleteUpload(t.ctx, upload, []dossier.Part{part})
		t.wants("complete "+what, err, dossier.ErrNotExist)
		_, err = t.parts().CompleteUpload(t.ctx, upload, nil)
		t.wants("complete without parts "+what, err, dossier.ErrNotExist)
		if parts, _ := collect(t.parts().Parts(t.ctx, upload)); len(parts) > 0 {
			t.Errorf("parts %s: %v", what, parts)
		}
		t.abort(upload)
		t.abort(upload)
	}
	upload := t.create("a", dossier.PutOptions{})
	part := t.part(upload, 1, "content")
	info := t.complete(upload, part)
	gone("after completion", upload, part)
	t.unchanged(info, "content")
	upload = t.create("b", dossier.PutOptions{})
	part = t.part(upload, 1, "content")
	t.abort(upload)
	gone("after the abort", upload, part)
	t.absent("b")
}

func uploadForeign(t *trial) {
	before := t.put("victim", "content")
	upload := t.create("a", dossier.PutOptions{})
	part := t.part(upload, 1, "content")
	for _, foreign := range []dossier.Upload{
		{Key: "b", ID: upload.ID}, {Key: "a"}, {Key: "a", ID: upload.ID + "x"}, {Key: "a", ID: upload.ID[:len(upload.ID)-1]}, {Key: "a", ID: "."},
		{Key: "a", ID: ".."}, {Key: "a", ID: "../victim"}, {Key: "a", ID: "../../victim"}, {Key: "victim", ID: "../.."}, {Key: "a", ID: "/"},
		{Key: "a", ID: "/etc/passwd"}, {Key: "a", ID: "a\x00b"}, {Key: "a", ID: `..\..`}, {Key: "a", ID: "*"}, {Key: "a", ID: pattern("id", 5000)},
		{Key: "a", ID: upload.ID + "/../" + upload.ID}, {Key: "a", ID: "./" + upload.ID},
	} {
		_, err := t.parts().PutPart(t.ctx, foreign, 1, dossier.BytesSource([]byte("x")))
		t.wants(fmt.Sprintf("part of %.40q", foreign), err, dossier.ErrNotExist)
		_, err = t.parts().CompleteUpload(t.ctx, foreign, []dossier.Part{part})
		t.wants(fmt.Sprintf("complete %.40q", foreign), err, dossier.ErrNotExist)
		if parts, _ := collect(t.parts().Parts(t.ctx, foreign)); len(parts) > 0 {
			t.Errorf("parts of %.40q: %v", foreign, parts)
		}
		t.abort(foreign)
	}
	t.unchanged(before, "content")
	t.unchanged(t.complete(upload, part), "content")
	t.absent("b")
}
