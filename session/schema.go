package session

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/uptrace/bun"
)

// SchemaSQL returns the CREATE TABLE statements that [Manager.CreateSchema] runs for the types of models, in their order and in
// the database's SQL, each without its semicolon: to begin a migration with. It does no I/O. Models are pointers to
// structs, nil ones too. The journal's table is in package migrations. Errors: as Register.
func (m *Manager) SchemaSQL(models ...any) ([]string, error) {
	statements := make([]string, 0, len(models))
	for _, model := range models {
		p, err := m.planOf(reflect.TypeOf(model))
		if err != nil {
			return nil, fmt.Errorf("schema: %w", err)
		}
		text, err := m.tableQuery(p).AppendQuery(m.db.QueryGen(), nil)
		if err != nil {
			return nil, fmt.Errorf("schema of %s: %w", p.table.Name, err)
		}
		statements = append(statements, strings.TrimSpace(string(text)))
	}
	return statements, nil
}

func (m *Manager) tableQuery(p *plan) *bun.CreateTableQuery {
	return m.db.NewCreateTable().Model(p.table.ZeroIface).IfNotExists().WithForeignKeys()
}
