package urlparam_test

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier/internal/urlparam"
)

func parse(t *testing.T, query string) *urlparam.Set {
	t.Helper()
	p, err := urlparam.Parse(query)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Each reader understands its values and has its default when nothing is given.
func TestReaders(t *testing.T) {
	t.Parallel()
	given := parse(t, "text=a%26b&number=7&duration=90s&truth=true&choice=b&mode=0640&bytes=500&size=64KiB&big=2GB")
	missing := parse(t, "")
	for name, row := range map[string]struct{ got, want, unset any }{
		"text":     {given.Text("text"), "a&b", missing.Text("text")},
		"number":   {given.Number("number", 7), 7, missing.Number("number", 7)},
		"duration": {given.Duration("duration"), 90 * time.Second, missing.Duration("duration")},
		"truth":    {given.Truth("truth"), true, missing.Truth("truth")},
		"choice":   {given.Choice("choice", "a", "b"), 1, missing.Choice("choice", "a", "b")},
		"mode":     {given.Mode("mode"), fs.FileMode(0o640), missing.Mode("mode")},
		"bytes":    {given.Size("bytes"), int64(500), missing.Size("bytes")},
		"size":     {given.Size("size"), int64(64 << 10), missing.Size("size")},
		"big":      {given.Size("big"), int64(2e9), missing.Size("big")},
	} {
		if row.got != row.want {
			t.Errorf("%s is %v, want %v", name, row.got, row.want)
		}
		if row.unset != "" && row.unset != 0 && row.unset != false && row.unset != time.Duration(0) && row.unset != fs.FileMode(0) && row.unset != int64(0) {
			t.Errorf("%s without a value is %v", name, row.unset)
		}
	}
	for _, p := range []*urlparam.Set{given, missing} {
		if err := p.Done(); err != nil {
			t.Error(err)
		}
	}
}

// read takes every parameter with the reader of its name.
func read(p *urlparam.Set) error {
	p.Text("text")
	p.Number("number", 100)
	p.Duration("duration")
	p.Truth("truth")
	p.Choice("choice", "first", "second")
	p.Mode("mode")
	p.Size("size")
	return p.Done()
}

// What is not understood is an error that says what would be right, and never what was given: it may be a secret that
// stands in the wrong place.
func TestMistakesAreNamedAndValuesAreNot(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"text=":                     "text: want a value",
		"text=a&text=hunter2":       "text is given twice",
		"number=0":                  "number: want a number from 1 to 100",
		"number=101":                "number: want a number",
		"number=-1":                 "number: want a number",
		"number=hunter2":            "number: want a number",
		"number=99999999999999":     "number: want a number",
		"duration=hunter2":          "duration: want a time",
		"duration=0s":               "duration: want a time",
		"duration=-5m":              "duration: want a time",
		"duration=5":                "duration: want a time",
		"truth=hunter2":             "truth: want true or false",
		"truth=":                    "truth: want true or false",
		"choice=hunter2":            "choice: want first, second",
		"choice=":                   "choice: want first, second",
		"mode=hunter2":              "mode: want octal",
		"mode=0":                    "mode: want octal",
		"mode=4755":                 "mode: want octal",
		"size=hunter2":              "size: want a size",
		"size=0":                    "size: want a size",
		"size=-1":                   "size: want a size",
		"size=5KB":                  "size: want a size",
		"size=9999999999GiB":        "size: want a size",
		"size=9223372036854775807B": "size: want a size",
		"other=hunter2":             `unknown parameter "other"; there are text, number, duration, truth, choice, mode, size`,
	} {
		err := read(parse(t, query))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", query, err, want)
		}
	}
	if _, err := urlparam.Parse("a=%zzhunter2"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a query that is no query: %v", err)
	}
}

// All mistakes are said at once, so that a URL is not put right one error at a time.
func TestAllMistakesAreSaidAtOnce(t *testing.T) {
	t.Parallel()
	err := read(parse(t, "number=x&size=y&b=1&a=2"))
	for _, want := range []string{"number", "size", `"a"`, `"b"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
}

// A parameter that is for somebody else is cut out, and what is left is still a query.
func TestAParameterIsCutOut(t *testing.T) {
	t.Parallel()
	p := parse(t, "text=a%26b&prefix=x%2Fy&number=7")
	value, given, err := p.Cut("prefix")
	if value != "x/y" || !given || err != nil || p.Encode() != "number=7&text=a%26b" {
		t.Errorf("%q, %v, %v; left %q", value, given, err, p.Encode())
	}
	if _, given, err := p.Cut("prefix"); given || err != nil {
		t.Errorf("cut twice: %v, %v", given, err)
	}
	if err := read(p); err != nil {
		t.Error(err)
	}
	for _, query := range []string{"prefix=", "prefix=hunter2&prefix=b"} {
		if _, _, err := parse(t, query).Cut("prefix"); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", query, err)
		}
	}
}
