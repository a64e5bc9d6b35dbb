package dossier_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
)

// The decoder is written by hand for speed. Whatever it accepts it must read as encoding/json does, and it must accept
// nothing that is no JSON: a row is read by other programs too.
func FuzzRecordScanAgreesWithEncodingJSON(f *testing.F) {
	for _, text := range []string{
		`{"filename":"a","to_filename":"k","etag":"\"x\"","size":3}`, `{"filename":"\u00e9\ud83d\ude00\n\/\\"}`, `{"filename":"\ud83d"}`,
		`{"filename":"\ud83d\u0041"}`, `{"filename":"\ude00\ud83d"}`, "{\"filename\":\"\xff\"}", "{\"filename\":\"\xed\xa0\x80\"}", "{\"filename\":\"é\x7f\"}",
		"{\"filename\":\"a\tb\"}", `{"filename":"\x41"}`, `{"filename":"\u12"}`, `{"filename":"\u12g4"}`, `{"filename":"\`, `{"filename":"a\"}`,
		`{"metadata":{"a":[1,-0.5e+3,true,false,null,{"b":"\""},[]],"a":{}}}`, `{"metadata":{"a":01}}`, `{"metadata":{"a":1.}}`, `{"metadata":{"a":1e}}`,
		`{"metadata":{"a":-}}`, `{"metadata":{"a":+1}}`, `{"metadata":{"a":.5}}`, `{"metadata":{"a":1}`, `{"metadata":{"a" 1}}`, `{"metadata":{"a":[1,]}}`,
		`{"metadata":{,}}`, `{"metadata":{"a":nul}}`, `{"metadata":{ }}`, `{"metadata":null,"filename":null}`, `{"x":{"a":[{}]},"y":[1,[2]],"z":"\u0041"}`,
		`{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, `{"metadata":{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}}`,
		`{"\u0066ilename":"a"}`, `{"filename":"a","filename":"b"}`, `{"metadata":{"a":1},"metadata":{"b":2}}`, `{"FILENAME":"a"}`, `{}`, `{"filename":}`,
		`{"filename":"a",}`, `{"size":1e2}`, `{"size":true}`, `{"last_modified":"1"}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var got dossier.Record
		err := got.Scan(text)
		if err != nil {
			if !errors.Is(err, dossier.ErrInvalid) || !reflect.DeepEqual(got, dossier.Record{}) {
				t.Fatalf("%q: %v, %+v", text, err, got)
			}
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("accepted %q: %v", text, err)
		}
		for name, have := range map[string]string{
			"filename": got.Filename, "content_type": got.ContentType, "checksum": got.Checksum, "etag": got.ETag,
			"version_id": got.VersionID, "backend": got.Backend,
		} {
			if wanted := asText(t, want[name]); have != wanted {
				t.Fatalf("%q: %s is %q, want %q", text, name, have, wanted)
			}
		}
		if metadata := asMetadata(t, want["metadata"]); len(metadata)+len(got.Metadata) > 0 && !reflect.DeepEqual(got.Metadata, metadata) {
			t.Fatalf("%q: metadata is %#v, want %#v", text, got.Metadata, metadata)
		}
	})
}

func asText(t *testing.T, raw json.RawMessage) (s string) {
	t.Helper()
	if raw == nil {
		return ""
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func asMetadata(t *testing.T, raw json.RawMessage) (metadata map[string]any) {
	t.Helper()
	if raw == nil {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	if err := decoder.Decode(&metadata); err != nil {
		t.Fatal(err)
	}
	return metadata
}

// The half second before 1970 has the whole part "-0", which is not less than zero.
func TestTimesBefore1970KeepTheirSign(t *testing.T) {
	t.Parallel()
	for _, seconds := range []string{"-0.5", "-0.000001", "-1.5", "-86400.25", "0.5", "0.0"} {
		var r, back dossier.Record
		if err := r.Scan(`{"filename":"a","last_modified":` + seconds + `}`); err != nil {
			t.Fatal(err)
		}
		value, err := r.Value()
		if err != nil || back.Scan(value) != nil || !back.LastModified.Equal(r.LastModified) || (r.LastModified.Unix() < 0) != (seconds[0] == '-') {
			t.Errorf("%s is %v, then %v (%v)", seconds, r.LastModified, back.LastModified, err)
		}
	}
}

// An ETag is in quotes, so every stored record has an escape: that must not cost the fast path. The bound is one
// allocation for the text and one for each string with escapes.
func TestDecodingARecordAllocatesLittle(t *testing.T) {
	record := sampleRecord()
	record.Filename, record.Metadata = "Größe – 写真.pdf", nil
	text, err := record.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var src any = text
	var got dossier.Record
	if n := testing.AllocsPerRun(100, func() { err = got.Scan(src) }); n > 2 || err != nil {
		t.Errorf("%v allocations, %v", n, err)
	}
	if !reflect.DeepEqual(got, record) {
		t.Errorf("%+v, want %+v", got, record)
	}
}
