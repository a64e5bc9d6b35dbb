package repository_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// entry is what filters are tried on: every kind of column, and every kind of relation.
type entry struct {
	bun.BaseModel `bun:"table:entries,alias:e"`
	ID            int64                  `bun:"id,pk"`
	Title         string                 `bun:"title,notnull"`
	Note          *string                `bun:"note,type:varchar(200)"`
	Size          int                    `bun:"size"`
	Score         float64                `bun:"score"`
	Open          *bool                  `bun:"open"`
	At            time.Time              `bun:"at"`
	Done          *time.Time             `bun:"done"`
	Key           []byte                 `bun:"key"`
	File          *fileobject.FileObject `bun:"file" file:"uploads"`
	Value         fileobject.List        `bun:"value" file:"uploads,many:9"` // a name that SQLite's json_each has too
	AuthorID      *int64                 `bun:"author_id"`
	Author        *author                `bun:"rel:belongs-to,join:author_id=id"`
	Remarks       []*remark              `bun:"rel:has-many,join:id=entry_id"`
	Labels        []*label               `bun:"m2m:entry_labels,join:Entry=Label"`
	Raw           []*remark              `bun:"rel:has-many,join:id=entry_id,join_on:1 = 1"`
}

type author struct {
	bun.BaseModel `bun:"table:authors"`
	ID            int64    `bun:"id,pk"`
	Name          string   `bun:"name"`
	Entries       []*entry `bun:"rel:has-many,join:id=author_id"`
}

type remark struct {
	bun.BaseModel `bun:"table:remarks"`
	ID            int64      `bun:"id,pk"`
	EntryID       *int64     `bun:"entry_id"`
	Text          string     `bun:"text"`
	Deleted       *time.Time `bun:"deleted,soft_delete"`
}

type label struct {
	bun.BaseModel `bun:"table:labels"`
	ID            int64  `bun:"id,pk"`
	Name          string `bun:"name"`
}

type entryLabel struct {
	bun.BaseModel `bun:"table:entry_labels"`
	EntryID       int64  `bun:"entry_id,pk"`
	Entry         *entry `bun:"rel:belongs-to,join:entry_id=id,on_delete:CASCADE"`
	LabelID       int64  `bun:"label_id,pk"`
	Label         *label `bun:"rel:belongs-to,join:label_id=id"`
}

// entryModels are in the order that bun needs: what a many-to-many relation goes through comes first.
var entryModels = []any{(*entryLabel)(nil), (*entry)(nil), (*author)(nil), (*remark)(nil), (*label)(nil)}

// noon of a day in May; entry n has its time n hours later.
var noon = time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

// fillEntries inserts six entries: what each of them holds is in this table.
func fillEntries(t testing.TB, m *session.Manager) {
	t.Helper()
	file := func(name, content string) *fileobject.FileObject {
		return fileobject.FromBytes(name, []byte(content), fileobject.Options{})
	}
	entries := []*entry{
		{ID: 1, Title: "apple", Note: ptr("red"), Size: 10, Score: 0.5, Open: ptr(true), At: noon.Add(1 * time.Hour),
			AuthorID: ptr(int64(1)),
			File:     file("a.txt", "12345"), Key: []byte{1}},
		{ID: 2, Title: "Banana", Note: nil, Size: 20, Score: 1.5, Open: ptr(false), At: noon.Add(2 * time.Hour),
			AuthorID: ptr(int64(2)),
			File:     file("B Ü.html", "<html><body>hello</body></html>"), Done: ptr(noon)},
		{ID: 3, Title: `100%_\`, Note: ptr(`a!b%c`), Size: 30, Score: 2.5, Open: nil, At: noon.Add(3 * time.Hour), AuthorID: nil,
			Value: fileobject.List{file("one.txt", "1"), file("two.txt", "22")}},
		{ID: 4, Title: `1000_x\`, Note: ptr("*?[a-z]^$.#"), Size: 40, Score: -1, Open: ptr(true), At: noon.Add(4 * time.Hour),
			AuthorID: ptr(int64(1)),
			Value:    fileobject.List{file("big.txt", strings.Repeat("x", 100))}},
		{ID: 5, Title: "STRASSE ÄÖÜ ΣΊΣΥΦΟΣ", Note: ptr("it's"), Size: 50, Score: 1e10, At: noon.Add(48 * time.Hour),
			Done: ptr(noon.Add(time.Microsecond))},
		{ID: 6, Title: "straße äöü σίσυφος", Note: ptr("line\nbreak"), Size: -60, At: noon.Add(5*time.Hour + 123456*time.Microsecond),
			Open: ptr(false)},
	}
	run(t.(*testing.T), m, func(ctx context.Context, s *session.Session) error {
		for _, model := range []any{&author{ID: 1, Name: "Ann"}, &author{ID: 2, Name: "Bob"}, &author{ID: 3, Name: "Eve"},
			&label{ID: 1, Name: "new"}, &label{ID: 2, Name: "old"}} {
			if err := s.Insert(ctx, model); err != nil {
				return err
			}
		}
		for _, e := range entries {
			if err := s.Insert(ctx, e); err != nil {
				return err
			}
		}
		for _, model := range []any{
			&remark{ID: 1, EntryID: ptr(int64(1)), Text: "good"}, &remark{ID: 2, EntryID: ptr(int64(1)), Text: "bad"},
			&remark{ID: 3, EntryID: ptr(int64(2)), Text: "good", Deleted: ptr(noon)}, &remark{ID: 4, EntryID: nil, Text: "lost"},
			&remark{ID: 5, EntryID: ptr(int64(4)), Text: "bad"},
			&entryLabel{EntryID: 1, LabelID: 1}, &entryLabel{EntryID: 1, LabelID: 2}, &entryLabel{EntryID: 2, LabelID: 2},
		} {
			if err := s.Insert(ctx, model); err != nil {
				return err
			}
		}
		return nil
	})
}

// filterCase is a filter and the entries that it selects.
type filterCase struct {
	name   string
	filter repository.Filter
	want   string
}

var filterCases = []filterCase{
	{"equal", repository.Equal("title", "apple"), "1"},
	{"equal: null is not equal", repository.Equal("note", "red"), "1"},
	{"not equal leaves null out", repository.NotEqual("note", "red"), "3 4 5 6"},
	{"less", repository.Less("size", 20), "1 6"},
	{"less or equal", repository.LessOrEqual("size", 20), "1 2 6"},
	{"greater", repository.Greater("size", 40), "5"},
	{"greater or equal", repository.GreaterOrEqual("size", 40), "4 5"},
	{"negative numbers", repository.Equal("size", -60), "6"},
	{"floats", repository.Greater("score", 2.4), "3 5"},
	{"an int for a float", repository.Equal("score", -1), "4"},
	{"text for a number", repository.Equal("size", "30"), "3"},
	{"bytes", repository.Equal("key", []byte{1}), "1"},
	{"between includes both ends", repository.Between("size", 20, 40), "2 3 4"},
	{"between the wrong way round is nothing", repository.Between("size", 40, 20), ""},
	{"seed before_after: before is exclusive", repository.Before("at", noon.Add(2*time.Hour)), "1"},
	{"seed before_after: after is exclusive", repository.After("at", noon.Add(4*time.Hour)), "5 6"},
	{"seed before_after: both", repository.And(repository.After("at", noon.Add(time.Hour)),
		repository.Before("at", noon.Add(4*time.Hour))), "2 3"},
	{"seed on_before_after: before is inclusive", repository.OnBefore("at", noon.Add(2*time.Hour)), "1 2"},
	{"seed on_before_after: after is inclusive", repository.OnAfter("at", noon.Add(4*time.Hour)), "4 5 6"},
	{"times of another zone", repository.Equal("at", noon.Add(2*time.Hour).In(time.FixedZone("x", 5400))), "2"},
	{"times to the microsecond", repository.After("done", noon), "5"},
	{"fractions of seconds", repository.Between("at", noon.Add(5*time.Hour+123455*time.Microsecond),
		noon.Add(5*time.Hour+123457*time.Microsecond)), "6"},
	{"times as text", repository.Greater("at", "2024-05-06T16:00:00+00:00"), "5 6"},
	{"dates as text", repository.GreaterOrEqual("at", "2024-05-08"), "5"},
	{"seed dateeq: the day of the time", repository.OnDate("at", noon), "1 2 3 4 6"},
	{"seed dateeq: in the zone of the time", repository.OnDate("at", noon.In(time.FixedZone("east", 9*3600))), "1 2"},
	{"seed boolean: true", repository.True("open"), "1 4"},
	{"seed boolean: false is no null", repository.False("open"), "2 6"},
	{"boolean as text", repository.Equal("open", "false"), "2 6"},
	{"seed null", repository.Null("note"), "2"},
	{"seed not_null", repository.NotNull("note"), "1 3 4 5 6"},
	{"null in a file column", repository.Null("file"), "3 4 5 6"},

	{"seed collection", repository.In("size", []int{10, 30, 99}), "1 3"},
	{"seed collection: empty is no rows", repository.In("size", []int{}), ""},
	{"collection: nil is no rows", repository.In[string]("title", nil), ""},
	{"collection of texts for numbers", repository.In("size", []string{"10", "20"}), "1 2"},
	{"seed choices", repository.In("title", []string{"apple", "it's"}), "1"},
	{"seed not_in_collection leaves null out", repository.NotIn("note", []string{"red", "it's"}), "3 4 6"},
	{"seed not_in_collection: empty is all rows", repository.NotIn("note", []string{}), "1 2 3 4 5 6"},

	{"seed filter_group: and", repository.And(repository.Greater("size", 10), repository.Less("size", 40)), "2 3"},
	{"seed filter_group: or", repository.Or(repository.Equal("size", 10), repository.Equal("size", 40)), "1 4"},
	{"seed filter_group: nested", repository.And(repository.Or(repository.Equal("id", 1), repository.Equal("id", 2)),
		repository.Or(repository.Equal("id", 2), repository.Equal("id", 3))), "2"},
	{"seed filter_group: an empty and adds nothing", repository.And(repository.And(), repository.Equal("id", 1)), "1"},
	{"an empty or selects nothing", repository.Or(), ""},
	{"an or with everything", repository.Or(repository.And(), repository.Equal("id", 1)), "1 2 3 4 5 6"},
	{"an and with nothing", repository.And(repository.Or(), repository.Equal("id", 1)), ""},
	{"not is the complement: null included", repository.Not(repository.Equal("note", "red")), "2 3 4 5 6"},
	{"not not", repository.Not(repository.Not(repository.Equal("note", "red"))), "1"},
	{"not everything", repository.Not(repository.And()), ""},
	{"not nothing", repository.Not(repository.Or()), "1 2 3 4 5 6"},
	{"not of an or", repository.Not(repository.Or(repository.Equal("id", 1), repository.Null("note"))), "3 4 5 6"},

	{"seed search", repository.SearchExact("an", "title"), "2"},
	{"seed search: wildcards are none", repository.Search(`100%_\`, "title"), "3"},
	{"seed search: exact, wildcards are none", repository.SearchExact(`100%_\`, "title"), "3"},
	{"search: percent", repository.Search(`%`, "title", "note"), "3"},
	{"search: underscore", repository.Search(`0_x`, "title"), "4"},
	{"search: backslash", repository.Search(`\`, "title"), "3 4"},
	{"search: escape character", repository.SearchExact(`a!b`, "note"), "3"},
	{"search: characters of patterns", repository.Search(`*?[A-Z]^$.#`, "note"), "4"},
	{"search: exact, characters of patterns", repository.SearchExact(`*?[a-z]^$.#`, "note"), "4"},
	{"search: a star is no wildcard", repository.Search(`a*`, "title"), ""},
	{"search: quotes", repository.Search(`IT'S`, "note"), "5"},
	{"search: line breaks", repository.Search("E\nB", "note"), "6"},
	{"seed search: ignore case", repository.Search("APP", "title"), "1"},
	{"seed search: with case", repository.SearchExact("APP", "title"), ""},
	{"seed search: with case on every database", repository.SearchExact("banana", "title"), ""},
	{"search: case of letters beyond ASCII", repository.Search("äöü", "title"), "5 6"},
	{"search: exact beyond ASCII", repository.SearchExact("äöü", "title"), "6"},
	{"search: accents count", repository.Search("aou", "title"), ""},
	{"search: the three sigmas", repository.Search("Σίσυφος", "title"), "5 6"},
	{"search: no full folding", repository.Search("straße", "title"), "6"},
	{"seed search: several fields", repository.Search("a", "title", "note"), "1 2 3 4 5 6"},
	{"seed search: an empty text is every text", repository.Search("", "note"), "1 3 4 5 6"},
	{"seed not_in_search: null excludes the row", repository.NotSearch("RED", "title", "note"), "3 4 5 6"},
	{"seed not_in_search: with case", repository.NotSearchExact("RED", "note"), "1 3 4 5 6"},
	{"seed startswith", repository.StartsWith("title", "100"), "3 4"},
	{"seed startswith: with case", repository.StartsWith("title", "App"), ""},
	{"seed istartswith", repository.StartsWithFold("title", "STRASSE ä"), "5"},
	{"seed istartswith: only at the start", repository.StartsWithFold("title", "PPLE"), ""},
	{"seed endswith", repository.EndsWith("title", `\`), "3 4"},
	{"seed endswith: with case", repository.EndsWith("title", "ANA"), ""},
	{"seed iendswith is no prefix", repository.EndsWithFold("title", "ANA"), "2"},
	{"seed iendswith: only at the end", repository.EndsWithFold("title", "BAN"), ""},
	{"equal fold", repository.EqualFold("title", "bANANA"), "2"},
	{"equal fold: all of it", repository.EqualFold("title", "bANAN"), ""},

	{"seed exists: has-many", repository.Exists("Remarks"), "1 4"},
	{"seed exists: with filters", repository.Exists("Remarks", repository.Equal("text", "good")), "1"},
	{"exists: one row has to be as all filters say", repository.Exists("Remarks", repository.Equal("text", "good"),
		repository.Equal("id", 2)), ""},
	{"seed exists: or", repository.Exists("Remarks", repository.Or(repository.Equal("text", "good"), repository.Equal("id", 5))),
		"1 4"},
	{"seed not_exists", repository.NotExists("Remarks"), "2 3 5 6"},
	{"not_exists with filters", repository.NotExists("Remarks", repository.Equal("text", "good")), "2 3 4 5 6"},
	{"exists: belongs-to", repository.Exists("Author", repository.Equal("name", "Ann")), "1 4"},
	{"not_exists: belongs-to, null included", repository.NotExists("Author", repository.Equal("name", "Ann")), "2 3 5 6"},
	{"exists: many-to-many", repository.Exists("Labels", repository.Equal("name", "old")), "1 2"},
	{"not_exists: many-to-many", repository.NotExists("Labels"), "3 4 5 6"},
	{"exists: nested, back to the same table", repository.Exists("Author", repository.Exists("Entries", repository.Equal("id", 4))),
		"1 4"},
	{"exists with a filter that selects nothing", repository.Exists("Remarks", repository.Or()), ""},

	{"file size", repository.Greater("file.size", 5), "2"},
	{"file size is a number", repository.Less("file.size", 6), "1"},
	{"file type", repository.StartsWith("file.content_type", "text/html"), "2"},
	{"file backend", repository.Equal("file.backend", "uploads"), "1 2"},
	{"file name", repository.Equal("file.filename", "a.txt"), "1"},
	{"file name: with case on every database", repository.Equal("file.filename", "A.TXT"), ""},
	{"file name: search", repository.Search("b ü", "file.filename"), "2"},
	{"file time", repository.After("file.last_modified", noon), "1 2"},
	{"file time to come", repository.After("file.last_modified", time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)), ""},
	{"no file", repository.Null("file.size"), "3 4 5 6"},
	{"a list of names", repository.In("file.filename", []string{"a.txt", "x"}), "1"},
	{"any file of many: size", repository.Greater("value.size", 1), "3 4"},
	{"any file of many: equal", repository.Equal("value.size", 1), "3"},
	{"any file of many: name", repository.SearchExact("o.t", "value.filename"), "3"},
	{"any file of many: not", repository.Not(repository.Greater("value.size", 1)), "1 2 5 6"},
	{"any file of many: time", repository.After("value.last_modified", noon), "3 4"},
	{"no such object", repository.HoldsObject("file", "uploads", "a.txt"), ""},
}

var errRollback = errors.New("undo what the test did")

// Every filter selects the same rows on the three databases, in each kind of statement.
func TestFiltersSelectTheSameRowsEverywhere(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		fillEntries(t, m)
		for _, test := range filterCases {
			t.Run(test.name, func(t *testing.T) {
				entries, err := repository.For[entry](m).List(t.Context(), repository.ListOptions{Where: []repository.Filter{test.filter}})
				if got := ids(entries); err != nil || got != test.want {
					t.Errorf("selected %q, want %q; %v", got, test.want, err)
				}
				bulk(t, m, test)
			})
		}
	}, entryModels...)
}

// bulk changes and deletes what the filter selects, counts it and undoes it.
func bulk(t *testing.T, m *session.Manager, test filterCase) {
	t.Helper()
	where, err := repository.Compile(m.DB(), (*entry)(nil), test.filter)
	check(t, err)
	want := len(strings.Fields(test.want))
	err = m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
		updated, err := s.UpdateWhere(ctx, (*entry)(nil), map[string]any{"score": 7.0}, "?", where)
		check(t, err)
		result, err := s.IDB().NewDelete().Model((*entry)(nil)).Where("?", where).Exec(ctx)
		check(t, err)
		deleted, err := result.RowsAffected()
		check(t, err)
		if updated != want && !strings.Contains(test.name, "score") || int(deleted) != want && !strings.Contains(test.name, "float") {
			t.Errorf("updated %d rows and deleted %d, want %d", updated, deleted, want)
		}
		return errRollback
	})
	if !errors.Is(err, errRollback) {
		t.Error(err)
	}
}

func ids(entries []*entry) string {
	var all []string
	for _, e := range entries {
		all = append(all, fmt.Sprint(e.ID))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// A row is found by the object that it holds, whichever of its files that is.
func TestRowsAreFoundByTheirObject(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		fillEntries(t, m)
		entries := repository.For[entry](m)
		for id, field := range map[int64]string{1: "file", 3: "value"} {
			e, err := entries.Get(t.Context(), id)
			check(t, err)
			file := e.File
			if field == "value" {
				file = e.Value[1]
			}
			for key, want := range map[string]string{file.Key: fmt.Sprint(id), file.Key + "x": "", strings.ToUpper(file.Key): ""} {
				found, err := entries.List(t.Context(),
					repository.ListOptions{Where: []repository.Filter{repository.HoldsObject(field, "uploads", key)}})
				if err != nil || ids(found) != want {
					t.Errorf("%s %s: %s, want %s; %v", field, key, ids(found), want, err)
				}
			}
		}
	}, entryModels...)
}

// What is wrong with a filter is said before the database is asked, and names the field; it never widens the result.
func TestBadFiltersAreRefused(t *testing.T) {
	t.Parallel()
	m := openOn(t, "sqlite", session.Options{}, entryModels...)
	long := strings.Repeat("ä", repository.MaxSearchLength+1)
	for name, test := range map[string]struct {
		filter repository.Filter
		want   string
	}{
		"unknown field":        {repository.Equal("colour", "red"), `"colour": table entries has the columns id, title`},
		"a field's name in Go": {repository.Equal("Title", "x"), `"Title"`},
		"no field":             {repository.Null(""), `""`},
		"unknown in a group": {repository.Or(repository.And(), repository.Not(repository.Equal("colour", "red"))),
			`"colour"`},
		"unknown in an empty in":   {repository.In[string]("colour", nil), `"colour"`},
		"unknown in search":        {repository.Search("x", "title", "colour"), `"colour"`},
		"unknown in a relation":    {repository.Exists("Remarks", repository.Equal("colour", 1)), `Remarks: `},
		"unknown relation":         {repository.Exists("Owner"), `table entries has the relations Author, Labels, Raw, Remarks`},
		"a relation's SQL":         {repository.Exists("Raw"), `join_on`},
		"the zero filter":          {repository.Filter{}, "empty Filter"},
		"the zero filter in a not": {repository.Not(repository.Filter{}), "empty Filter"},
		"nil":                      {repository.Equal("title", nil), `"title": `},
		"a nil pointer":            {repository.Equal("title", (*string)(nil)), "Null and NotNull"},
		"text for a number":        {repository.Equal("size", "1 OR 1=1"), `"size"`},
		"too large":                {repository.Equal("score", "1e999"), `"score"`},
		"a float for an int":       {repository.Equal("size", 1.5), `"size"`},
		"no number":                {repository.Equal("score", "NaN"), `"score"`},
		"text for a time":          {repository.Before("title", noon), `"title"`},
		"no time":                  {repository.Equal("at", "yesterday"), `"at"`},
		"a number for a time":      {repository.Equal("at", 5), `"at"`},
		"text for a truth":         {repository.Equal("open", "1"), `"open"`},
		"a number for a text":      {repository.Equal("title", 5), `"title"`},
		"bad UTF-8":                {repository.Equal("title", "\xff"), "UTF-8"},
		"NUL":                      {repository.Equal("title", "a\x00b"), "NUL"},
		"bad UTF-8 in a search":    {repository.Search("\xff", "title"), "UTF-8"},
		"NUL in a search":          {repository.Search("\x00", "title"), "NUL"},
		"a long search":            {repository.Search(long, "title"), "1001 characters"},
		"search in no field":       {repository.Search("x"), "no field"},
		"search in a number":       {repository.Search("1", "size"), `"size"`},
		"search in a file":         {repository.Search("1", "file"), `"file"`},
		"search in a file's size":  {repository.Search("1", "file.size"), `"file.size"`},
		"comparing a file":         {repository.Equal("file", "a.txt"), `"file"`},
		"a file's key": {repository.Equal("file.to_filename", "a.txt"),
			"backend, content_type, filename, last_modified, size"},
		"a file's key by name":            {repository.Equal("file.key", "a.txt"), `"file.key"`},
		"a member that is SQL":            {repository.Equal("file.size') OR ('1", 1), "of a file there are"},
		"a member of no file":             {repository.Equal("title.size", 1), "holds no files"},
		"text for a file's size":          {repository.Equal("file.size", "big"), `"file.size"`},
		"a number for a file's name":      {repository.Equal("file.filename", 1), `"file.filename"`},
		"a time out of range":             {repository.After("file.last_modified", noon.AddDate(1e6, 0, 0)), `"file.last_modified"`},
		"a time out of range of a column": {repository.After("at", noon.AddDate(9000, 0, 0)), "year 11024"},
		"no number in Go":                 {repository.Less("score", math.NaN()), "NaN"},
		"bad UTF-8 in a key":              {repository.HoldsObject("file", "uploads", "\xff"), "UTF-8"},
		"object of no file":               {repository.HoldsObject("title", "uploads", "x"), "holds no files"},
	} {
		_, err := repository.For[entry](m).List(t.Context(), repository.ListOptions{Where: []repository.Filter{test.filter}})
		if !errors.Is(err, dossier.ErrInvalid) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want one with %q", name, err, test.want)
		}
	}
}
