package model_test

import (
	"context"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/model"
)

// A slug is what a URL and the column can take, however long or odd the text is.
func TestSlugifyStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", " -_ ": "", "\x00\xff": "", "A": "a", "a_b--c": "a_b-c",
		strings.Repeat("é", 99) + " end": strings.Repeat("e", 99),
		strings.Repeat("ab-", 60):        strings.Repeat("ab-", 32) + "ab",
		strings.Repeat("x", 1_000_000):   strings.Repeat("x", model.MaxSlug),
		"x " + strings.Repeat("y", 200):  "x-" + strings.Repeat("y", model.MaxSlug-2),
	} {
		if got := model.Slugify(text); got != want {
			t.Errorf("%.40q gives %q, want %q", text, got, want)
		}
	}
}

// A suffix leaves the slug readable and short enough for the column.
func TestSlugWithSuffixStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word-", 19) + "words"
	for _, slug := range []string{"", "a", long} {
		got, again := model.SlugWithSuffix(slug, 8), model.SlugWithSuffix(slug, 8)
		if got == again || len(got) > model.MaxSlug || strings.Contains(got, "--") || strings.HasPrefix(got, "-") {
			t.Errorf("%q and %q", got, again)
		}
		if slug == "a" && got[:2] != "a-" || slug == "" && len(got) != 8 {
			t.Errorf("%q of %q", got, slug)
		}
	}
}

// FuzzSlugify looks for texts that give something else than a slug.
func FuzzSlugify(f *testing.F) {
	for _, text := range []string{"Ärger & Łódź", "北京", "\U0001F642", "a\u0301", "_-", "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		slug := model.Slugify(text)
		if len(slug) > model.MaxSlug || strings.Trim(slug, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" || strings.Trim(slug, "-_") != slug {
			t.Errorf("%q gives %q", text, slug)
		}
		if again := model.Slugify(slug); again != slug {
			t.Errorf("%q gives %q, which gives %q", text, slug, again)
		}
	})
}

// Keys do not repeat and are what URLs take as they are.
func TestNewNanoIDIsForURLs(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 10_000 {
		id := model.NewNanoID()
		if seen[id] || len(id) != 21 || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
			t.Fatalf("key %q, seen %v", id, seen[id])
		}
		seen[id] = true
	}
}

// Nobody is logged in until somebody says so, and the innermost one counts.
func TestActorComesFromTheContext(t *testing.T) {
	t.Parallel()
	if got := model.ActorFrom(context.Background()); got != nil {
		t.Errorf("actor %v of an empty context", got)
	}
	ctx := model.WithActor(model.WithActor(t.Context(), "ann"), "bob")
	if got := model.ActorFrom(ctx); got != "bob" {
		t.Errorf("actor %v", got)
	}
	if got := model.ActorFrom(model.WithActor(ctx, nil)); got != nil {
		t.Errorf("actor %v after nobody was set", got)
	}
}
