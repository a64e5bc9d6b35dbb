package faultkit

import (
	"context"
	"database/sql/driver"
	"errors"
)

// Begin implements [driver.Conn].
func (c *conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// BeginTx implements [driver.ConnBeginTx].
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	var inner driver.Tx
	err := c.run(ctx, "sql.begin", func() (err error) {
		inner, err = c.beginInner(ctx, opts)
		return err
	})
	if err != nil && inner != nil && !c.dropped {
		return nil, errors.Join(err, inner.Rollback()) // nobody else could
	}
	if err != nil {
		return nil, err
	}
	return &transaction{c, inner}, nil
}

// beginInner does for drivers without BeginTx what database/sql would.
func (c *conn) beginInner(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if b, ok := c.inner.(driver.ConnBeginTx); ok {
		return b.BeginTx(ctx, opts)
	}
	if opts.Isolation != 0 {
		return nil, errors.New("sql: driver does not support non-default isolation level")
	}
	if opts.ReadOnly {
		return nil, errors.New("sql: driver does not support read-only transactions")
	}
	tx, err := c.inner.Begin() //nolint:staticcheck // drivers without BeginTx have only this
	if err == nil && ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), tx.Rollback())
	}
	return tx, err
}

type transaction struct {
	conn  *conn
	inner driver.Tx
}

// Commit implements [driver.Tx].
func (t *transaction) Commit() error {
	return t.conn.run(context.Background(), "sql.commit", t.inner.Commit)
}

// Rollback implements [driver.Tx].
func (t *transaction) Rollback() error {
	return t.conn.run(context.Background(), "sql.rollback", t.inner.Rollback)
}

var _ driver.Tx = (*transaction)(nil)
