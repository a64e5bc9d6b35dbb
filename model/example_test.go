package model_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/dossier-go/dossier/model"
)

// A model embeds both; a program that writes with bun alone fills them itself (the session does it otherwise).
func Example() {
	type Invoice struct {
		bun.BaseModel `bun:"table:invoices"`
		model.UUID
		model.Audit
		Number string `bun:"number,notnull"`
	}

	ctx := context.Background()
	pool, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
	db := bun.NewDB(pool, sqlitedialect.New())
	defer db.Close()
	if _, err := db.NewCreateTable().Model((*Invoice)(nil)).Exec(ctx); err != nil {
		log.Fatal(err)
	}

	now := model.Now()
	saved := &Invoice{
		UUID:   model.UUID{ID: model.NewUUID()},
		Audit:  model.Audit{CreatedAt: now, UpdatedAt: now},
		Number: "2026-001",
	}
	if _, err := db.NewInsert().Model(saved).Exec(ctx); err != nil {
		log.Fatal(err)
	}

	var loaded Invoice
	if err := db.NewSelect().Model(&loaded).Where("number = ?", "2026-001").Scan(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("same key:", loaded.ID == saved.ID)
	fmt.Println("same time:", loaded.CreatedAt.Equal(saved.CreatedAt))
	// Output:
	// same key: true
	// same time: true
}

func ExampleNewUUID() {
	first, second := model.NewUUID(), model.NewUUID()
	fmt.Println("version", first.Version())
	fmt.Println("in order:", first.String() < second.String())
	// Output:
	// version VERSION_7
	// in order: true
}
