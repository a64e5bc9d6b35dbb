package backendtest

import (
	"net/http"
	"strings"

	"github.com/dossier-go/dossier"
)

func signPartCases() []contractCase {
	return []contractCase{
		{
			name: "sign/part", groups: []int{71, 84}, needs: dossier.SignPart | dossier.Multipart, extensions: []extension{urlSigner, uploader},
			hooks: []hook{serve}, run: signedPart,
			sentence: "SignPart: a signed PUT stores one part of one upload, which Parts then lists; with BindLength none of another length.",
		},
	}
}

func signedPart(t *trial) {
	client := t.client()
	before := t.put("a", "old content")
	upload := t.create("a", dossier.PutOptions{})
	contents := []string{pattern("signed part", t.partSize()), "end"}
	for i, content := range contents {
		req := dossier.SignRequest{Method: http.MethodPut, Key: "a", Part: dossier.PartRequest{UploadID: upload.ID, Number: i + 1}}
		if t.can(dossier.BindLength) {
			req.Length = int64(len(content))
		}
		signed := t.signed(req)
		if t.can(dossier.BindLength) {
			if got := t.send(client, signed, strings.NewReader("x"), nil); got.ok() {
				t.Errorf("part %d of another length: %d", i+1, got.status)
			}
		}
		if got := t.send(client, signed, strings.NewReader(content), nil); !got.ok() {
			t.Errorf("part %d: %d %s", i+1, got.status, got.body)
		}
	}
	t.unchanged(before, "old content")
	parts, err := collect(t.parts().Parts(t.ctx, upload))
	if err != nil || len(parts) != len(contents) {
		t.Fatalf("parts: %v, %v", parts, err)
	}
	t.unchanged(t.complete(upload, parts...), contents[0]+contents[1])
	again := dossier.SignRequest{Method: http.MethodPut, Key: "a", Part: dossier.PartRequest{UploadID: upload.ID, Number: 1}}
	if got := t.send(client, t.signed(again), strings.NewReader("late"), nil); got.ok() && !t.harness.Protocol.LateParts {
		t.Errorf("a part after the end of the upload: %d", got.status)
	}
	t.holds("a", contents[0]+contents[1])
}
