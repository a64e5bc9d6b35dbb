package faultkit

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// OpenDB is sql.Open with points. See [NewConnector]. The driver must be registered. The connection is made at first use.
func OpenDB(driverName, dsn string, points *Points) (*sql.DB, error) {
	plain, err := sql.Open(driverName, dsn)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	d := plain.Driver()
	if err := plain.Close(); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	var inner driver.Connector = dsnConnector{d, dsn}
	if c, ok := d.(driver.DriverContext); ok {
		if inner, err = c.OpenConnector(dsn); err != nil {
			return nil, fmt.Errorf("open database: %w", err)
		}
	}
	return sql.OpenDB(NewConnector(inner, points)), nil
}

// dsnConnector is the connector of a driver that has none.
type dsnConnector struct {
	driver driver.Driver
	dsn    string
}

func (c dsnConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c dsnConnector) Driver() driver.Driver                        { return c.driver }

// NewConnector returns a connector, for sql.OpenDB, whose connections hit points before and after each statement. The
// points are "sql.connect", and "sql." with the statement's kind, and table where it has one, each with ".before" and
// ".after":
//
//	sql.begin  sql.commit  sql.rollback  sql.savepoint  sql.release  sql.rollback to
//	sql.select documents  sql.insert documents  sql.update documents  sql.delete documents
//	sql.create table documents  sql.pragma foreign_keys
//
// Transactions begun with BeginTx and with a BEGIN statement have the same points. An error at ".before" takes the place
// of the statement; ".after" is hit when the statement has succeeded, and an error there says that it has not: the COMMIT
// whose answer was lost. A query is over, and its ".after" hit, when its rows were read or closed. [Drop] closes the
// connection as well.
//
// What a driver can do beyond the required it can do here, and no more: where it leaves something to database/sql, so does the
// wrapper. sql.Conn.Raw gives a value whose method Unwrap returns the driver's own connection.
func NewConnector(inner driver.Connector, points *Points) driver.Connector {
	return &connector{inner, points}
}

type connector struct {
	inner  driver.Connector
	points *Points
}

// Connect implements [driver.Connector].
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := c.points.HitContext(ctx, "sql.connect"+before); err != nil {
		return nil, err
	}
	inner, err := c.inner.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.points.HitContext(ctx, "sql.connect"+after); err != nil {
		return nil, errors.Join(err, inner.Close())
	}
	return &conn{inner: inner, points: c.points}, nil
}

// Driver implements [driver.Connector]: the driver below.
func (c *connector) Driver() driver.Driver { return c.inner.Driver() }

// Close closes the connector below if it can be closed.
func (c *connector) Close() error {
	if closer, ok := c.inner.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

var (
	_ driver.Connector = (*connector)(nil)
	_ io.Closer        = (*connector)(nil)
)
