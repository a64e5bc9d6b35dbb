// Command quickstart stores a file with its row, replaces it, and reads it back. It is the program of the README.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

type Document struct {
	bun.BaseModel `bun:"table:documents"`
	model.UUID
	model.Audit
	Title string                 `bun:"title,notnull"`
	File  *fileobject.FileObject `bun:"file"  file:"uploads,max:20MiB,accept:text/plain|application/pdf"`
	Pages fileobject.List        `bun:"pages" file:"uploads,max:5MiB,many:50"`
}

func run(ctx context.Context, dir string) error {
	store, err := local.New(filepath.Join(dir, "files"), local.Config{})
	if err != nil {
		return err
	}
	registry := &dossier.Registry{}
	if err := registry.Register("uploads", store); err != nil {
		return err
	}
	manager, err := session.Open(ctx, session.Config{
		DSN:          filepath.Join(dir, "app.db"), // or postgres://… or mysql://…
		Options:      session.Options{Registry: registry},
		Models:       []any{(*Document)(nil)},
		CreateSchema: true,
	})
	if err != nil {
		return err
	}
	defer manager.Close()

	// Bytes and row together, or neither.
	doc := &Document{Title: "Plan", File: fileobject.FromBytes("plan.txt", []byte("version 1"), fileobject.Options{})}
	if err := manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
		return s.Insert(ctx, doc)
	}); err != nil {
		return err
	}

	// Replace: the old object goes after the commit, never before.
	if err := manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
		var loaded Document
		if err := s.Get(ctx, &loaded, doc.ID); err != nil {
			return err // dossier.ErrNotFound
		}
		loaded.File = fileobject.FromBytes("plan.txt", []byte("version 2"), fileobject.Options{})
		return s.Update(ctx, &loaded) // dossier.ErrStale if somebody else replaced it meanwhile
	}); err != nil {
		return err
	}

	var current Document
	if err := manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
		return s.Get(ctx, &current, doc.ID)
	}); err != nil {
		return err
	}
	content, err := current.File.Content(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s, %s, %d bytes: %s\n", current.Title, current.File.Filename, current.File.ContentType, current.File.Size, content)
	return nil
}

func main() {
	dir, err := os.MkdirTemp("", "quickstart")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := run(context.Background(), dir); err != nil {
		log.Print(err)
	}
}
