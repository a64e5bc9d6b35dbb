package backendtest

import (
	"errors"
	"fmt"

	"github.com/dossier-go/dossier"
)

func replaceCases() []contractCase {
	return []contractCase{
		{
			name: "put/replaces all", groups: []int{11, 68}, run: putReplacesAll,
			sentence: "A Put replaces content, header and metadata as a whole.",
		},
		{
			name: "put/versions", groups: []int{16, 23}, run: putVersions,
			sentence: "A Version is never reused for other content of the same key.",
		},
		{
			name: "put/bad options", groups: []int{26, 66, 67}, run: putBadOptions,
			sentence: "Options that no backend accepts are ErrInvalid before any side effect.",
		},
		{
			name: "put/promises not made", groups: []int{21, 71}, run: putWithoutPromise,
			sentence: "A clear capability bit means errors.ErrUnsupported before any side effect.",
		},
	}
}

func putReplacesAll(t *trial) {
	first := t.putWith("a", pattern("first", 2000), t.options())
	second := t.put("a", "second")
	if lost := t.difference(second, t.stat("a")); lost != "" {
		t.Errorf("stat differs from put in %s", lost)
	}
	if second.Header != (dossier.Header{}) && (second.Header != dossier.Header{ContentType: second.Header.ContentType} || !untyped(second.Header.ContentType)) || len(second.Metadata) != 0 || second.Version == first.Version {
		t.Errorf("the new object has something of the old one: %+v", second)
	}
	if second.ModTime.Before(first.ModTime) {
		t.Errorf("the modification time went back from %v to %v", first.ModTime, second.ModTime)
	}
	t.holds("a", "second")
}

func putVersions(t *trial) {
	seen := map[dossier.Version]bool{}
	for i := range t.harness.some(100) {
		content := string(rune('A' + i%26))
		if t.harness.Protocol.ContentVersions {
			content = fmt.Sprint(i)
		}
		version := t.put("a", content).Version
		if version == "" || seen[version] {
			t.Fatalf("put %d has the version %q of another one", i, version)
		}
		seen[version] = true
		if i%10 == 9 {
			if err := t.backend.Delete(t.ctx, "a", dossier.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func putBadOptions(t *trial) {
	header := func(value string) dossier.PutOptions {
		return dossier.PutOptions{Header: dossier.Header{ContentDisposition: value}}
	}
	metadata := func(name, value string) dossier.PutOptions {
		return dossier.PutOptions{Metadata: map[string]string{name: value}}
	}
	for what, opts := range map[string]dossier.PutOptions{
		"two conditions":         {If: dossier.Condition{IfAbsent: true, Match: "v"}},
		"a condition of reads":   {If: dossier.Condition{NotMatch: "v"}},
		"a negative limit":       {MaxSize: -1},
		"a short checksum":       {Expect: dossier.Checksums{SHA256: make([]byte, 31)}},
		"a malformed type":       {Header: dossier.Header{ContentType: "text"}},
		"a header in a header":   header("a\r\nX-Evil: b"),
		"a control character":    header("a\x00b"),
		"an upper-case name":     metadata("Name", "x"),
		"an empty name":          metadata("", "x"),
		"a dash in a name":       metadata("a-b", "x"),
		"a line break":           metadata("a", "x\ny"),
		"an outer space":         metadata("a", " x"),
		"a double space":         metadata("a", "x  y"),
		"bytes that are no text": metadata("a", "\xff"),
		"too much metadata":      metadata("a", pattern("m", dossier.MaxMetadata)),
	} {
		w := &watched{content: "new content"}
		t.refused(what, w.source, opts, dossier.ErrInvalid)
		if w.opened.Load() != 0 {
			t.Errorf("%s: the source was opened", what)
		}
	}
}

func putWithoutPromise(t *trial) {
	version := t.put("version", "content").Version
	asked := 0
	for capability, opts := range map[dossier.Capabilities]dossier.PutOptions{
		dossier.PutIfAbsent:       {If: dossier.Condition{IfAbsent: true}},
		dossier.PutMatch:          {If: dossier.Condition{Match: version}},
		dossier.StoresMetadata:    {Metadata: map[string]string{"a": "b"}},
		dossier.StoresHeader:      {Header: dossier.Header{ContentType: "text/plain"}},
		dossier.StoresClass:       {Class: "COLD"},
		dossier.StoresTags:        {Tags: map[string]string{"a": "b"}},
		dossier.StoresACL:         {ACL: "private"},
		dossier.VerifiesChecksums: {Expect: dossier.Checksums{CRC32C: crc32c("new content")}},
	} {
		if t.can(capability) {
			continue
		}
		asked++
		w := &watched{content: "new content"}
		t.refused(capability.String(), w.source, opts, errors.ErrUnsupported)
		if w.opened.Load() != 0 {
			t.Errorf("%v: the source was opened", capability)
		}
	}
	for capability, opts := range map[dossier.Capabilities]dossier.GetOptions{
		dossier.GetMatch: {If: dossier.Condition{Match: version}}, dossier.SuffixRange: {Range: dossier.Range{Offset: -1}},
	} {
		if t.can(capability) {
			continue
		}
		asked++
		_, err := t.backend.Get(t.ctx, "version", opts)
		t.wants(capability.String(), err, errors.ErrUnsupported)
	}
	if !t.can(dossier.DeleteMatch) {
		asked++
		err := t.backend.Delete(t.ctx, "version", dossier.DeleteOptions{If: dossier.Condition{Match: version}})
		t.wants("DeleteMatch", err, errors.ErrUnsupported)
		t.holds("version", "content")
	}
	if asked == 0 {
		t.Skip("capability: the backend claims everything that could be refused")
	}
}
