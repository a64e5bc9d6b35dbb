package session_test

import (
	"context"
	"fmt"
	"log"

	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// Rate has neither files nor versions, so a row need not be read before it is changed.
type Rate struct {
	bun.BaseModel `bun:"table:rates"`
	Currency      string `bun:"currency,pk"`
	Cents         int    `bun:"cents"`
}

// Whoever imports prices does not care which of them are new; the report does.
func ExampleSession_InsertOrUpdate() {
	ctx := context.Background()
	m, _ := openExample(session.Options{})
	if err := m.Register((*Rate)(nil)); err != nil {
		log.Fatal(err)
	}
	if err := m.CreateSchema(ctx); err != nil {
		log.Fatal(err)
	}
	for _, rates := range [][]*Rate{
		{{Currency: "EUR", Cents: 100}, {Currency: "USD", Cents: 92}},
		{{Currency: "GBP", Cents: 117}, {Currency: "EUR", Cents: 101}},
	} {
		err := m.Run(ctx, func(ctx context.Context, s *session.Session) error {
			created, err := s.InsertOrUpdate(ctx, &rates, session.Conflict{})
			fmt.Println(created)
			return err
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	var sum int
	err := m.Run(ctx, func(ctx context.Context, s *session.Session) error {
		return s.Select(ctx, m.DB().NewSelect().Model((*Rate)(nil)).ColumnExpr("sum(cents)"), &sum)
	})
	fmt.Println(sum, err)
	// Output:
	// [true true]
	// [true false]
	// 310 <nil>
}
