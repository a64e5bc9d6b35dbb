package maintenance_test

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
	"github.com/dossier-go/dossier/journal"
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

func ExampleUndelete() {
	ctx := context.Background()
	manager, id := deletedFile(ctx) // of the row 7, whose file was cleared by mistake
	defer manager.Close()

	row, err := maintenance.ParseRow("id=7")
	if err != nil {
		fmt.Println(err)
		return
	}
	files, err := maintenance.Undelete(ctx, maintenance.UndeleteOptions{
		Manager: manager,
		Column:  maintenance.Column{Table: "documents", Column: "file"},
		Row:     row,
		IDs:     []string{id}, // of Manager.Journal().List with Filter.Unclaimed
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(files), "file,", files[0].Size, "bytes,", files[0].ContentType)
	// Output:
	// 1 file, 8 bytes, application/pdf
}

func ExampleParseRow() {
	row, err := maintenance.ParseRow("tenant=acme", "id=7")
	fmt.Println(row, err)
	_, err = maintenance.ParseRow("7")
	fmt.Println(err)
	// Output:
	// map[id:7 tenant:acme] <nil>
	// row "7": invalid argument: want column=value, once for each column of the primary key
}

// deletedFile makes a database with a file that left its row, and returns the id of its delete.
func deletedFile(ctx context.Context) (*session.Manager, string) {
	type document struct {
		bun.BaseModel `bun:"table:documents,alias:d"`
		ID            int64                  `bun:"id,pk"`
		File          *fileobject.FileObject `bun:"file" file:"uploads"`
	}
	registry := &dossier.Registry{}
	err := registry.Register("uploads", memory.New(memory.Config{}))
	manager, problem := session.Open(ctx, session.Config{
		DSN: "file:/undelete-example?vfs=memdb", Options: session.Options{Registry: registry}, Models: []any{(*document)(nil)}, CreateSchema: true,
	})
	if err = errors.Join(err, problem); err != nil {
		panic(err)
	}
	d := &document{ID: 7, File: fileobject.FromBytes("plan.pdf", []byte("%PDF-1.7"), fileobject.Options{})}
	for _, change := range []func(ctx context.Context, s *session.Session) error{
		func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) },
		func(ctx context.Context, s *session.Session) error { d.File = nil; return s.Update(ctx, d, "file") },
	} {
		if err := manager.Run(ctx, change); err != nil {
			panic(err)
		}
	}
	for entry, err := range manager.Journal().List(ctx, journal.Filter{Unclaimed: true}) {
		if err == nil {
			return manager, entry.ID
		}
	}
	panic("no delete was ordered")
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
