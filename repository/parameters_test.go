package repository_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

var entryParameters = repository.Parameters{
	ID: "id", CreatedAt: "at", UpdatedAt: "done", Search: []string{"title", "note"}, OrderBy: []string{"size", "title", "file.size"},
	In: []string{"title", "author_id", "file.content_type"}, NotIn: []string{"note", "author_id"}, Boolean: []string{"open"},
	Choices: map[string][]string{"score": {"0.5", "1.5", "2.5"}}, Other: []string{"format"},
}

func entryParser(t testing.TB, m *session.Manager, change func(p *repository.Parameters)) *repository.Parser {
	t.Helper()
	config := entryParameters
	if change != nil {
		change(&config)
	}
	parser, err := repository.NewParser(m, (*entry)(nil), config)
	check(t, err)
	return parser
}

// Each parameter of the Python library's query strings asks for the same here.
func TestQueryStringsSelectRows(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		fillEntries(t, m)
		parser := entryParser(t, m, nil)
		for _, test := range []struct{ name, query, want string }{
			{"no parameter: the first of orderBy, descending", "", "5 4 3 2 1 6"},
			{"ids, repeated", "ids=1&ids=3", "3 1"},
			{"createdBefore is exclusive", "createdBefore=2024-05-06T14:00:00Z", "1"},
			{"createdAfter is exclusive", "createdAfter=2024-05-06T16:00:00Z", "5 6"},
			{"both", "createdAfter=2024-05-06T13:00:00Z&createdBefore=2024-05-06T18:00:00%2B02:00", "3 2"},
			{"a date", "createdAfter=2024-05-07", "5"},
			{"updatedAfter", "updatedAfter=2024-05-06T12:00:00Z", "5"},
			{"updatedBefore", "updatedBefore=2024-05-06T12:00:00.000001Z", "2"},
			{"currentPage and pageSize", "currentPage=2&pageSize=2", "3 2"},
			{"past the last page", "currentPage=9&pageSize=2", ""},
			{"searchString: with case", "searchString=APP", ""},
			{"searchIgnoreCase", "searchString=APP&searchIgnoreCase=true", "1"},
			{"searchString: several fields", "searchString=it%27s", "5"},
			{"searchString: wildcards are none", "searchString=100%25_%5C", "3"},
			{"searchString: empty is no search", "searchString=", "5 4 3 2 1 6"},
			{"orderBy and sortOrder", "orderBy=size&sortOrder=asc", "6 1 2 3 4 5"},
			{"orderBy: a value in a file", "orderBy=fileSize", "2 1 3 4 5 6"},
			{"orderBy: as the column is called", "orderBy=file.size&pageSize=1", "2"},
			{"field In, repeated", "titleIn=apple&titleIn=Banana", "2 1"},
			{"field In: camel case", "authorIdIn=1", "4 1"},
			{"field In: in a file", "fileContentTypeIn=" + url.QueryEscape("text/html; charset=utf-8"), "2"},
			{"field NotIn leaves null out", "noteNotIn=red&noteNotIn=it%27s", "4 3 6"},
			{"two parameters of one column", "authorIdIn=1&authorIdNotIn=1", ""},
			{"boolean true", "open=true", "4 1"},
			{"boolean false is kept", "open=false", "2 6"},
			{"choices, repeated", "score=0.5&score=1.5", "2 1"},
			{"what the application reads itself", "format=csv&format=json&ids=1", "1"},
		} {
			options, err := parser.ParseRaw(test.query)
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				continue
			}
			got, err := repository.For[entry](m).List(t.Context(), options)
			if err != nil || orderIDs(got) != test.want {
				t.Errorf("%s: %s, want %s; %v", test.name, orderIDs(got), test.want, err)
			}
		}
	}, entryModels...)
}

// Defaults are those of the Python library, but for a largest page size, which that one does not have.
func TestQueryStringDefaults(t *testing.T) {
	t.Parallel()
	m := openOn(t, "sqlite", session.Options{}, entryModels...)
	for name, test := range map[string]struct {
		change func(p *repository.Parameters)
		query  string
		want   string
	}{
		"page 1 of 20, descending": {nil, "", "20 0 [{size true 0}]"},
		"page size of the config":  {func(p *repository.Parameters) { p.PageSize = 7 }, "currentPage=3", "7 14 [{size true 0}]"},
		"sort order of the config": {func(p *repository.Parameters) { p.SortOrder = repository.SortAscending }, "",
			"20 0 [{size false 0}]"},
		"the largest page":           {nil, "pageSize=100", "100 0 [{size true 0}]"},
		"a larger one of the config": {func(p *repository.Parameters) { p.PageSize = 300 }, "", "300 0 [{size true 0}]"},
		"no order":                   {func(p *repository.Parameters) { p.OrderBy = nil }, "", "20 0 []"},
	} {
		options, err := entryParser(t, m, test.change).ParseRaw(test.query)
		if got := fmt.Sprint(options.Limit, options.Offset, options.Order); err != nil || got != test.want || len(options.Where) > 0 {
			t.Errorf("%s: %s, want %s; %v", name, got, test.want, err)
		}
	}
}

// Bad input is an error that names the parameter, never a wider result.
func TestQueryErrorsNameTheParameter(t *testing.T) {
	t.Parallel()
	m := openOn(t, "sqlite", session.Options{}, entryModels...)
	parser := entryParser(t, m, func(p *repository.Parameters) { p.MaxValues, p.MaxLength = 3, 40 })
	for query, want := range map[string]string{
		"ids=x":                                   `ids: "x" is no whole number that fits`,
		"ids=1&ids=99999999999999999999":          `ids: "99999999999999999999" is no`,
		"ids=":                                    `ids: "" is no`,
		"ids=1+OR+1%3D1":                          `ids: "1 OR 1=1" is no`,
		"createdBefore=yesterday":                 `createdBefore: "yesterday" is no time`,
		"createdAfter=0000-01-01":                 `createdAfter: "0000-01-01" is no time`,
		"updatedBefore=":                          `updatedBefore: "" is no time`,
		"currentPage=0":                           `currentPage: "0" is no whole number from 1`,
		"currentPage=-1":                          `currentPage: `,
		"currentPage=9223372036854775807":         `currentPage: `,
		"pageSize=101":                            `pageSize: "101" is no whole number from 1 to 100`,
		"pageSize=0":                              `pageSize: `,
		"pageSize=all":                            `pageSize: `,
		"pageSize=1&pageSize=2":                   `pageSize: it is given 2 times`,
		"orderBy=note":                            `orderBy: "note" is none of size, title, file.size`,
		"orderBy=size;drop":                       `: the query string is malformed`,
		"orderBy=":                                `orderBy: `,
		"sortOrder=DESC":                          `sortOrder: "DESC" is neither asc nor desc`,
		"searchIgnoreCase=1":                      `searchIgnoreCase: "1" is neither true nor false`,
		"searchString=%00":                        `searchString: the text holds a NUL`,
		"searchString=%ff":                        `searchString: the text is not valid UTF-8`,
		"searchString=%zz":                        `: the query string is malformed`,
		"titleIn=" + strings.Repeat("x", 41):      `titleIn: a value has 41 bytes, and may have 40`,
		"titleIn=a&titleIn=b&titleIn=c&titleIn=d": `titleIn: it is given 4 times, and may be given 3 times`,
		"open=1":                                  `open: "1" is neither`,
		"open=true&open=true":                     `open: it is given 2 times`,
		"score=7":                                 `score: "7" is none of 0.5, 1.5, 2.5`,
		"titlein=a":                               `titlein: there is no such parameter`,
		"size=1":                                  `size: there is no such parameter`,
		"id=1":                                    `id: there is no such parameter`,
		"%3Cscript%3E=1":                          `<script>: there is no such parameter`,
		strings.Repeat("n", 500) + "=1":           strings.Repeat("n", 60) + `…: there`,
	} {
		options, err := parser.ParseRaw(query)
		var problems *repository.QueryError
		if !errors.As(err, &problems) || !errors.Is(err, dossier.ErrInvalid) || !strings.Contains(err.Error(), want) ||
			len(err.Error()) > 500 {
			t.Errorf("%s: %v, want one with %s", query, err, want)
		}
		if options.Limit != 0 || options.Where != nil {
			t.Errorf("%s: there are options beside the error: %+v", query, options)
		}
	}
}

// A client learns all that is wrong at once, as RFC 9457 has it.
func TestAllProblemsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	m := openOn(t, "sqlite", session.Options{}, entryModels...)
	_, err := entryParser(t, m, nil).ParseRaw("pageSize=1000&ids=x&colour=red")
	var problems *repository.QueryError
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	repository.WriteProblem(recorder, fmt.Errorf("list: %w", err))
	want := `{"title":"Bad Request","status":400,"detail":"malformed request","errors":[` +
		`{"detail":"there is no such parameter","parameter":"colour"},{"detail":"\"x\" is no whole number that fits","parameter":"ids"},` +
		`{"detail":"\"1000\" is no whole number from 1 to 100","parameter":"pageSize"}]}` + "\n"
	if recorder.Code != 400 || recorder.Header().Get("Content-Type") != "application/problem+json" ||
		recorder.Body.String() != want {
		t.Errorf("%d %v %s, want %s", recorder.Code, recorder.Header(), recorder.Body, want)
	}
	many := url.Values{}
	for i := range 1000 {
		many.Set(fmt.Sprint("x", i), "1")
	}
	_, err = entryParser(t, m, nil).Parse(many)
	if !errors.As(err, &problems) || len(problems.Problems) != 20 {
		t.Errorf("%v", err)
	}
}

// A wrong declaration is an error when the program starts, not when a client asks.
func TestDeclarationsAreChecked(t *testing.T) {
	t.Parallel()
	m := openOn(t, "sqlite", session.Options{}, entryModels...)
	for name, config := range map[string]repository.Parameters{
		"unknown id":             {ID: "number"},
		"unknown time":           {CreatedAt: "created_at"},
		"no time":                {UpdatedAt: "title"},
		"search in a number":     {Search: []string{"size"}},
		"unknown order":          {OrderBy: []string{"size", "colour"}},
		"order by many files":    {OrderBy: []string{"value.size"}},
		"a file in a collection": {In: []string{"file"}},
		"a key in a collection":  {In: []string{"file.to_filename"}},
		"a text as truth":        {Boolean: []string{"title"}},
		"no choices":             {Choices: map[string][]string{"title": nil}},
		"impossible choices":     {Choices: map[string][]string{"size": {"big"}}},
		"twice":                  {In: []string{"title", "title"}},
		"taken":                  {Other: []string{"pageSize"}},
		"negative page":          {PageSize: -1},
		"page over its maximum":  {PageSize: 50, MaxPageSize: 20},
		"pages without bound":    {MaxPageSize: repository.MaxLimit + 1},
		"values":                 {MaxValues: -1},
		"length":                 {MaxLength: -1},
		"sense":                  {SortOrder: 5},
	} {
		if _, err := repository.NewParser(m, (*entry)(nil), config); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, model := range map[string]any{"nil": nil, "a struct": entry{}, "a slice": &[]entry{}} {
		if _, err := repository.NewParser(m, model, repository.Parameters{}); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := repository.NewParser(nil, (*entry)(nil), repository.Parameters{}); !errors.Is(err, dossier.ErrInvalid) {
		t.Error(err)
	}
}

// Whatever the query, there is a list that the database answers, or an error that names a parameter.
func FuzzQueryString(f *testing.F) {
	for _, seed := range []string{
		"", "ids=1&ids=2", "createdBefore=2024-05-06T14:00:00Z", "searchString=%25_%5C&searchIgnoreCase=true",
		"orderBy=title&sortOrder=asc",
		"currentPage=2&pageSize=3", "titleIn=%27%3B--&noteNotIn=%00", "open=true&score=0.5", "a;b", "%",
	} {
		f.Add(seed)
	}
	m := openOn(f, "sqlite", session.Options{}, entryModels...)
	parser := entryParser(f, m, nil)
	f.Fuzz(func(t *testing.T, raw string) {
		options, err := parser.ParseRaw(raw)
		var problems *repository.QueryError
		switch {
		case errors.As(err, &problems) && len(problems.Problems) > 0:
			if text, err := json.Marshal(problems.Problems); err != nil || len(text) > 1<<20 {
				t.Errorf("%d bytes of problems, %v", len(text), err)
			}
		case err != nil:
			t.Errorf("%q: %v", raw, err)
		default:
			if _, err := repository.For[entry](m).Page(context.Background(), options); err != nil || options.Limit > 100 {
				t.Errorf("%q: %+v, %v", raw, options, err)
			}
		}
	})
}
