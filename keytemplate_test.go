package dossier_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
)

const uuidPattern = `[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`

func columns(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { value, ok := values[name]; return value, ok }
}

// Each word of a template is replaced by what its documentation says.
func TestKeyTemplateFillsEachWord(t *testing.T) {
	t.Parallel()
	values := dossier.KeyValues{
		Table: "documents", Field: "file", Extension: ".pdf",
		ID: func() (string, bool) { return "42", true }, Column: columns(map[string]string{"tenant_id": "acme"}),
		Now: time.Date(2026, 3, 4, 23, 0, 0, 0, time.FixedZone("", -2*3600)),
	}
	for text, want := range map[string]string{
		dossier.DefaultKeyTemplate:       `documents/file/` + uuidPattern + `\.pdf`,
		"{uuid}":                         uuidPattern,
		"x{uuid}y":                       `x` + uuidPattern + `y`,
		"{date}/{uuid}":                  `2026/03/05/` + uuidPattern,
		"{field:tenant_id}/{id}-{uuid}":  `acme/42-` + uuidPattern,
		"{uuid}/{uuid}{ext}{ext}":        uuidPattern + `/` + uuidPattern + `\.pdf\.pdf`,
		"%2F {uuid} #?":                  `%2F ` + uuidPattern + ` #\?`,
		"{table}-{field}/a.b/{uuid}.bin": `documents-file/a\.b/` + uuidPattern + `\.bin`,
	} {
		template := must[dossier.KeyTemplate](t)(dossier.ParseKeyTemplate(text))
		key := must[string](t)(template.Key(values))
		if !regexp.MustCompile("^" + want + "$").MatchString(key) {
			t.Errorf("%s gives %s, want %s", text, key, want)
		}
		if template.String() != text {
			t.Errorf("String is %q, want %q", template, text)
		}
	}
}

// A template is written once and used for years: mistakes in it must show when it is parsed.
func TestKeyTemplateIsCheckedWhenItIsParsed(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "fixed", "{table}/{id}", "{uuid", "uuid}", "{uuid}}", "{{uuid}}", "{}", "{UUID}/{uuid}", "{ uuid }", "{uuid}{field:}",
		"{table:x}{uuid}", "{nothing}{uuid}", "/{uuid}", "{uuid}/", "a//{uuid}", "../{uuid}", `a\{uuid}`, ".dossier/{uuid}",
		"{uuid}\n", strings.Repeat("x", 256) + "{uuid}", "{table field}{uuid}",
	} {
		if _, err := dossier.ParseKeyTemplate(text); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", text, err)
		}
	}
}

// A tenant named "../other" must not put its files where another tenant's are: values are refused, never cleaned.
func TestKeyTemplateRefusesValuesThatWouldMoveTheKey(t *testing.T) {
	t.Parallel()
	template := must[dossier.KeyTemplate](t)(dossier.ParseKeyTemplate("{field:tenant}/{id}/{uuid}{ext}"))
	for _, bad := range []string{"", ".", "..", "../x", "a/b", "/", "a\x00", `a\b`, "\xff", ".dossier", strings.Repeat("x", 256)} {
		values := dossier.KeyValues{ID: func() (string, bool) { return "1", true }, Column: columns(map[string]string{"tenant": bad})}
		if key, err := template.Key(values); !errors.Is(err, dossier.ErrInvalidKey) {
			t.Errorf("tenant %q gives %q, %v; want ErrInvalidKey", bad, key, err)
		}
	}
	for _, bad := range []string{"/../x", ".a/b", ".p\x00", "pdf", ".", strings.Repeat(".x", 128)} {
		values := dossier.KeyValues{ID: func() (string, bool) { return "1", true }, Extension: bad, Column: columns(map[string]string{"tenant": "a"})}
		if key, err := template.Key(values); !errors.Is(err, dossier.ErrInvalidKey) {
			t.Errorf("extension %q gives %q, %v; want ErrInvalidKey", bad, key, err)
		}
	}
}

// A key with "" in place of the id of a row that is not inserted yet would be shared by all new rows.
func TestKeyTemplateRefusesWhatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	template := must[dossier.KeyTemplate](t)(dossier.ParseKeyTemplate("{id}/{uuid}"))
	if !template.NeedsID() {
		t.Error("NeedsID is false for a template with {id}")
	}
	unknown := func() (string, bool) { return "", false }
	for _, id := range []func() (string, bool){nil, unknown} {
		if key, err := template.Key(dossier.KeyValues{ID: id}); !errors.Is(err, dossier.ErrInvalidKey) {
			t.Errorf("%q, %v; want ErrInvalidKey", key, err)
		}
	}
	template = must[dossier.KeyTemplate](t)(dossier.ParseKeyTemplate("{field:a}/{uuid}/{field:b}"))
	if got := fmt.Sprint(template.Columns(), template.NeedsID()); got != "[a b] false" {
		t.Errorf("Columns and NeedsID are %s", got)
	}
	if key, err := template.Key(dossier.KeyValues{Column: columns(map[string]string{"a": "1"})}); !errors.Is(err, dossier.ErrInvalidKey) {
		t.Errorf("%q, %v; want ErrInvalidKey", key, err)
	}
}

// Two rows with the same values must never share an object.
func TestKeyTemplateKeysAreFresh(t *testing.T) {
	t.Parallel()
	template := must[dossier.KeyTemplate](t)(dossier.ParseKeyTemplate("{uuid}"))
	seen := map[string]bool{}
	for range 10_000 {
		key := must[string](t)(template.Key(dossier.KeyValues{Now: time.UnixMilli(1)}))
		if seen[key] {
			t.Fatalf("%s was made twice", key)
		}
		seen[key] = true
	}
}

// Templates come from struct tags, values from rows: whatever they are, the key is valid or the call fails.
func FuzzKeyTemplate(f *testing.F) {
	f.Add(dossier.DefaultKeyTemplate, "a", ".pdf")
	f.Add("{field:x}/{id}/{date}/{uuid}{ext}", "../..", "/")
	f.Add("{uuid}{{", "", "")
	f.Fuzz(func(t *testing.T, text, value, extension string) {
		template, err := dossier.ParseKeyTemplate(text)
		if err != nil {
			return
		}
		known := func() (string, bool) { return value, true }
		key, err := template.Key(dossier.KeyValues{
			Table: "t", Field: "f", Extension: extension, ID: known,
			Column: func(string) (string, bool) { return known() },
		})
		if err == nil && !naiveKey(key) {
			t.Fatalf("%q with %q and %q gives the bad key %q", text, value, extension, key)
		}
		if err == nil && strings.Count(key, "/") > strings.Count(text, "/")+strings.Count(text, "{date}")*2 {
			t.Fatalf("%q with %q and %q gives %q: a value added a segment", text, value, extension, key)
		}
	})
}

func ExampleParseKeyTemplate() {
	template, err := dossier.ParseKeyTemplate("{field:tenant_id}/{date}/{uuid}{ext}")
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := template.Key(dossier.KeyValues{
		Extension: ".pdf", Now: time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC),
		Column: func(string) (string, bool) { return "acme", true },
	})
	fmt.Println(key[:16], len(key), err)

	_, err = dossier.ParseKeyTemplate("{table}/{id}")
	fmt.Println(err)
	// Output:
	// acme/2026/03/04/ 56 <nil>
	// invalid argument: key template "{table}/{id}": {uuid} is missing; keys must be fresh
}
