package repository_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

func orderIDs(entries []*entry) string {
	var all []string
	for _, e := range entries {
		all = append(all, fmt.Sprint(e.ID))
	}
	return strings.Join(all, " ")
}

// Order is the same on every database, NULL included, wherever it is asked to stand.
func TestOrderIsTheSameEverywhere(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		fillEntries(t, m)
		for _, test := range []struct {
			order repository.Order
			want  string
		}{
			{repository.Order{Column: "size"}, "6 1 2 3 4 5"},
			{repository.Order{Column: "size", Descending: true}, "5 4 3 2 1 6"},
			{repository.Order{Column: "done"}, "1 3 4 6 2 5"},
			{repository.Order{Column: "done", Descending: true}, "5 2 1 3 4 6"},
			{repository.Order{Column: "done", Nulls: repository.NullsFirst}, "1 3 4 6 2 5"},
			{repository.Order{Column: "done", Nulls: repository.NullsFirst, Descending: true}, "1 3 4 6 5 2"},
			{repository.Order{Column: "done", Nulls: repository.NullsLast}, "2 5 1 3 4 6"},
			{repository.Order{Column: "done", Nulls: repository.NullsLast, Descending: true}, "5 2 1 3 4 6"},
			{repository.Order{Column: "file.size"}, "3 4 5 6 1 2"},
			{repository.Order{Column: "file.size", Descending: true}, "2 1 3 4 5 6"},
			{repository.Order{Column: "file.filename", Nulls: repository.NullsLast}, "2 1 3 4 5 6"},
		} {
			got, err := repository.For[entry](m).List(t.Context(), repository.ListOptions{Order: []repository.Order{test.order}})
			if err != nil || orderIDs(got) != test.want {
				t.Errorf("%+v: %s, want %s; %v", test.order, orderIDs(got), test.want, err)
			}
		}
		for _, order := range []repository.Order{{Column: "value.size"}, {Column: "file.key"}, {Column: "title.size"},
			{Column: "id", Nulls: 9}} {
			_, err := repository.For[entry](m).List(t.Context(), repository.ListOptions{Order: []repository.Order{order}})
			wantError(t, err, dossier.ErrInvalid)
		}
	}, entryModels...)
}

// The total is that of all rows that the filters select, on the first page, on the last, past it and of nothing.
func TestTheTotalIsRightPastTheLastPage(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		fillEntries(t, m)
		entries := repository.For[entry](m)
		for _, total := range []repository.Total{repository.CountSeparately, repository.CountInWindow} {
			for offset, want := range map[int]string{0: "1 2", 2: "3 4", 4: "5", 5: "", 99: ""} {
				page, err := entries.Page(t.Context(), repository.ListOptions{Limit: 2, Offset: offset, Total: total,
					Where: []repository.Filter{repository.Greater("size", 0)}})
				if err != nil || orderIDs(page.Items) != want || page.Total != 5 || page.Limit != 2 || page.Offset != offset {
					t.Errorf("mode %d, offset %d: %s of %d, want %s of 5; %v", total, offset, orderIDs(page.Items), page.Total, want, err)
				}
			}
			page, err := entries.Page(t.Context(), repository.ListOptions{Total: total, Where: []repository.Filter{repository.Or()}})
			if err != nil || page.Items == nil || len(page.Items) != 0 || page.Total != 0 || page.Limit != repository.DefaultLimit {
				t.Errorf("mode %d: nothing is %+v, %v", total, page, err)
			}
			items, n, err := entries.With(repository.Options{Relations: []string{"Author", "Remarks"}}).ListAndCount(t.Context(),
				repository.ListOptions{Limit: 1, Total: total})
			if err != nil || n != 6 || items[0].Author.Name != "Ann" || len(items[0].Remarks) != 2 || items[0].File.Filename != "a.txt" {
				t.Errorf("mode %d, with relations: %v, %d, %v", total, items, n, err)
			}
			items, n, err = entries.With(repository.Options{Scope: []repository.Filter{repository.Less("id",
				3)}}).ListAndCount(t.Context(),
				repository.ListOptions{Limit: 1, Offset: 1, Total: total})
			if err != nil || n != 2 || orderIDs(items) != "2" || content(t.Context(), t, items[0].File) == "" {
				t.Errorf("mode %d, scoped: %v, %d, %v", total, items, n, err)
			}
		}
		for _, opts := range []repository.ListOptions{{Total: 7}, {Limit: -1}, {Offset: -1}, {Limit: repository.MaxLimit + 1}} {
			_, err := entries.Page(t.Context(), opts)
			wantError(t, err, dossier.ErrInvalid)
		}
	}, entryModels...)
}

// A page of rows becomes a page of what clients see: an empty one is a list too, and a total of zero stays zero.
func TestPagesAreMapped(t *testing.T) {
	t.Parallel()
	page := repository.Page[int]{Items: []int{1, 2}, Limit: 2, Offset: 4, Total: 9}
	text, err := json.Marshal(repository.MapPage(page, func(n int) string { return fmt.Sprint("n", n) }))
	if want := `{"items":["n1","n2"],"limit":2,"offset":4,"total":9}`; err != nil || string(text) != want {
		t.Errorf("%s, want %s; %v", text, want, err)
	}
	text, err = json.Marshal(repository.MapPage(repository.Page[int]{}, func(n int) int { return n }))
	if want := `{"items":[],"limit":0,"offset":0,"total":0}`; err != nil || string(text) != want {
		t.Errorf("%s, want %s; %v", text, want, err)
	}
	keyset := repository.MapKeysetPage(repository.KeysetPage[int]{Items: []int{1}, Next: "n", Previous: "p"},
		func(n int) int { return -n })
	text, err = json.Marshal(keyset)
	if want := `{"items":[-1],"next":"n","previous":"p"}`; err != nil || string(text) != want {
		t.Errorf("%s, want %s; %v", text, want, err)
	}
}

// Links lead to the other pages of the same question, and to none that there is not.
func TestLinksLeadToOtherPages(t *testing.T) {
	t.Parallel()
	this, err := url.Parse("https://user:secret@example.org/entries?a=1&a=2&currentPage=2&cursor=x#f")
	check(t, err)
	header := http.Header{}
	repository.Page[int]{Limit: 10, Offset: 10, Total: 25}.SetLinks(header, this)
	want := `<https://example.org/entries?a=1&a=2&cursor=x>; rel="first", <https://example.org/entries?a=1&a=2&currentPage=3&cursor=x>; rel="next", ` +
		`<https://example.org/entries?a=1&a=2&currentPage=1&cursor=x>; rel="prev"`
	if got := header.Get("Link"); got != want || header.Get("X-Total-Count") != "25" {
		t.Errorf("%s\nwant %s", got, want)
	}
	for _, test := range []struct {
		page repository.Page[int]
		want string
	}{
		{repository.Page[int]{Limit: 10, Total: 10}, "first"},
		{repository.Page[int]{Limit: 10, Total: 11}, "first next"},
		{repository.Page[int]{Limit: 10, Offset: 10, Total: 11}, "first prev"},
		{repository.Page[int]{Limit: 10, Offset: 900, Total: 11}, "first prev"},
		{repository.Page[int]{Limit: 10, Total: 0}, "first"},
		{repository.Page[int]{}, "first"},
	} {
		test.page.SetLinks(header, this)
		var relations []string
		for part := range strings.SplitSeq(header.Get("Link"), ", ") {
			relations = append(relations, strings.Trim(part[strings.Index(part, "rel=")+4:], `"`))
		}
		if got := strings.Join(relations, " "); got != test.want {
			t.Errorf("%+v: %s, want %s", test.page, got, test.want)
		}
	}
	repository.KeysetPage[int]{Next: "n+1", Previous: "p"}.SetLinks(header, &url.URL{Path: "/a>b", RawQuery: "q=%3C&cursor=old"})
	want = `</a%3Eb?q=%3C>; rel="first", </a%3Eb?cursor=n%2B1&q=%3C>; rel="next", </a%3Eb?cursor=p&q=%3C>; rel="prev"`
	if got := header.Get("Link"); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// Offset pages and errors of filters are refused in the same way.
func TestPageRefusesUnknownFields(t *testing.T) {
	t.Parallel()
	m := openOn(t, "sqlite", session.Options{}, entryModels...)
	_, err := repository.For[entry](m).Page(t.Context(),
		repository.ListOptions{Where: []repository.Filter{repository.Null("colour")}})
	if !errors.Is(err, dossier.ErrInvalid) || !strings.Contains(err.Error(), "page: ") {
		t.Error(err)
	}
}
