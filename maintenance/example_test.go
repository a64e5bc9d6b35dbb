package maintenance_test

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/maintenance"
	"github.com/dossier-go/dossier/session"
)

func ExampleAudit() {
	ctx := context.Background()
	pool, err := sql.Open("sqlite", "file:/audit-example?vfs=memdb")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	registry := &dossier.Registry{}
	store := memory.New(memory.Config{})
	fmt.Println(registry.Register("uploads", store))
	manager, err := session.New(bun.NewDB(pool, sqlitedialect.New()), session.Options{Registry: registry})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(manager.CreateSchema(ctx))

	// What raw SQL and foreign tools leave.
	_, err = pool.Exec(`CREATE TABLE documents (id INTEGER PRIMARY KEY, file TEXT);
		INSERT INTO documents VALUES (1, '{"filename":"lost.pdf","backend":"uploads"}')`)
	fmt.Println(err)
	_, err = store.Put(ctx, "forgotten.pdf", dossier.BytesSource([]byte("%PDF")), dossier.PutOptions{})
	fmt.Println(err)

	report, err := maintenance.Audit(ctx, maintenance.AuditOptions{
		Database: manager.DB(),
		Registry: registry,
		Columns:  []maintenance.Column{{Table: "documents", Column: "file"}},
		Found:    func(f maintenance.Finding) error { fmt.Println(f); return nil },
	})
	fmt.Println(report.Findings, "findings", err)
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// <nil>
	// missing documents.file[1] uploads:lost.pdf
	// orphaned uploads:forgotten.pdf: 4 bytes
	// 2 findings <nil>
}

func ExampleParseColumn() {
	column, err := maintenance.ParseColumn("documents.file")
	fmt.Println(column.Table, column.Column, err)
	_, err = maintenance.ParseColumn("documents")
	fmt.Println(err)
	// Output:
	// documents file <nil>
	// column "documents": invalid argument: want table.column
}
