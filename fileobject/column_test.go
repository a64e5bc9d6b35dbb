package fileobject_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// Rows go both ways between this module and the Python library: these are rows as that one writes them.
func TestRowsOfThePythonLibraryAreRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		in   any
		want dossier.Record
	}{
		"all nine keys": {
			`{"filename": "docs/a.txt", "content_type": "text/plain", "size": 12, "last_modified": 1700000000.25, "checksum": null,
			"etag": "\"1-2-3\"", "version_id": null, "metadata": {"tag": "x"}, "backend": "uploads"}`,
			dossier.Record{Backend: "uploads", Key: "docs/a.txt", Filename: "docs/a.txt", ContentType: "text/plain", Size: 12, ETag: `"1-2-3"`},
		},
		"before its upload": {
			`{"filename":"a.txt","content_type":"text/plain","size":null,"last_modified":null,"checksum":null,"etag":null,"version_id":null,"metadata":{},"backend":"uploads"}`,
			dossier.Record{Backend: "uploads", Key: "a.txt", Filename: "a.txt", ContentType: "text/plain", Size: -1},
		},
		"bytes with unknown keys": {
			[]byte(`{"filename":"a.txt","backend":"uploads","owner":{"id":7}}`),
			dossier.Record{Backend: "uploads", Key: "a.txt", Filename: "a.txt", Size: -1},
		},
		"a backend that is not registered": {
			`{"filename":"a.txt","backend":"gone"}`, dossier.Record{Backend: "gone", Key: "a.txt", Filename: "a.txt", Size: -1},
		},
	} {
		var f fileobject.FileObject
		if err := f.Scan(test.in); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f.Backend != test.want.Backend || f.Key != test.want.Key || f.Filename != test.want.Filename || f.ContentType != test.want.ContentType ||
			f.Size != test.want.Size || f.ETag != test.want.ETag || !f.Foreign() {
			t.Errorf("%s: %+v", name, f.Record)
		}
		if origin := f.Origin(); origin == nil || len(origin.References()) != 1 || origin.References()[0] != f.Reference() {
			t.Errorf("%s: origin %v", name, f.Origin())
		}
		value, err := f.Value()
		if err != nil || strings.Contains(value.(string), "to_filename") || name == "bytes with unknown keys" && !strings.Contains(value.(string), `"owner":{"id":7}`) {
			t.Errorf("%s: written back as %v, %v", name, value, err)
		}
	}
}

// A column that cannot be read must say so, and leave the struct alone: half a record would be written back.
func TestMalformedColumnIsRefused(t *testing.T) {
	t.Parallel()
	for _, in := range []any{
		"", "{", `{"filename":"a"`, `{"filename":"a"}}`, `[{"filename":"a"}]`, `[]`, `"text"`, "7", "true", "nil", "{'filename':'a'}", `{"filename":1}`,
		`{"filename":"a","size":"1"}`, `{"filename":"a","size":-1}`, `{"filename":"a","metadata":[]}`, []byte("\xff"), 7, 1.5, true,
		struct{}{},
	} {
		f := fileobject.FileObject{Record: dossier.Record{Key: "kept"}}
		if err := f.Scan(in); !errors.Is(err, dossier.ErrInvalid) || f.Key != "kept" {
			t.Errorf("%v: %v; the key is now %q", in, err, f.Key)
		}
	}
}

func TestNothingIsNULL(t *testing.T) {
	t.Parallel()
	for _, in := range []any{nil, "null", []byte(" null\n")} {
		f := *fileobject.FromBytes("a", []byte("pending"), fileobject.Options{})
		if err := f.Scan(in); err != nil || !f.IsZero() || f.Pending() || f.Origin() != nil {
			t.Errorf("%v: %v, %+v", in, err, f)
		}
		if value, err := f.Value(); value != nil || err != nil {
			t.Errorf("%v is written back as %v, %v; want SQL NULL", in, value, err)
		}
		if text, err := json.Marshal(f); string(text) != "null" || err != nil {
			t.Errorf("%v is marshalled as %s, %v", in, text, err)
		}
	}
	var none *fileobject.FileObject
	if text, err := json.Marshal(none); string(text) != "null" || err != nil {
		t.Errorf("%s, %v", text, err)
	}
	if none.Origin() != nil || none.Pending() || none.Bind(nil) != nil || none.String() != "no file" {
		t.Error("a nil handle is no file")
	}
}

// Scanning over a pending file drops its bytes: the row is the truth now.
func TestScanDropsPendingBytes(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	s.exchange("k", "stored")
	f := fileobject.FromBytes("a", []byte("pending"), fileobject.Options{})
	if err := f.Scan(`{"filename":"a","to_filename":"k","backend":"uploads"}`); err != nil {
		t.Fatal(err)
	}
	if f.Pending() || f.Foreign() || content(ctx, t, f) != "stored" {
		t.Errorf("%v", f)
	}
}

// A reference from a client is only data: it brings no origin, and no bytes, with which a unit of work would let it in.
func TestJSONFromAClientIsOnlyData(t *testing.T) {
	t.Parallel()
	const hostile = `{"filename":"a","to_filename":"other/tenants/file","backend":"uploads"}`
	f := fileobject.FromBytes("a", []byte("pending"), fileobject.Options{})
	if err := json.Unmarshal([]byte(hostile), f); err != nil {
		t.Fatal(err)
	}
	if f.Origin() != nil || f.Pending() || f.Key != "other/tenants/file" {
		t.Errorf("%v has the origin %v", f, f.Origin())
	}
	if err := f.UnmarshalJSON([]byte(`[1]`)); !errors.Is(err, dossier.ErrInvalid) || f.Key != "other/tenants/file" {
		t.Errorf("%v, %v", err, f)
	}
}

// Origins are shared between handles: none of them may change what another one remembers.
func TestOriginIsImmutable(t *testing.T) {
	t.Parallel()
	var list fileobject.List
	if err := list.Scan(`[{"filename":"a","backend":"u"},{"filename":"b","backend":"u"}]`); err != nil {
		t.Fatal(err)
	}
	references := list[0].Origin().References()
	references[0].Key = "changed"
	if got := list[1].Origin().References()[0].Key; got != "a" {
		t.Errorf("the other handle's origin begins with %q", got)
	}
	if fmt.Sprint(list[0].Origin().References()) != "[{u a} {u b}]" {
		t.Errorf("%v", list[0].Origin().References())
	}
}

// After a commit the struct can be updated again: its handles know what the row holds.
func TestRememberTellsTheHandlesOfAColumn(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	one := commit(ctx, t, fileobject.FromBytes("a", []byte("1"), fileobject.Options{}), "uploads")
	two := commit(ctx, t, fileobject.FromBytes("b", []byte("2"), fileobject.Options{}), "uploads")
	copied := *one
	fileobject.Remember(one, nil, two)
	want := fmt.Sprint([]fileobject.Reference{one.Reference(), two.Reference()})
	for _, f := range []*fileobject.FileObject{one, two, &copied} {
		if got := f.Origin(); got == nil || f != &copied && fmt.Sprint(got.References()) != want {
			t.Errorf("%v remembers %v, want %s", f, got, want)
		}
	}
}

// The types work where database/sql expects them, as value and as pointer.
func TestFileObjectIsAColumnByValueAndByPointer(t *testing.T) {
	t.Parallel()
	var row struct {
		ByValue   fileobject.FileObject
		ByPointer *fileobject.FileObject
		Wrapped   sql.Null[fileobject.FileObject]
	}
	const text = `{"filename":"a","to_filename":"k","content_type":null,"size":1,"last_modified":null,"checksum":null,"etag":null,"version_id":null,"metadata":{},"backend":"u"}`
	row.ByPointer = &fileobject.FileObject{}
	for _, scanner := range []sql.Scanner{&row.ByValue, row.ByPointer} {
		if err := scanner.Scan([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []fileobject.FileObject{row.ByValue, *row.ByPointer} {
		if value, err := f.Value(); err != nil || value != text {
			t.Errorf("%v, %v", value, err)
		}
	}
}

func FuzzFileObjectScan(f *testing.F) {
	f.Add(`{"filename":"n","to_filename":"k","size":3,"last_modified":1.5,"metadata":{"a":1},"backend":"u"}`)
	f.Add(`{"filename":"a/b","future":[{}],"etag":"\"x\""}`)
	f.Add(`null`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, text string) {
		var file fileobject.FileObject
		if err := file.Scan(text); err != nil {
			if !errors.Is(err, dossier.ErrInvalid) || !file.IsZero() {
				t.Fatalf("%q: %v, %v", text, err, &file)
			}
			return
		}
		if file.Pending() || (file.Origin() != nil) != (file.Key != "") {
			t.Fatalf("%q: %v with origin %v", text, &file, file.Origin())
		}
		value, err := file.Value()
		if err != nil || value == nil {
			return
		}
		var again, inList fileobject.FileObject
		if err := again.Scan(value); err != nil {
			t.Fatalf("%q was written as %q: %v", text, value, err)
		}
		if second, _ := again.Value(); second != value || again.Reference() != file.Reference() || again.Foreign() != file.Foreign() {
			t.Fatalf("%q, then %q", value, second)
		}
		marshalled, err := json.Marshal(file)
		if err != nil || json.Unmarshal(marshalled, &inList) != nil || inList.Reference() != file.Reference() {
			t.Fatalf("%q marshals to %q (%v)", text, marshalled, err)
		}
	})
}
