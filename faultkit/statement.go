package faultkit

import (
	"context"
	"database/sql/driver"
	"errors"
)

// Prepare implements [driver.Conn].
func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// PrepareContext implements [driver.ConnPrepareContext]. Preparing has no point of its own.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if c.dropped {
		return nil, driver.ErrBadConn
	}
	inner, err := c.prepareInner(ctx, query)
	if err != nil {
		return nil, err
	}
	s := &statement{Stmt: inner, conn: c, query: query, name: pointOf(query)}
	if converter, ok := inner.(driver.ColumnConverter); ok { //nolint:staticcheck // drivers without CheckNamedValue have it
		return &convertingStatement{s, converter}, nil
	}
	return s, nil
}

func (c *conn) prepareInner(ctx context.Context, query string) (driver.Stmt, error) {
	if p, ok := c.inner.(driver.ConnPrepareContext); ok {
		return p.PrepareContext(ctx, query)
	}
	s, err := c.inner.Prepare(query)
	if err == nil && ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), s.Close())
	}
	return s, err
}

// statement is a prepared statement with points.
type statement struct {
	driver.Stmt
	conn  *conn
	query string
	name  string
}

// convertingStatement is one of a driver that converts arguments by column.
type convertingStatement struct {
	*statement
	driver.ColumnConverter
}

// CheckNamedValue implements [driver.NamedValueChecker].
func (s *statement) CheckNamedValue(value *driver.NamedValue) error {
	if n, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(value)
	}
	return s.conn.CheckNamedValue(value)
}

// start hits the point before, unless the connection did for the same execution.
func (s *statement) start(ctx context.Context) error {
	begun := s.conn.begun
	s.conn.begun = ""
	if begun == s.query {
		return nil
	}
	return s.conn.hitBefore(ctx, s.name)
}

// ExecContext implements [driver.StmtExecContext].
func (s *statement) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	result, err := s.execInner(ctx, args)
	if err != nil {
		return nil, err
	}
	if err := s.conn.hitAfter(ctx, s.name); err != nil {
		return nil, err
	}
	return result, nil
}

func (s *statement) execInner(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if e, ok := s.Stmt.(driver.StmtExecContext); ok {
		return e.ExecContext(ctx, args)
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.Stmt.Exec(values) //nolint:staticcheck // drivers without ExecContext have only this
}

// QueryContext implements [driver.StmtQueryContext].
func (s *statement) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	inner, err := s.queryInner(ctx, args)
	if err != nil {
		return nil, err
	}
	return newRows(ctx, s.conn, s.name, inner), nil
}

func (s *statement) queryInner(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if q, ok := s.Stmt.(driver.StmtQueryContext); ok {
		return q.QueryContext(ctx, args)
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.Stmt.Query(values) //nolint:staticcheck // drivers without QueryContext have only this
}

// plainValues does for drivers without contexts what database/sql would.
func plainValues(ctx context.Context, args []driver.NamedValue) ([]driver.Value, error) {
	values := make([]driver.Value, len(args))
	for i, arg := range args {
		if arg.Name != "" {
			return nil, errors.New("sql: driver does not support the use of Named Parameters")
		}
		values[i] = arg.Value
	}
	return values, ctx.Err()
}

var (
	_ driver.Stmt              = (*statement)(nil)
	_ driver.StmtExecContext   = (*statement)(nil)
	_ driver.StmtQueryContext  = (*statement)(nil)
	_ driver.NamedValueChecker = (*statement)(nil)
)
