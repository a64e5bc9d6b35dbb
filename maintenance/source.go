package maintenance

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
)

// database is where rows and journal are.
type database interface {
	// scratch makes the temporary tables.
	scratch(ctx context.Context) (*scratch, error)
	// resolve looks a column up. Names never reach a statement unless the catalogue has them.
	resolve(ctx context.Context, s *scratch, column Column) (source, error)
	// copyRows copies the journal and the columns, as of one moment, into the temporary tables.
	copyRows(ctx context.Context, s *scratch, sources []source) error
}

// databaseOf returns nil for a database that is not supported.
func databaseOf(db *bun.DB) database {
	switch db.Dialect().Name() {
	case dialect.SQLite:
		return sqlite{db}
	case dialect.PG:
		return server{db, postgresql}
	case dialect.MySQL:
		return server{db, mysql}
	}
	return nil
}

// find picks a column of a table and says what there is to choose from.
func find(column Column, names []string) (string, error) {
	at := slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, column.Column) })
	if at < 0 {
		return "", fmt.Errorf("column %s: %w: the table has the columns %s", column, dossier.ErrInvalid, strings.Join(names, ", "))
	}
	return names[at], nil
}

func noTable(column Column) error {
	return fmt.Errorf("column %s: %w: the database has no table %q", column, dossier.ErrInvalid, column.Table)
}

// source is a column as the database's catalogue has it: SQL expressions that are safe to put into a statement.
type source struct {
	Column
	table string // quoted
	value string // quoted
	key   string // the primary key as text
}
