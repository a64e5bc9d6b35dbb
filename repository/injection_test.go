package repository_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

type phrase struct {
	bun.BaseModel `bun:"table:phrases"`
	ID            int64  `bun:"id,pk"`
	Text          string `bun:"text,type:varchar(200)"`
}

// hostile are texts that mean something to SQL, to bun's placeholders, or to a pattern.
var hostile = []string{
	`'`, `''`, `\`, `\\`, `\'`, `' OR '1'='1`, `'; DROP TABLE phrases; --`, `" OR ""="`, "`", `?`, `?0`, `?TableName`, `\?`, `??`,
	`$1`, `:x`, `@x`,
	`%`, `_`, `!`, `!%`, `[`, `]`, `[a`, `[^a]`, `^`, `-`, `*`, `**`, `***:x`, `(?i)x`, `a|b`, `{1}`, `\d`, `\Z`, `.`, `#c`, `/* */`,
	"a\nb", "\t", "\u00e9", "e\u0301", "😀", `E'\x'`,
	`\Q`, ` `, `  `, `x `, `0x41`, `NULL`, `1 = 1`, "\u2028", "\u202e",
}

// Whatever a client sends as a value is a value: it finds the texts that hold it, and does nothing else.
func TestValuesAreNeverSQL(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		run(t, m, func(ctx context.Context, s *session.Session) error {
			for i, text := range hostile {
				s.Add(&phrase{ID: int64(i), Text: text})
			}
			return nil
		})
		for i, text := range hostile {
			for name, test := range map[string]struct {
				filter repository.Filter
				holds  func(stored string) bool
			}{
				"exact": {repository.SearchExact(text, "text"), func(s string) bool { return strings.Contains(s, text) }},
				"fold":  {repository.Search(text, "text"), func(s string) bool { return containsFold(s, text) }},
				"start": {repository.StartsWith("text", text), func(s string) bool { return strings.HasPrefix(s, text) }},
				"end": {repository.EndsWithFold("text", text), func(s string) bool {
					return len(s) >= len(text) &&
						strings.EqualFold(s[len(s)-len(text):], text)
				}},
				"whole": {repository.EqualFold("text", text), func(s string) bool { return strings.EqualFold(s, text) }},
				"equal": {repository.And(repository.Equal("id", i), repository.Equal("text", text)),
					func(s string) bool { return s == text }},
				"member": {repository.And(repository.Equal("id", i), repository.In("text", []string{text, "'"})),
					func(s string) bool { return s == text }},
			} {
				var want, got []string
				for _, stored := range hostile {
					if test.holds(stored) {
						want = append(want, stored)
					}
				}
				found, err := repository.For[phrase](m).List(t.Context(), repository.ListOptions{Where: []repository.Filter{test.filter}})
				for _, p := range found {
					got = append(got, p.Text)
				}
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("%s %q: found %q, want %q; %v", name, text, got, want, err)
				}
			}
		}
	}, (*phrase)(nil))
}

// Whatever a client sends as a name is a name: of a field, or of nothing.
func TestNamesAreNeverSQL(t *testing.T) {
	t.Parallel()
	m := openOn(t, "sqlite", session.Options{}, entryModels...)
	for _, name := range append([]string{"id OR 1=1", "id--", `id"`, "e.id", "1", "*", "file.", ".size", "file.size.x",
		"file.size\x00"}, hostile...) {
		for what, filter := range map[string]repository.Filter{
			"equal": repository.Equal(name, 1), "null": repository.Null(name), "search": repository.Search("a", name),
			"in":     repository.In(name, []int{1}),
			"exists": repository.Exists(name), "within": repository.Exists("Remarks", repository.Null(name)),
			"object": repository.HoldsObject(name, "a", "b"),
		} {
			_, err := repository.For[entry](m).List(t.Context(), repository.ListOptions{Where: []repository.Filter{filter}})
			if !errors.Is(err, dossier.ErrInvalid) {
				t.Errorf("%s %q: %v", what, name, err)
			}
		}
		_, err := repository.For[entry](m).List(t.Context(), repository.ListOptions{Order: []repository.Order{{Column: name}}})
		if !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("order %q: %v", name, err)
		}
	}
}

// containsFold is the definition of what a search finds.
func containsFold(s, text string) bool {
	n := utf8.RuneCountInString(text)
	runes := []rune(s)
	for i := range len(runes) - n + 1 {
		if strings.EqualFold(string(runes[i:i+n]), text) {
			return true
		}
	}
	return false
}

// A search finds what Go finds, for any text.
func FuzzSearchFindsWhatGoFinds(f *testing.F) {
	for _, seed := range []string{"a", "Straße", "ΣΊσυφος", "K", "[*?]^-]!%_", "İıſS"} {
		f.Add("x"+strings.ToUpper(seed)+"y", seed)
	}
	m := openOn(f, "sqlite", session.Options{}, (*phrase)(nil))
	ctx := context.Background()
	check(f, m.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, &phrase{ID: 1, Text: "x"}) }))
	f.Fuzz(func(t *testing.T, stored, text string) {
		phrases := repository.For[phrase](m)
		usable := utf8.ValidString(text) && !strings.Contains(text, "\x00") &&
			utf8.RuneCountInString(text) <= repository.MaxSearchLength
		if !utf8.ValidString(stored) || strings.Contains(stored, "\x00") {
			t.Skip()
		}
		check(t, phrases.Update(ctx, &phrase{ID: 1, Text: stored}))
		for what, test := range map[string]struct {
			filter repository.Filter
			want   bool
		}{
			"search": {repository.Search(text, "text"), containsFold(stored, text)},
			"exact":  {repository.SearchExact(text, "text"), strings.Contains(stored, text)},
			"start":  {repository.StartsWith("text", text), strings.HasPrefix(stored, text)},
			"equal":  {repository.EqualFold("text", text), strings.EqualFold(stored, text)},
		} {
			found, err := phrases.List(ctx, repository.ListOptions{Where: []repository.Filter{test.filter}})
			if (err == nil) != usable || usable && (len(found) == 1) != test.want {
				t.Error(fmt.Sprintf("%s %q in %q: %d rows, want %v; %v", what, text, stored, len(found), test.want, err))
			}
		}
	})
}
