package fileobject_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

func TestTagSaysWhatTheColumnDemands(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]fileobject.Policy{
		"uploads":                          {Backend: "uploads"},
		"uploads,max:500":                  {Backend: "uploads", Max: 500},
		"uploads,max:1B":                   {Backend: "uploads", Max: 1},
		"uploads,max:20MiB,min:1kB":        {Backend: "uploads", Max: 20 << 20, Min: 1000},
		"uploads, max:2 GB , min:1KB":      {Backend: "uploads", Max: 2e9, Min: 1000},
		"uploads,max:4TiB":                 {Backend: "uploads", Max: 4 << 40},
		"uploads,accept:image/*|text/csv":  {Backend: "uploads", Accept: []string{"image/*", "text/csv"}},
		"uploads,accept: Image/PNG | */* ": {Backend: "uploads", Accept: []string{"image/png", "*/*"}},
		"uploads,many:50":                  {Backend: "uploads", Many: 50},
		"up.loads-2_x,checksum:sha256":     {Backend: "up.loads-2_x", Checksum: "sha256"},
		"uploads,disposition:attachment,cache:'private, max-age=60'": {
			Backend: "uploads", Disposition: "attachment", CacheControl: "private, max-age=60",
		},
	} {
		got, err := fileobject.ParsePolicy(tag)
		if err != nil {
			t.Errorf("%q: %v", tag, err)
			continue
		}
		if got.Key.String() != dossier.DefaultKeyTemplate {
			t.Errorf("%q: key template %q", tag, got.Key)
		}
		if want.Checksum == "" {
			want.Checksum = "crc32c"
		}
		want.Key = got.Key
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\n%+v\nwant\n%+v", tag, got, want)
		}
	}
}

func TestTagNamesTheKeyTemplate(t *testing.T) {
	t.Parallel()
	policy, err := fileobject.ParsePolicy("uploads,key:'tenants/{field:tenant_id}/a,b/{uuid}{ext}',max:1")
	if err != nil || policy.Key.String() != "tenants/{field:tenant_id}/a,b/{uuid}{ext}" || policy.Max != 1 {
		t.Errorf("%+v, %v", policy, err)
	}
}

// badTags are mistakes that must stop a program when it starts, not when its first user uploads.
var badTags = []string{
	"", ",", ",max:1", "max:1", ":", " ", "up loads", "uploads,", "uploads,,max:1", "uploads,max", "uploads,max:", "uploads,max:0", "uploads,max:-1",
	"uploads,max:+1", "uploads,max:1.5MiB", "uploads,max:1XiB", "uploads,max:1MiBB", "uploads,max:MiB", "uploads,max:5 5", "uploads,max:9999999TiB",
	"uploads,max:99999999999999999999", "uploads,max:0x10", "uploads,max:1,max:2", "uploads,min:2,max:1", "uploads,accept:", "uploads,accept:image",
	"uploads,accept:*", "uploads,accept:image/png|", "uploads,accept:image/png;q=1", "uploads,accept:image/**", "uploads,accept:image/p*",
	"uploads,accept:*/png", "uploads,accept:image/*+xml", "uploads,accept:a/b/c", "uploads,accept:image/\x00", "uploads,many:0", "uploads,many:-1",
	"uploads,many:x", "uploads,many:1.5", "uploads,many:+1", "uploads,key:", "uploads,key:{table}{ext}", "uploads,key:{uuid", "uploads,key:{uuid}{typo}",
	"uploads,key:/{uuid}", "uploads,key:../{uuid}", "uploads,key:.dossier/{uuid}", "uploads,key:{uuid}/{field:}", "uploads,checksum:md5", "uploads,checksum:",
	"uploads,disposition:inlined", "uploads,disposition:", "uploads,cache:", "uploads,cache:'a\nb'", "uploads,cache:'open", "uploads,cache:é",
	"uploads,class:", "uploads,class:a b", "uploads,acl:'x,y'", "uploads,acl:", "uploads,tags:", "uploads,tags:a", "uploads,tags:a=1|a=2",
	"uploads,tags:=1", "uploads,tags:a=<", "uploads,tags:a=1|b=2|c=3|d=4|e=5|f=6|g=7|h=8|i=9|j=10|k=11",
	"uploads,variants:small", "uploads,Max:1", "uploads,maximum:1", "uploads,required", "uploads;max:1", "up'loads", "\xff",
}

func TestMalformedTagIsRefused(t *testing.T) {
	t.Parallel()
	for _, tag := range badTags {
		policy, err := fileobject.ParsePolicy(tag)
		if !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%q gave %+v, %v; want ErrInvalid", tag, policy, err)
			continue
		}
		if !reflect.DeepEqual(policy, fileobject.Policy{}) {
			t.Errorf("%q: the failed parse returned %+v", tag, policy)
		}
	}
}

// The error is read by whoever wrote the tag: it has to say which word is wrong.
func TestTagErrorNamesTheOption(t *testing.T) {
	t.Parallel()
	_, err := fileobject.ParsePolicy("uploads,max:20MiB,acept:image/*")
	if err == nil || !strings.Contains(err.Error(), `"acept:image/*"`) || !strings.Contains(err.Error(), "accept") {
		t.Error(err)
	}
	_, err = fileobject.ParsePolicy("uploads,variants:small")
	wantIs(t, "variants", err, errors.ErrUnsupported)
}

// "image/*" is what people write for pictures; a picture that runs scripts (SVG) must be asked for by name.
func TestRangesTakePassiveTypesOnly(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		accept, contentType string
		want                bool
	}{
		{"", "anything/else", true},
		{"", "", true},
		{"image/*", "image/png", true},
		{"image/*", "IMAGE/PNG; x=y", true},
		{"image/*", "imagex/png", false},
		{"image/*", "image", false},
		{"image/*", "", false},
		{"image/*", "text/html", false},
		{"image/png", "image/png", true},
		{"image/png", "image/pngx", false},
		{"text/plain", "text/plain; charset=utf-8", true},
		{"*/*", "text/html", true},
		{"image/*", "image/svg+xml", false},
		{"image/*|image/svg+xml", "image/svg+xml", true},
		{"text/*", "text/html; charset=utf-8", false},
		{"text/*", "text/xml", false},
		{"text/*", "text/javascript", false},
		{"text/*", "text/csv", true},
		{"text/html", "text/html; charset=utf-8", true},
		{"application/*", "application/xhtml+xml", false},
		{"application/*", "application/pdf", true},
		{"image/png", "image/png;;;=", false},
	} {
		policy := fileobject.Policy{}
		if test.accept != "" {
			policy.Accept = strings.Split(test.accept, "|")
		}
		if got := policy.Accepts(test.contentType); got != test.want {
			t.Errorf("%q accepts %q: %v", test.accept, test.contentType, got)
		}
		if err := policy.CheckType(test.contentType); (err == nil) != test.want || err != nil && !errors.Is(err, dossier.ErrType) {
			t.Errorf("%q, %q: %v", test.accept, test.contentType, err)
		}
	}
}

func TestSizeLimitsIncludeTheirBounds(t *testing.T) {
	t.Parallel()
	policy := fileobject.Policy{Min: 2, Max: 4}
	for size, want := range map[int64]error{-1: nil, 0: dossier.ErrShortSource, 1: dossier.ErrShortSource, 2: nil, 4: nil, 5: dossier.ErrTooLarge} {
		if err := policy.CheckSize(size); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v, want %v", size, err, want)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	for _, tag := range badTags {
		f.Add(tag)
	}
	f.Add("uploads,max:20MiB,accept:image/*|application/pdf,key:{table}/{uuid}{ext},cache:'private, max-age=60',many:3")
	f.Fuzz(func(t *testing.T, tag string) {
		policy, err := fileobject.ParsePolicy(tag)
		if err != nil {
			if !errors.Is(err, dossier.ErrInvalid) {
				t.Fatalf("%q: %v", tag, err)
			}
			return
		}
		if err := new(dossier.Registry).Register(policy.Backend, &shelf{}); err != nil {
			t.Fatalf("%q names a backend that nobody can register: %v", tag, err)
		}
		if policy.Max < 0 || policy.Min < 0 || policy.Many < 0 || policy.Max > 0 && policy.Min > policy.Max {
			t.Fatalf("%q: %+v", tag, policy)
		}
		for _, accepted := range policy.Accept {
			example := strings.Replace(accepted, "*/*", "a/*", 1)
			if example = strings.Replace(example, "/*", "/x", 1); !policy.Accepts(example) {
				t.Fatalf("%q does not accept %q", tag, example)
			}
		}
	})
}

func ExampleParsePolicy() {
	policy, err := fileobject.ParsePolicy("uploads,max:20MiB,accept:image/*|application/pdf,key:{table}/{uuid}{ext}")
	fmt.Println(err)
	fmt.Println(policy.Backend, policy.Max, policy.Accept, policy.Key, policy.Checksum)
	fmt.Println(policy.CheckType("text/html"))

	_, err = fileobject.ParsePolicy("uploads,max:20XB")
	fmt.Println(err)
	// Output:
	// <nil>
	// uploads 20971520 [image/* application/pdf] {table}/{uuid}{ext} crc32c
	// content type not accepted: the bytes are text/html; accepted: image/*, application/pdf
	// file tag "uploads,max:20XB": invalid argument: option "max:20XB": want a size from 1 such as 500, 64KiB or 20MB
}
