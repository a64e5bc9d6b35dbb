package model_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
)

// Article has all that the session fills in.
type Article struct {
	bun.BaseModel            `bun:"table:articles"`
	model.NanoID             // id
	model.Audit              // created_at, updated_at
	model.AuditBy[uuid.UUID] // created_by, updated_by
	model.SlugKey            `slug:"title"`
	model.Versioned                 // version
	model.SoftDelete                // deleted_at
	Title                    string `bun:"title,notnull"`
}

// openArticles makes a manager over a database in memory, with the table.
func openArticles(name string) *session.Manager {
	pool, err := sql.Open("sqlite", "file:/"+name+"?vfs=memdb")
	if err != nil {
		log.Fatal(err)
	}
	m, err := session.New(bun.NewDB(pool, sqlitedialect.New()), session.Options{Registry: &dossier.Registry{}})
	if err == nil {
		err = errors.Join(m.Register((*Article)(nil)), m.CreateSchema(context.Background()))
	}
	if err != nil {
		log.Fatal(err)
	}
	return m
}

// Two rows of one title have two slugs, whoever writes them.
func ExampleSlugKey() {
	ctx, m := context.Background(), openArticles("example-slug")
	first, second := &Article{Title: "Ärger & Łódź"}, &Article{Title: "Ärger & Łódź"}
	err := m.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, first, second) })
	fmt.Println(first.Slug, err)
	fmt.Println(strings.HasPrefix(second.Slug, "arger-and-lodz-"), len(second.Slug))
	// Output:
	// arger-and-lodz <nil>
	// true 19
}

// The second of two who edited the same state is told.
func ExampleVersioned() {
	ctx, m := context.Background(), openArticles("example-versioned")
	article := &Article{Title: "Plan"}
	save := func(a *Article) error {
		return m.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Update(ctx, a) })
	}
	err := m.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, article) })
	other := *article // as another process has it

	article.Title = "Plan A"
	fmt.Println(errors.Join(err, save(article)), article.Version)
	other.Title = "Plan B"
	fmt.Println(errors.Is(save(&other), dossier.ErrStale), other.Version)
	// Output:
	// <nil> 2
	// true 1
}

// Middleware says who is logged in; the columns take it from the context.
func ExampleWithActor() {
	m := openArticles("example-actor")
	ann := uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057")
	ctx := model.WithActor(context.Background(), ann)
	article := &Article{Title: "Plan"}
	err := m.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, article) })
	fmt.Println(article.CreatedBy == ann, model.ActorFrom(ctx) == ann, err)
	// Output: true true <nil>
}

// A deleted row is out of sight, and there.
func ExampleSoftDelete() {
	ctx, m := context.Background(), openArticles("example-delete")
	article := &Article{Title: "Plan"}
	err := m.Run(ctx, func(ctx context.Context, s *session.Session) error {
		return errors.Join(s.Insert(ctx, article), s.Delete(ctx, article))
	})
	seen, _ := m.DB().NewSelect().Model((*Article)(nil)).Count(ctx)
	kept, _ := m.DB().NewSelect().Model((*Article)(nil)).WhereAllWithDeleted().Count(ctx)
	fmt.Println(seen, kept, !article.DeletedAt.IsZero(), err)
	// Output: 0 1 true <nil>
}

func ExampleSlugify() {
	fmt.Println(model.Slugify("The 3 rules of naming — part 2!"))
	fmt.Println(model.Slugify("北京"))
	fmt.Printf("%q\n", model.Slugify("?!"))
	// Output:
	// the-3-rules-of-naming-part-2
	// bei-jing
	// ""
}

func ExampleNewNanoID() {
	fmt.Println(len(model.NewNanoID()))
	// Output: 21
}
