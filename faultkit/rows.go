package faultkit

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
)

// rows are the rows of a query, whose ".after" point is hit when they end. What they say of their columns is what the
// driver says, or what database/sql takes for "unknown".
type rows struct {
	driver.Rows
	ctx   context.Context //nolint:containedctx // that of the query, for its last point
	conn  *conn
	name  string
	ended bool
}

func newRows(ctx context.Context, c *conn, name string, inner driver.Rows) *rows {
	return &rows{Rows: inner, ctx: ctx, conn: c, name: name}
}

// Next implements [driver.Rows].
func (r *rows) Next(values []driver.Value) error {
	if r.ended {
		return io.EOF
	}
	err := r.Rows.Next(values)
	if !errors.Is(err, io.EOF) || r.HasNextResultSet() {
		return err
	}
	if err := r.end(); err != nil {
		return err
	}
	return io.EOF
}

// Close implements [driver.Rows].
func (r *rows) Close() error {
	if r.ended {
		return nil
	}
	return r.end()
}

// end closes the rows, which ends the statement, and hits its point.
func (r *rows) end() error {
	r.ended = true
	if err := r.Rows.Close(); err != nil {
		return err
	}
	return r.conn.hitAfter(r.ctx, r.name)
}

// HasNextResultSet implements [driver.RowsNextResultSet].
func (r *rows) HasNextResultSet() bool {
	n, ok := r.Rows.(driver.RowsNextResultSet)
	return ok && !r.ended && n.HasNextResultSet()
}

// NextResultSet implements [driver.RowsNextResultSet].
func (r *rows) NextResultSet() error {
	if n, ok := r.Rows.(driver.RowsNextResultSet); ok && !r.ended {
		return n.NextResultSet()
	}
	return io.EOF
}

// ColumnTypeScanType implements [driver.RowsColumnTypeScanType].
func (r *rows) ColumnTypeScanType(index int) reflect.Type {
	if c, ok := r.Rows.(driver.RowsColumnTypeScanType); ok {
		return c.ColumnTypeScanType(index)
	}
	return reflect.TypeFor[any]()
}

// ColumnTypeDatabaseTypeName implements [driver.RowsColumnTypeDatabaseTypeName].
func (r *rows) ColumnTypeDatabaseTypeName(index int) string {
	if c, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return c.ColumnTypeDatabaseTypeName(index)
	}
	return ""
}

// ColumnTypeLength implements [driver.RowsColumnTypeLength].
func (r *rows) ColumnTypeLength(index int) (length int64, ok bool) {
	if c, ok := r.Rows.(driver.RowsColumnTypeLength); ok {
		return c.ColumnTypeLength(index)
	}
	return 0, false
}

// ColumnTypeNullable implements [driver.RowsColumnTypeNullable].
func (r *rows) ColumnTypeNullable(index int) (nullable, ok bool) {
	if c, ok := r.Rows.(driver.RowsColumnTypeNullable); ok {
		return c.ColumnTypeNullable(index)
	}
	return false, false
}

// ColumnTypePrecisionScale implements [driver.RowsColumnTypePrecisionScale].
func (r *rows) ColumnTypePrecisionScale(index int) (precision, scale int64, ok bool) {
	if c, ok := r.Rows.(driver.RowsColumnTypePrecisionScale); ok {
		return c.ColumnTypePrecisionScale(index)
	}
	return 0, 0, false
}

var (
	_ driver.RowsNextResultSet              = (*rows)(nil)
	_ driver.RowsColumnTypeScanType         = (*rows)(nil)
	_ driver.RowsColumnTypeDatabaseTypeName = (*rows)(nil)
	_ driver.RowsColumnTypeLength           = (*rows)(nil)
	_ driver.RowsColumnTypeNullable         = (*rows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*rows)(nil)
)
