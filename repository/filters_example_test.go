package repository_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/repository"
)

// openNotes fills a database in memory with notes.
func openNotes(name string) (*repository.Repository[Note], *repository.Parser, error) {
	manager, err := openExample(name)
	if err != nil {
		return nil, nil, err
	}
	notes := repository.For[Note](manager)
	for title, body := range map[string]string{"100% done": "all of it", "1000 done": "<html>more</html>", "ÄRGER": "short"} {
		file := fileobject.FromBytes(title+".txt", []byte(body), fileobject.Options{})
		err = errors.Join(err, notes.Create(context.Background(), &Note{Title: title, File: file}))
	}
	parser, err2 := repository.NewParser(manager, (*Note)(nil), repository.Parameters{
		Search: []string{"title"}, OrderBy: []string{"title"}, SortOrder: repository.SortAscending, In: []string{"file.content_type"},
	})
	return notes, parser, errors.Join(err, err2)
}

func ExampleFilter() {
	ctx := context.Background()
	notes, _, err := openNotes("example-filter")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, filter := range []repository.Filter{
		repository.Search("0% D", "title"), // no character is a wildcard
		repository.Search("ärger", "title"),
		repository.Greater("file.size", 9),
		repository.Or(repository.StartsWith("file.content_type", "text/html"), repository.EqualFold("title", "ärger")),
		repository.In("title", []string{}),
		repository.Equal("colour", "red"),
	} {
		found, err := notes.List(ctx, repository.ListOptions{Where: []repository.Filter{filter},
			Order: []repository.Order{{Column: "title"}}})
		for _, note := range found {
			fmt.Printf("%q ", note.Title)
		}
		fmt.Println(err)
	}
	// Output:
	// "100% done" <nil>
	// "ÄRGER" <nil>
	// "1000 done" <nil>
	// "1000 done" "ÄRGER" <nil>
	// <nil>
	// list: invalid argument: filter on "colour": table notes has the columns id, title, file
}

func ExampleRepository_Page() {
	notes, _, err := openNotes("example-page")
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := notes.Page(context.Background(), repository.ListOptions{Limit: 2, Offset: 2,
		Order: []repository.Order{{Column: "title"}}})
	titles := repository.MapPage(page, func(note *Note) string { return note.Title })
	fmt.Println(titles.Items, titles.Limit, titles.Offset, titles.Total, err)
	// Output: [ÄRGER] 2 2 3 <nil>
}

func ExampleRepository_Keyset() {
	ctx := context.Background()
	notes, _, err := openNotes("example-keyset")
	if err != nil {
		fmt.Println(err)
		return
	}
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "2024", Secret: []byte(strings.Repeat("k", 32))})
	if err != nil {
		fmt.Println(err)
		return
	}
	opts := repository.KeysetOptions{Signer: signer, Limit: 2, Order: []repository.Order{{Column: "id", Descending: true}}}
	for {
		page, err := notes.Keyset(ctx, opts)
		fmt.Println(len(page.Items), "notes, next:", page.Next != "", "previous:", page.Previous != "", err)
		if opts.Cursor = page.Next; opts.Cursor == "" {
			break
		}
	}
	opts.Cursor = "made up"
	_, err = notes.Keyset(ctx, opts)
	fmt.Println(errors.Is(err, dossier.ErrBadSignature))
	// Output:
	// 2 notes, next: true previous: false <nil>
	// 1 notes, next: false previous: true <nil>
	// true
}

func ExampleParser() {
	notes, parser, err := openNotes("example-parser")
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		options, err := parser.ParseRaw(r.URL.RawQuery)
		if err != nil {
			repository.WriteProblem(w, err)
			return
		}
		page, err := notes.Page(r.Context(), options)
		if err != nil {
			repository.WriteProblem(w, err)
			return
		}
		page.SetLinks(w.Header(), r.URL)
		for _, note := range page.Items {
			fmt.Fprintln(w, note.Title)
		}
	}
	for _, query := range []string{"searchString=DONE&searchIgnoreCase=true&pageSize=1", "pageSize=all&colour=red"} {
		recorder := httptest.NewRecorder()
		handler(recorder, httptest.NewRequest(http.MethodGet, "/notes?"+query, nil))
		fmt.Println(recorder.Code, strings.TrimSpace(recorder.Body.String()))
		fmt.Println("total:", recorder.Header().Get("X-Total-Count"), "links:", recorder.Header().Get("Link"))
	}
	// Output:
	// 200 100% done
	// total: 2 links: </notes?pageSize=1&searchIgnoreCase=true&searchString=DONE>; rel="first", </notes?currentPage=2&pageSize=1&searchIgnoreCase=true&searchString=DONE>; rel="next"
	// 400 {"title":"Bad Request","status":400,"detail":"malformed request","errors":[{"detail":"there is no such parameter","parameter":"colour"},{"detail":"\"all\" is no whole number from 1 to 100","parameter":"pageSize"}]}
	// total:  links:
}
