package repository_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/dossier-go/dossier/repository"
)

// noteIn is what a client sends, noteOut what it gets.
type (
	noteIn struct {
		Title *string `json:"title"`
	}
	noteOut struct {
		ID    int64  `json:"id"`
		Title string `json:"title"`
	}
)

// validateNote is a rule.
func validateNote(_ context.Context, n *Note) error {
	var invalid repository.Invalid
	if strings.TrimSpace(n.Title) == "" {
		invalid.Add("title", "must not be empty")
	}
	return invalid.Err()
}

// A handler: what comes in is filled into a model, goes through the rules, and what goes out is what the client may see;
// errors have the status of one table.
func ExampleMapped() {
	manager, err := openExample("example-mapped")
	if err != nil {
		fmt.Println(err)
		return
	}
	notes := repository.Mapped[Note, noteIn, noteOut]{
		Service: repository.NewService(repository.For[Note](manager), repository.Rules[Note]{Validate: validateNote}),
		Fill: func(in noteIn, n *Note) error {
			if in.Title != nil {
				n.Title = *in.Title
			}
			return nil
		},
		Show: func(n *Note) noteOut { return noteOut{n.ID, n.Title} },
	}
	create := func(w http.ResponseWriter, r *http.Request) {
		var in noteIn
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&in); err != nil {
			repository.Problem{Title: "Bad Request", Status: http.StatusBadRequest, Detail: "send a note as JSON"}.Write(w)
			return
		}
		out, err := notes.Create(r.Context(), in)
		if err != nil {
			repository.WriteProblem(w, err)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(out)
	}
	for _, body := range []string{`{"title":"Plan"}`, `{"title":" "}`, `[]`} {
		w := httptest.NewRecorder()
		create(w, httptest.NewRequest(http.MethodPost, "/notes", strings.NewReader(body)))
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 201 {"id":1,"title":"Plan"}
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"some fields are not what they must be","errors":[{"detail":"must not be empty","pointer":"#/title"}]}
	// 400 {"title":"Bad Request","status":400,"detail":"send a note as JSON"}
}

// A rule is called in the unit of work of the write.
func ExampleService_Change() {
	ctx := context.Background()
	manager, err := openExample("example-service")
	if err != nil {
		fmt.Println(err)
		return
	}
	notes := repository.NewService(repository.For[Note](manager), repository.Rules[Note]{
		BeforeUpdate: func(_ context.Context, _ *repository.Repository[Note], n *Note) error {
			n.Title = strings.TrimSpace(n.Title)
			return nil
		},
		Validate: validateNote,
	})
	note := &Note{Title: "Plan"}
	fmt.Println(notes.Create(ctx, note))
	changed, err := notes.Change(ctx, func(n *Note) error { n.Title = " Plan B "; return nil }, note.ID)
	fmt.Printf("%q %v\n", changed.Title, err)
	_, err = notes.Change(ctx, func(n *Note) error { n.Title = " "; return nil }, note.ID)
	fmt.Println(err, repository.StatusOf(err))
	// Output:
	// <nil>
	// "Plan B" <nil>
	// invalid fields: title must not be empty 422
}
