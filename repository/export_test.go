package repository

import (
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// Compile makes the condition of filters about the table of a model, for a statement about that table alone.
func Compile(db *bun.DB, model any, filters ...Filter) (schema.QueryAppender, error) {
	return compile(db.NewSelect().Model(model).GetModel().(bun.TableModel).Table(), "", filters)
}
