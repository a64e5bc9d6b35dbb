package dossier_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
)

func sampleRecord() dossier.Record {
	return dossier.Record{
		Backend: "uploads", Key: "documents/file/0198c0de.pdf", Filename: "Plan <2> & \"co\".pdf", ContentType: "application/pdf",
		Size: 12345, LastModified: time.UnixMicro(1763712000123456).UTC(), Checksum: "crc32c:0a1b2c3d", ETag: `"abc"`, VersionID: "v1",
		Metadata: map[string]any{"pages": json.Number("3"), "variants": map[string]any{"small": "x"}},
	}
}

// The golden file freezes the stored format: rows written today must be read by every later version, and by the Python
// library whose keys they have.
func TestRecordStoredFormatIsFrozen(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("testdata/record_v1.json")
	if err != nil {
		t.Fatal(err)
	}
	value, err := sampleRecord().Value()
	if err != nil {
		t.Fatal(err)
	}
	if value != strings.TrimSpace(string(golden)) {
		t.Errorf("stored form\n%v\nwant\n%s", value, golden)
	}
	var back dossier.Record
	if err := back.Scan(golden); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, sampleRecord()) {
		t.Errorf("read back %+v", back)
	}
}

func TestRecordScanTable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		in    any
		want  dossier.Record
		fails bool
	}{
		"NULL":                  {in: nil},
		"JSON null is NULL":     {in: " null "},
		"no to_filename":        {in: `{"filename":"a/b.txt","backend":"u","size":null}`, want: dossier.Record{Backend: "u", Key: "a/b.txt", Filename: "a/b.txt", Size: -1}},
		"bytes":                 {in: []byte(`{"filename":"n","to_filename":"k","size":0}`), want: dossier.Record{Key: "k", Filename: "n"}},
		"escapes":               {in: `{"filename":"n\"é\u0041","to_filename":"k"}`, want: dossier.Record{Key: "k", Filename: "n\"éA", Size: -1}},
		"white space":           {in: " {\n\"filename\" : \"n\" , \"to_filename\":\t\"k\" } ", want: dossier.Record{Key: "k", Filename: "n", Size: -1}},
		"whole seconds":         {in: `{"to_filename":"k","last_modified":10}`, want: dossier.Record{Key: "k", Size: -1, LastModified: time.Unix(10, 0).UTC()}},
		"seconds with exponent": {in: `{"to_filename":"k","last_modified":1e1}`, want: dossier.Record{Key: "k", Size: -1, LastModified: time.Unix(10, 0).UTC()}},
		"list":                  {in: `[{"filename":"n"}]`, fails: true},
		"number":                {in: `7`, fails: true},
		"a type":                {in: 7, fails: true},
		"cut":                   {in: `{"filename":"n"`, fails: true},
		"trailing":              {in: `{"filename":"n"} x`, fails: true},
		"second object":         {in: `{"filename":"n"}{}`, fails: true},
		"empty":                 {in: "", fails: true},
		"size text":             {in: `{"filename":"n","size":"1"}`, fails: true},
		"size negative":         {in: `{"filename":"n","size":-5}`, fails: true},
		"size fraction":         {in: `{"filename":"n","size":1.5}`, fails: true},
		"size leading zero":     {in: `{"filename":"n","size":01}`, fails: true},
		"name number":           {in: `{"filename":5}`, fails: true},
		"time huge":             {in: `{"filename":"n","last_modified":1e300}`, fails: true},
		"metadata list":         {in: `{"filename":"n","metadata":[1]}`, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := dossier.Record{Key: "kept"}
			err := got.Scan(test.in)
			if test.fails {
				if !errors.Is(err, dossier.ErrInvalid) || got.Key != "kept" {
					t.Errorf("got %+v, %v; want ErrInvalid and an unchanged record", got, err)
				}
				return
			}
			if err != nil || got.Key != test.want.Key || got.Filename != test.want.Filename || got.Size != test.want.Size ||
				got.Backend != test.want.Backend || !got.LastModified.Equal(test.want.LastModified) {
				t.Errorf("got %+v, %v; want %+v", got, err, test.want)
			}
		})
	}
}

// A newer version, or another library, may add keys: they must survive a round trip through this one.
func TestRecordKeepsUnknownKeys(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		`{"filename":"n","to_filename":"k","future":{"a":[1,2]},"backend":"u","flag":true}`,
		`{"filename":"né","to_filename":"k","future":{"a":[1,2]},"backend":"u","flag":true}`,
	} {
		var r dossier.Record
		if err := r.Scan(in); err != nil {
			t.Fatal(err)
		}
		value, err := r.Value()
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"future":{"a":[1,2]}`, `"flag":true`} {
			if !strings.Contains(value.(string), want) {
				t.Errorf("%s lost %s", value, want)
			}
		}
	}
}

// A record of another library must be written back as it was: without to_filename.
func TestRecordOfAnotherLibraryStaysForeign(t *testing.T) {
	t.Parallel()
	var r dossier.Record
	if err := r.Scan(`{"filename":"a.txt","backend":"u"}`); err != nil {
		t.Fatal(err)
	}
	value, _ := r.Value()
	if !r.Foreign() || strings.Contains(value.(string), "to_filename") {
		t.Errorf("foreign %v, %s", r.Foreign(), value)
	}
}

// Databases change or refuse NUL and invalid UTF-8, and then row and object differ: it must fail before the statement.
func TestRecordRefusesTextThatDatabasesChange(t *testing.T) {
	t.Parallel()
	for _, r := range []dossier.Record{
		{Key: "a\x00b"}, {Key: "k", Filename: "\xff"}, {Key: "k", Metadata: map[string]any{"a": "\x00"}},
		{Key: "k", Metadata: map[string]any{"a": func() {}}},
	} {
		if value, err := r.Value(); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%+v gave %v, %v", r, value, err)
		}
	}
}

func FuzzRecordScan(f *testing.F) {
	f.Add(`{"filename":"n","to_filename":"k","size":3,"last_modified":1.5,"metadata":{"a":1},"backend":"u"}`)
	f.Add(`{"filename":"n\u00e9","x":[{}],"size":01}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, text string) {
		var r dossier.Record
		if r.Scan(text) != nil {
			return
		}
		if !r.IsZero() && !json.Valid([]byte(text)) {
			t.Fatalf("accepted %q, which is no JSON", text)
		}
		value, err := r.Value()
		if err != nil || value == nil {
			return
		}
		var back dossier.Record
		if err := back.Scan(value); err != nil {
			t.Fatalf("%q was written as %q: %v", text, value, err)
		}
		again, _ := back.Value()
		if again != value {
			t.Fatalf("%q, then %q", value, again)
		}
	})
}
