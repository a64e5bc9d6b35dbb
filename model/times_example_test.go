package model_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
)

// Invoice has a number that the database counts and a key that tells nothing.
type Invoice struct {
	bun.BaseModel `bun:"table:invoices"`
	model.Int64
	Title string `bun:"title,notnull"`
}

// Secret has a key that nobody can guess, nor when it was made.
type Secret struct {
	bun.BaseModel `bun:"table:secrets"`
	model.UUIDv4
	Text string `bun:"text,notnull"`
}

// Times that are zero are filled in, a change touches one of them, and what the caller sets is kept.
func ExampleAudit() {
	ctx, m := context.Background(), openArticles("example-audit")
	imported := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	article := &Article{Title: "Plan", Audit: model.Audit{CreatedAt: imported, UpdatedAt: imported}}
	err := m.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, article) })
	fmt.Println(article.CreatedAt.Format(time.DateOnly), article.UpdatedAt.Format(time.DateOnly), err)

	err = m.Run(ctx, func(ctx context.Context, s *session.Session) error {
		loaded := new(Article)
		if err := s.Get(ctx, loaded, article.ID); err != nil {
			return err
		}
		err := s.Update(ctx, loaded) // nothing changed
		fmt.Println("touched:", loaded.UpdatedAt.After(imported))
		loaded.Title = "Plan B"
		err = errors.Join(err, s.Update(ctx, loaded))
		fmt.Println("touched:", loaded.UpdatedAt.After(imported), loaded.CreatedAt.Equal(imported))
		return err
	})
	fmt.Println(err)
	// Output:
	// 2001-02-03 2001-02-03 <nil>
	// touched: false
	// touched: true true
	// <nil>
}

// A counted key comes with the insert; one that is set is kept.
func ExampleInt64() {
	ctx, m := context.Background(), openArticles("example-int64")
	err := errors.Join(m.Register((*Invoice)(nil), (*Secret)(nil)), m.CreateSchema(ctx))
	first, second, own, secret := &Invoice{}, &Invoice{}, &Invoice{Int64: model.Int64{ID: 2000}}, &Secret{}
	err = errors.Join(err, m.Run(ctx, func(ctx context.Context, s *session.Session) error {
		return s.Insert(ctx, first, second, own, secret)
	}))
	fmt.Println(first.ID, second.ID, own.ID, secret.ID.Version(), err)
	// Output: 1 2 2000 VERSION_4 <nil>
}
