package backendtest

import (
	"maps"
	"strings"

	"github.com/dossier-go/dossier"
)

func metadataCases() []contractCase {
	return []contractCase{
		{
			name: "metadata/round trip", groups: []int{66}, needs: dossier.StoresMetadata, run: metadataRoundTrip,
			sentence: "StoresMetadata: PutOptions.Metadata comes back.",
		},
		{
			name: "metadata/header fields", groups: []int{67}, needs: dossier.StoresHeader, run: headerRoundTrip,
			sentence: "StoresHeader: PutOptions.Header comes back.",
		},
		{
			name: "metadata/of each version", groups: []int{68}, needs: dossier.StoresMetadata | dossier.StoresHeader, run: metadataReplaced,
			sentence: "An overwrite replaces header and metadata as a whole; a delete removes them.",
		},
	}
}

func metadataRoundTrip(t *trial) {
	limit := dossier.MaxMetadata
	if most := t.backend.Describe().Limits.MaxMetadata; most > 0 {
		limit = min(limit, most)
	}
	many := map[string]string{}
	for i := range 50 {
		many["name_"+strings.Repeat("x", i)] = "v"
	}
	for what, metadata := range map[string]map[string]string{
		"none": nil, "an empty value": {"a": ""}, "names": {"a": "1", "a_": "2", "a1": "3", "a_b": "4"}, "many": many,
		"text":        {"a": "with spaces", "b": "100% & <b> \"q\" 'q'", "c": "a=b; c, d"},
		"unicode":     {"a": "Ünïcödé", "b": "日本語", "c": "\U0001F600"},
		"encodings":   {"a": "=?UTF-8?B?w7w=?=", "b": "%C3%BC", "c": "+ %20 +"},
		"at the most": {"a": strings.Repeat("m", limit-1)},
	} {
		info := t.putWith("a", "content", dossier.PutOptions{Metadata: metadata})
		if !maps.Equal(info.Metadata, metadata) {
			t.Errorf("%s: put returned %q, want %q", what, info.Metadata, metadata)
		}
		t.unchanged(info, "content")
	}
}

func headerRoundTrip(t *trial) {
	for _, header := range []dossier.Header{
		{},
		{ContentType: "text/html; charset=\"utf-8\"; x=y"}, {ContentType: "application/vnd.api+json"}, {ContentType: "Image/PNG"},
		{ContentDisposition: `attachment; filename="a \"b\".txt"; filename*=UTF-8''%e2%82%ac.txt`},
		{ContentEncoding: "gzip"}, {ContentLanguage: "de, en"}, {CacheControl: "public, max-age=31536000, immutable"},
		t.options().Header,
	} {
		info := t.putWith("a", "content", dossier.PutOptions{Header: header})
		want := header
		if want.ContentType == "" {
			want.ContentType = info.Header.ContentType // a store may report application/octet-stream
		}
		if info.Header != want || header.ContentType == "" && !untyped(info.Header.ContentType) {
			t.Errorf("put returned %+v, want %+v", info.Header, header)
		}
		t.unchanged(info, "content")
	}
}

func untyped(contentType string) bool {
	return contentType == "" || contentType == "application/octet-stream"
}

func metadataReplaced(t *trial) {
	t.putWith("a", "content", t.options())
	other := dossier.PutOptions{Header: dossier.Header{CacheControl: "no-store"}, Metadata: map[string]string{"other": "x"}}
	info := t.putWith("a", "content", other)
	if !maps.Equal(info.Metadata, other.Metadata) || info.Header.ContentDisposition != "" || info.Header.CacheControl != "no-store" {
		t.Errorf("after an overwrite: %+v", info)
	}
	t.unchanged(info, "content")
	t.succeeds("delete", t.backend.Delete(t.ctx, "a", dossier.DeleteOptions{}))
	if info = t.put("a", "content"); len(info.Metadata) > 0 || info.Header.CacheControl != "" {
		t.Errorf("after a delete: %+v", info)
	}
}
