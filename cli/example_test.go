package cli_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/cli"
	"github.com/dossier-go/dossier/maintenance"
	"github.com/dossier-go/dossier/session"
)

// openManager stands for the application's own set-up.
func openManager(ctx context.Context) (*session.Manager, error) {
	pool, err := sql.Open("sqlite", "file:/cli-example?vfs=memdb")
	if err != nil {
		return nil, err
	}
	registry := &dossier.Registry{}
	store := memory.New(memory.Config{})
	if err := registry.Register("uploads", store); err != nil {
		return nil, err
	}
	if _, err := store.Put(ctx, "forgotten.pdf", dossier.BytesSource([]byte("%PDF")), dossier.PutOptions{}); err != nil {
		return nil, err
	}
	manager, err := session.New(bun.NewDB(pool, sqlitedialect.New()), session.Options{Registry: registry}) //nolint:contextcheck // it has a time-out of its own
	if err != nil {
		return nil, err
	}
	if _, err := pool.ExecContext(ctx, "CREATE TABLE documents (id INTEGER PRIMARY KEY, file TEXT)"); err != nil {
		return nil, err
	}
	return manager, manager.CreateSchema(ctx)
}

func ExampleCommand() {
	root := &cobra.Command{Use: "app"}
	root.AddCommand(cli.Command(cli.Config{
		Name:    "files",
		Manager: openManager,
		Columns: []maintenance.Column{{Table: "documents", Column: "file"}},
	}))
	root.SetArgs([]string{"files", "audit"})
	root.SetErr(os.Stdout)
	err := root.ExecuteContext(context.Background())
	fmt.Println("exit code", cli.ExitCode(err))
	// Output:
	// orphaned			uploads	forgotten.pdf	4 bytes
	// files: 1 findings; 0 files of rows and 1 objects were compared
	// exit code 1
}

func ExampleRun() {
	code := cli.Run(context.Background(), cli.Config{}, []string{"sweep", "--database", "missing.db"}, os.Stdout, os.Stdout)
	fmt.Println("exit code", code)
	// Output:
	// dossier: --database: open database: there is no such database: missing.db: file does not exist; this tool makes none
	// exit code 2
}
