package backendtest

import (
	"context"
	"fmt"
	"io"

	"github.com/dossier-go/dossier"
)

func partCases() []contractCase {
	multi := []extension{uploader}
	return []contractCase{
		{
			name: "multipart/part again", groups: []int{84}, needs: dossier.Multipart, extensions: multi, run: partAgain,
			sentence: "A part number sent again replaces its part; the old one cannot be completed any more.",
		},
		{
			name: "multipart/parts listed", groups: []int{84}, needs: dossier.Multipart, extensions: multi, run: partsListed,
			sentence: "Parts yields the stored parts by number.",
		},
		{
			name: "multipart/part numbers", groups: []int{84, 62}, needs: dossier.Multipart, extensions: multi, run: partNumbers,
			sentence: "Parts are numbered from 1 to Limits.MaxParts; every other number is ErrInvalid.",
		},
		{
			name: "multipart/failing part", groups: []int{1, 7, 84}, needs: dossier.Multipart, extensions: multi, run: partFails,
			sentence: "A part whose source fails, lies or is cancelled is not stored; the upload goes on.",
		},
	}
}

func partAgain(t *trial) {
	upload := t.create("a", dossier.PutOptions{})
	old := t.part(upload, 1, "old content")
	fresh := t.part(upload, 1, "fresh content")
	if old.ETag != fresh.ETag {
		_, err := t.parts().CompleteUpload(t.ctx, upload, []dossier.Part{old})
		t.wants("complete with the replaced part", err, dossier.ErrInvalid)
		t.absent("a")
	}
	t.unchanged(t.complete(upload, fresh), "fresh content")
}

func partsListed(t *trial) {
	upload := t.create("a", dossier.PutOptions{})
	if parts, err := collect(t.parts().Parts(t.ctx, upload)); err != nil || len(parts) > 0 {
		t.Errorf("of a new upload: %v, %v", parts, err)
	}
	var want []dossier.Part
	for _, number := range []int{3, 1, 20, 2, 1} {
		part := t.part(upload, number, pattern(fmt.Sprint(number), t.partSize()))
		if len(want) < 4 {
			want = append(want, part)
		}
	}
	want[0], want[1], want[2], want[3] = want[1], want[3], want[0], want[2] // 1, 2, 3, 20
	parts, err := collect(t.parts().Parts(t.ctx, upload))
	if err != nil || len(parts) != 4 {
		t.Fatalf("%v, %v", parts, err)
	}
	for i, part := range parts {
		if part.Number != want[i].Number || part.Size != want[i].Size || part.ETag == "" {
			t.Errorf("part %+v, want %+v", part, want[i])
		}
	}
	for _, err := range t.parts().Parts(t.ctx, upload) {
		t.succeeds("the first part", err)
		break
	}
	if info := t.complete(upload, parts...); info.Size != int64(4*t.partSize()) {
		t.Errorf("%+v", info)
	}
}

// mostParts is the largest number of a part.
func (t *trial) mostParts() int {
	if most := t.backend.Describe().Limits.MaxParts; most > 0 {
		return most
	}
	return dossier.MaxPartNumber
}

func partNumbers(t *trial) {
	most := t.mostParts()
	upload := t.create("a", dossier.PutOptions{})
	for _, number := range []int{0, -1, most + 1, dossier.MaxPartNumber + 1, 1 << 30} {
		w := &watched{content: "content"}
		_, err := t.parts().PutPart(t.ctx, upload, number, w.source())
		t.wants(fmt.Sprintf("part %d", number), err, dossier.ErrInvalid)
		if w.opened.Load() > 0 {
			t.Errorf("part %d: the source was opened", number)
		}
	}
	first := t.part(upload, 1, pattern("first", t.partSize()))
	last := t.part(upload, most, "last")
	for what, parts := range map[string][]dossier.Part{
		"descending": {last, first}, "twice": {first, first}, "number 0": {{Number: 0, ETag: first.ETag}},
		"beyond the end": {first, {Number: most + 1, ETag: last.ETag}}, "never sent": {first, {Number: 2, Size: 5, ETag: first.ETag}},
		"another ETag": {{Number: 1, Size: first.Size, ETag: `"another"`}}, "no ETag": {{Number: 1, Size: first.Size}},
		"ETag of another part": {{Number: 1, Size: first.Size, ETag: last.ETag}},
	} {
		_, err := t.parts().CompleteUpload(t.ctx, upload, parts)
		t.wants(what, err, dossier.ErrInvalid)
		t.absent("a")
	}
	t.unchanged(t.complete(upload, first, last), pattern("first", t.partSize())+"last")
}

func partFails(t *trial) {
	upload := t.create("a", dossier.PutOptions{})
	kept := t.part(upload, 1, "kept content")
	content := pattern("failing", 2*t.harness.unit())
	fails := func(what string, src dossier.Source, want error) {
		t.Helper()
		for _, number := range []int{1, 2} {
			_, err := t.parts().PutPart(t.ctx, upload, number, src)
			if number == 1 || src.Replayable() {
				t.wants(what, err, want)
			}
		}
	}
	fails("a failing source", dossier.ReaderSource(failing(content, errSender), -1), errSender)
	fails("a short source", dossier.ReaderSource(plain(content), int64(len(content))+1), dossier.ErrShortSource)
	fails("a long source", dossier.ReaderSource(plain(content), int64(len(content))-1), dossier.ErrInvalid)
	fails("a lying source", dossier.ReaderSource(lying{-1}, -1), dossier.ErrInvalid)
	for want, ctx := range t.ended() {
		_, err := t.parts().PutPart(ctx, upload, 1, dossier.BytesSource([]byte("new")))
		t.wants("after the end", err, want)
	}
	reader, writer := io.Pipe()
	ctx, cancel := context.WithCancel(t.ctx)
	go func() {
		_, _ = io.WriteString(writer, "some")
		cancel()
	}()
	t.within("a cancelled part", func() {
		_, err := t.parts().PutPart(ctx, upload, 1, dossier.ReaderSource(reader, -1))
		t.wants("while the reader blocks", err, context.Canceled)
	})
	writer.CloseWithError(errSender)
	parts, err := collect(t.parts().Parts(t.ctx, upload))
	if err != nil || len(parts) != 1 || parts[0].Number != 1 || parts[0].Size != kept.Size {
		t.Errorf("parts are %v, %v", parts, err)
	}
	t.unchanged(t.complete(upload, kept), "kept content")
}
