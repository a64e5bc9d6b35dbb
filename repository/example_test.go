package repository_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// Note is a model.
type Note struct {
	bun.BaseModel `bun:"table:notes"`
	ID            int64                  `bun:"id,pk,autoincrement"`
	Title         string                 `bun:"title"`
	File          *fileobject.FileObject `bun:"file" file:"uploads"`
}

// openExample makes a manager over a database in memory, with its table.
func openExample(name string) (*session.Manager, error) {
	pool, err := sql.Open("sqlite", "file:/"+name+"?vfs=memdb")
	if err != nil {
		return nil, err
	}
	registry := &dossier.Registry{}
	if err := registry.Register("uploads", memory.New(memory.Config{})); err != nil {
		return nil, err
	}
	manager, err := session.New(bun.NewDB(pool, sqlitedialect.New()), session.Options{Registry: registry})
	if err != nil {
		return nil, err
	}
	return manager, errors.Join(manager.Register((*Note)(nil)), manager.CreateSchema(context.Background()))
}

func ExampleFor() {
	ctx := context.Background()
	manager, err := openExample("example-for")
	if err != nil {
		fmt.Println(err)
		return
	}
	notes := repository.For[Note](manager)

	note := &Note{Title: "Plan", File: fileobject.FromBytes("plan.txt", []byte("first draft"), fileobject.Options{})}
	fmt.Println(notes.Create(ctx, note))

	loaded, err := notes.Get(ctx, note.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	content, err := loaded.File.Content(ctx)
	fmt.Println(loaded.Title, string(content), err)

	loaded.Title = "Plan B"
	fmt.Println(notes.Update(ctx, loaded))
	fmt.Println(notes.Delete(ctx, note.ID))
	_, err = notes.Get(ctx, note.ID)
	fmt.Println(errors.Is(err, dossier.ErrNotFound))
	// Output:
	// <nil>
	// Plan first draft <nil>
	// <nil>
	// <nil>
	// true
}

func ExampleNew() {
	ctx := context.Background()
	manager, err := openExample("example-new")
	if err != nil {
		fmt.Println(err)
		return
	}
	err = manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
		notes := repository.New[Note](s)
		for _, title := range []string{"one", "two"} {
			if err := notes.Create(ctx, &Note{Title: title}); err != nil {
				return err
			}
		}
		return nil // both are committed now, or neither
	})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleRepository_List() {
	ctx := context.Background()
	manager, err := openExample("example-list")
	if err != nil {
		fmt.Println(err)
		return
	}
	notes := repository.For[Note](manager)
	for _, title := range []string{"b", "c", "a"} {
		if err := notes.Create(ctx, &Note{Title: title}); err != nil {
			fmt.Println(err)
			return
		}
	}
	page, err := notes.List(ctx, repository.ListOptions{Limit: 2, Order: []repository.Order{{Column: "title", Descending: true}}})
	for _, note := range page {
		fmt.Println(note.Title)
	}
	fmt.Println(err)

	_, err = notes.List(ctx, repository.ListOptions{Order: []repository.Order{{Column: "title; DROP TABLE notes"}}})
	fmt.Println(err)
	// Output:
	// c
	// b
	// <nil>
	// list: invalid argument: order by "title; DROP TABLE notes": table notes has the columns id, title, file
}
