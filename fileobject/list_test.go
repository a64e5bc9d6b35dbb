package fileobject_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

func TestListIsStoredAsAnArray(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"null":               nil,
		" null ":             nil,
		"[]":                 {},
		"[null]":             {},
		"[ {} , null ]":      {},
		`[{"filename":"a"}]`: {"a"},
		`[{"filename":"a"},null,{"filename":"b","to_filename":"k"}]`: {"a", "k"},
		`{"filename":"a"}`:                    {"a"},
		" \n{\"filename\":\"a\"}":             {"a"},
		`[{"filename":"a"},{"filename":"a"}]`: {"a", "a"},
	} {
		for _, src := range []any{in, []byte(in)} {
			list := fileobject.List{{Record: dossier.Record{Key: "old"}}}
			if err := list.Scan(src); err != nil {
				t.Errorf("%s: %v", in, err)
				continue
			}
			if list.IsZero() != (want == nil) || len(list) != len(want) {
				t.Errorf("%s: %v", in, list)
				continue
			}
			for i, f := range list {
				if f.Key != want[i] {
					t.Errorf("%s: element %d is %v", in, i, f)
				}
			}
		}
	}
	var list fileobject.List
	if err := list.Scan(nil); err != nil || list != nil {
		t.Errorf("%v, %v", list, err)
	}
}

// NULL and the empty list are different things to a query; both must survive a round trip.
func TestNilListIsNULLAndEmptyListIsNot(t *testing.T) {
	t.Parallel()
	if value, err := fileobject.List(nil).Value(); value != nil || err != nil {
		t.Errorf("%v, %v", value, err)
	}
	if value, err := (fileobject.List{}).Value(); value != "[]" || err != nil {
		t.Errorf("%v, %v", value, err)
	}
}

func TestMalformedListIsRefused(t *testing.T) {
	t.Parallel()
	for _, in := range []any{
		"", "[", "[,]", "[1]", `["a"]`, "[[]]", `[{"filename":"a"}`, `[{"filename":"a"}]]`, `[{"filename":"a","size":-1}]`, `{"filename":1}`, `{"filename":"a"}{}`,
		`"text"`, "7", "true", []byte("\xff"), 7, true,
		[]string{"a"},
	} {
		list := fileobject.List{{Record: dossier.Record{Key: "kept"}}}
		if err := list.Scan(in); !errors.Is(err, dossier.ErrInvalid) || len(list) != 1 || list[0].Key != "kept" {
			t.Errorf("%v: %v; the list is now %v", in, err, list)
		}
	}
}

// One element that is not stored would be a reference to nothing: the whole statement must fail.
func TestListWithoutAllItsBytesIsNotWritten(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	good := commit(ctx, t, fileobject.FromBytes("a", []byte("x"), fileobject.Options{}), "uploads")
	staged := fileobject.FromBytes("a", []byte("x"), fileobject.Options{})
	stage(ctx, t, staged, "uploads")
	for name, bad := range map[string]*fileobject.FileObject{
		"nil": nil, "zero": {}, "pending": fileobject.FromBytes("b", nil, fileobject.Options{}), "staged": staged,
	} {
		value, err := fileobject.List{good, bad}.Value()
		if !errors.Is(err, dossier.ErrInvalid) || value != nil || !strings.Contains(err.Error(), "element 1") {
			t.Errorf("%s: %v, %v", name, value, err)
		}
	}
	value, err := fileobject.List{good}.Value()
	if one, _ := good.Value(); err != nil || value != "["+one.(string)+"]" {
		t.Errorf("%v, %v", value, err)
	}
}

func TestListBindsItsFiles(t *testing.T) {
	t.Parallel()
	s := &copyingShelf{shelf: shelf{capabilities: full}}
	s.exchange("k", "text")
	var list fileobject.List
	if err := list.Scan(`[{"filename":"k","backend":"uploads"}]`); err != nil {
		t.Fatal(err)
	}
	list = append(list, nil)
	if got := content(t.Context(), t, list.Bind(s.registry(t))[0]); got != "text" {
		t.Errorf("%q", got)
	}
}

func TestListMarshalsItsFiles(t *testing.T) {
	t.Parallel()
	var list, back fileobject.List
	if err := list.Scan(`[{"filename":"a","to_filename":"k","backend":"u"}]`); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(list)
	if value, _ := list.Value(); err != nil || string(text) != value {
		t.Errorf("%s, %v; the column holds %v", text, err, value)
	}
	if err := json.Unmarshal(text, &back); err != nil || len(back) != 1 || back[0].Key != "k" || back[0].Origin() != nil {
		t.Errorf("%v, %v", back, err)
	}
}

func FuzzListScan(f *testing.F) {
	f.Add(`[{"filename":"a"},null,{"filename":"b","to_filename":"k","x":[1]}]`)
	f.Add(`{"filename":"a"}`)
	f.Add(`[]`)
	f.Add(`null`)
	f.Add(`[{}]`)
	f.Fuzz(func(t *testing.T, text string) {
		var list fileobject.List
		if err := list.Scan(text); err != nil {
			if !errors.Is(err, dossier.ErrInvalid) || list != nil {
				t.Fatalf("%q: %v, %v", text, err, list)
			}
			return
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("accepted %q, which is no JSON", text)
		}
		value, err := list.Value()
		if err != nil || value == nil {
			return
		}
		var again fileobject.List
		if err := again.Scan(value); err != nil || len(again) != len(list) {
			t.Fatalf("%q was written as %q: %v", text, value, err)
		}
		if second, _ := again.Value(); second != value {
			t.Fatalf("%q, then %q", value, second)
		}
	})
}
