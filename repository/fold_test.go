package repository_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// cased are letters whose cases databases, locales and collations disagree about: the dotted and dotless i, the sharp s and its
// capital, Kelvin and Ångström, three forms of one digraph, the long s, letters outside of the first plane, composed ones.
var cased = []string{
	"İstanbul", "istanbul", "ISTANBUL", "ıstanbul", "Straße", "STRASSE", "STRAẞE", "𐐀x", "𐐨X", "\u212a", "k", "Ǆ", "ǅ", "ǆ", "ſ", "S", "µ", "Μ",
	"ΐ", "ΐ", "ꭰ", "Ꭰ", "\u212b", "å", "a\u030a", "", " ", "ss",
}

// A search finds the same on the three databases, and what Go finds.
func TestCaseIsThatOfUnicodeEverywhere(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		run(t, m, func(ctx context.Context, s *session.Session) error {
			for i, text := range cased {
				s.Add(&phrase{ID: int64(i), Text: text})
			}
			return nil
		})
		for _, text := range cased {
			for name, test := range map[string]struct {
				filter repository.Filter
				holds  func(stored string) bool
			}{
				"search":     {repository.Search(text, "text"), func(s string) bool { return containsFold(s, text) }},
				"not search": {repository.NotSearch(text, "text"), func(s string) bool { return !containsFold(s, text) }},
				"exact":      {repository.SearchExact(text, "text"), func(s string) bool { return strings.Contains(s, text) }},
				"equal":      {repository.EqualFold("text", text), func(s string) bool { return strings.EqualFold(s, text) }},
			} {
				var want, got []string
				for _, stored := range cased {
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
