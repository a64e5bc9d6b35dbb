package repository_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/repository"
)

// Filters ask related rows too, through any number of relations; Not and NotExists are exact complements.
func ExampleExists() {
	ctx, manager := context.Background(), openTeams("exists")
	teams, players := repository.For[Team](manager), repository.For[Player](manager)
	err := teams.Create(ctx, &Team{Name: "Greens"})
	show := func(filter repository.Filter) {
		found, failed := teams.List(ctx, repository.ListOptions{Where: []repository.Filter{filter}})
		for _, team := range found {
			fmt.Print(team.Name, " ")
		}
		fmt.Println(errors.Join(err, failed))
	}
	show(repository.Exists("Players", repository.Equal("name", "Ann")))
	show(repository.NotExists("Players"))
	n, err := players.Count(ctx, repository.Exists("Team", repository.Exists("Players", repository.Equal("name", "Bea"))))
	fmt.Println(n, err)
	// Output:
	// Reds Blues <nil>
	// Greens <nil>
	// 4 <nil>
}

// A day is that of the time's zone, whatever the database's.
func ExampleOnDate() {
	manager, err := openExample("on-date")
	if err != nil {
		fmt.Println(err)
		return
	}
	notes, now := repository.For[Note](manager), time.Now()
	file := fileobject.FromBytes("a.txt", []byte("text"), fileobject.Options{})
	err = notes.Create(context.Background(), &Note{Title: "with a file", File: file})
	n, failed := notes.Count(context.Background(), repository.Or(
		repository.OnDate("file.last_modified", now), repository.OnDate("file.last_modified", time.Now()))) // it may be midnight
	fmt.Println(n, errors.Join(err, failed))
	// Output: 1 <nil>
}

// The application asks which row has an object; clients cannot ask for keys by name.
func ExampleHoldsObject() {
	ctx := context.Background()
	manager, err := openExample("holds-object")
	if err != nil {
		fmt.Println(err)
		return
	}
	notes := repository.For[Note](manager)
	note := &Note{Title: "Plan", File: fileobject.FromBytes("a.txt", []byte("text"), fileobject.Options{})}
	fmt.Println(notes.Create(ctx, note))
	found, err := notes.GetOne(ctx, repository.HoldsObject("file", note.File.Backend, note.File.Key))
	fmt.Println(found.Title, err)
	_, err = notes.GetOne(ctx, repository.StartsWith("file.key", "a"))
	fmt.Println(err)
	// Output:
	// <nil>
	// Plan <nil>
	// get one: invalid argument: filter on "file.key": of a file there are backend, content_type, filename, last_modified, size
}

// One, none and several are three answers; Exists stops at the first row.
func ExampleRepository_GetOneOrNone() {
	ctx, players := context.Background(), repository.For[Player](openTeams("get-one"))
	_, err := players.GetOne(ctx, repository.Equal("name", "Ann"))
	fmt.Println(errors.Is(err, repository.ErrMultiple), repository.StatusOf(err))
	ann, found, err := players.GetOneOrNone(ctx, repository.Equal("name", "Ann"), repository.Equal("team_id", 2))
	fmt.Println(ann.ID, found, err)
	_, found, err = players.GetOneOrNone(ctx, repository.Equal("name", "Zoe"))
	fmt.Println(found, err)
	exists, err := players.Exists(ctx, repository.StartsWithFold("name", "an"))
	n, failed := players.Count(ctx, repository.NotEqual("name", "Ann"))
	fmt.Println(exists, n, errors.Join(err, failed))
	// Output:
	// true 500
	// 3 true <nil>
	// false <nil>
	// true 2 <nil>
}

// Bulk writes need a filter: one that selects every row, as a client's empty search makes it, is refused.
func ExampleAll() {
	ctx, players := context.Background(), repository.For[Player](openTeams("all"))
	_, err := players.DeleteWhere(ctx, repository.And())
	fmt.Println(errors.Is(err, dossier.ErrInvalid))
	n, err := players.UpdateWhere(ctx, map[string]any{"team_id": 1}, repository.Equal("name", "Ann"))
	fmt.Println(n, err)
	n, err = players.DeleteWhere(ctx, repository.All())
	fmt.Println(n, err)
	// Output:
	// true
	// 2 <nil>
	// 4 <nil>
}

// What clients see of a page is made row by row; links and totals stay.
func ExampleMapPage() {
	ctx, teams := context.Background(), repository.For[Team](openTeams("map-page"))
	page, err := teams.Page(ctx, repository.ListOptions{Limit: 1, Order: []repository.Order{{Column: "name"}}})
	names := repository.MapPage(page, func(team *Team) string { return team.Name })
	body, failed := json.Marshal(names)
	header := http.Header{}
	names.SetLinks(header, &url.URL{Path: "/teams", RawQuery: "pageSize=1"})
	fmt.Println(string(body), errors.Join(err, failed))
	fmt.Println(header.Get("Link"))
	// Output:
	// {"items":["Blues"],"limit":1,"offset":0,"total":2} <nil>
	// </teams?pageSize=1>; rel="first", </teams?currentPage=2&pageSize=1>; rel="next"
}

// A client learns what is wrong with what it sent, and of all other errors the status alone.
func ExampleWriteProblem() {
	var invalid repository.Invalid
	invalid.Add("players/0/name", "must not be empty")
	for _, err := range []error{
		fmt.Errorf("create: %w", invalid.Err()),
		&repository.DatabaseError{Kind: repository.ErrDuplicate, Table: "teams", Constraint: "teams_name_key", Err: errors.New("of the driver")},
	} {
		w := httptest.NewRecorder()
		repository.WriteProblem(w, err)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"some fields are not what they must be","errors":[{"detail":"must not be empty","pointer":"#/players/0/name"}]}
	// 409 {"title":"Conflict","status":409,"detail":"there is one like it already"}
}
