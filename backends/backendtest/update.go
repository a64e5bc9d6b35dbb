package backendtest

import (
	"maps"

	"github.com/dossier-go/dossier"
)

func updateCases() []contractCase {
	return []contractCase{
		{
			name: "update/header and metadata", groups: []int{68}, needs: dossier.StoresHeader | dossier.StoresMetadata,
			extensions: []extension{headerUpdater}, run: updateHeader,
			sentence: "UpdateHeader replaces header and metadata as a whole, and the bytes stay.",
		},
		{
			name: "update/conditions", groups: []int{21, 68}, needs: dossier.StoresHeader | dossier.StoresMetadata,
			extensions: []extension{headerUpdater}, run: updateConditions,
			sentence: "UpdateHeader of a missing key is ErrNotExist, of another version ErrPrecondition; it changes nothing then.",
		},
		{
			name: "update/at once", groups: []int{80}, needs: dossier.StoresHeader | dossier.StoresMetadata,
			extensions: []extension{headerUpdater}, run: updatesAtOnce,
			sentence: "Header updates and writes at once leave one content with one header.",
		},
	}
}

func (t *trial) updater() dossier.HeaderUpdater {
	u, _ := dossier.As[dossier.HeaderUpdater](t.backend)
	return u
}

func updateHeader(t *trial) {
	before := t.putWith("a", "content", t.options())
	to := dossier.Replacement{Header: dossier.Header{ContentType: "image/png"}, Metadata: map[string]string{"other": "x"}}
	for _, to := range []dossier.Replacement{to, {Metadata: map[string]string{"third": "y"}}, {}} {
		info, err := t.updater().UpdateHeader(t.ctx, "a", to, dossier.Condition{})
		if err != nil {
			t.Fatal(err)
		}
		typed := info.Header.ContentType == to.Header.ContentType || to.Header.ContentType == "" && untyped(info.Header.ContentType)
		if !typed || info.Header.CacheControl != "" || !maps.Equal(info.Metadata, to.Metadata) {
			t.Errorf("%+v, want %+v", info, to)
		}
		if info.Size != before.Size || !equalSums(info.Checksums, before.Checksums) || info.Key != "a" {
			t.Errorf("%+v describes other bytes than %+v", info, before)
		}
		t.unchanged(info, "content")
	}
}

func updateConditions(t *trial) {
	stale := t.put("a", "stale")
	before := t.putWith("a", "content", t.options())
	update := func(key string, to dossier.Replacement, cond dossier.Condition) error {
		_, err := t.updater().UpdateHeader(t.ctx, key, to, cond)
		return err
	}
	bad := dossier.Replacement{Metadata: map[string]string{"A": "x"}}
	t.wants("a missing key", update("missing", dossier.Replacement{}, dossier.Condition{}), dossier.ErrNotExist)
	t.wants("a stale version", update("a", dossier.Replacement{}, match(stale.Version)), dossier.ErrPrecondition)
	t.wants("bad metadata", update("a", bad, dossier.Condition{}), dossier.ErrInvalid)
	t.wants("create only", update("a", dossier.Replacement{}, ifAbsent), dossier.ErrInvalid)
	t.absent("missing")
	t.unchanged(before, "content")
	if err := update("a", dossier.Replacement{}, match(before.Version)); err != nil {
		t.Errorf("the present version: %v", err)
	}
	if info := t.stat("a"); len(info.Metadata) > 0 {
		t.Errorf("nothing was updated: %+v", info)
	}
}

func updatesAtOnce(t *trial) {
	t.put("a", letters(0))
	together(4, func(i int) {
		for generation := range t.harness.some(50) {
			if i%2 == 0 {
				opts := dossier.PutOptions{Metadata: map[string]string{"letter": letters(generation)[:1]}}
				_, err := t.backend.Put(t.ctx, "a", dossier.BytesSource([]byte(letters(generation))), opts)
				t.succeeds("put", err)
				continue
			}
			present, err := t.backend.Stat(t.ctx, "a")
			if err != nil {
				t.Errorf("stat: %v", err)
				return
			}
			to := dossier.Replacement{Metadata: present.Metadata, Header: dossier.Header{CacheControl: "no-store"}}
			if _, err := t.updater().UpdateHeader(t.ctx, "a", to, match(present.Version)); !harmless(err) {
				t.Errorf("update: %v", err)
			}
		}
	})
	t.readOneVersion("a")
}
