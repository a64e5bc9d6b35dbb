package faultkit

import (
	"context"
	"database/sql/driver"
	"errors"
)

// conn is a connection with points. It implements every optional interface; where the driver does not, it answers what
// database/sql would have done without it.
type conn struct {
	inner   driver.Conn
	points  *Points
	dropped bool
	begun   string // statement that the driver handed back (driver.ErrSkip) after its ".before" point was hit
}

// Unwrap returns the driver's own connection.
func (c *conn) Unwrap() driver.Conn { return c.inner }

// run does something between the points of name.
func (c *conn) run(ctx context.Context, name string, do func() error) error {
	if err := c.hitBefore(ctx, name); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return c.hitAfter(ctx, name)
}

func (c *conn) hitBefore(ctx context.Context, name string) error {
	c.begun = ""
	if c.dropped {
		return driver.ErrBadConn
	}
	err := c.points.HitContext(ctx, name+before)
	if errors.Is(err, ErrDropped) {
		return errors.Join(driver.ErrBadConn, c.drop())
	}
	return err
}

func (c *conn) hitAfter(ctx context.Context, name string) error {
	err := c.points.HitContext(ctx, name+after)
	if errors.Is(err, ErrDropped) {
		return errors.Join(err, c.drop())
	}
	return err
}

// drop closes the connection under the feet of its user.
func (c *conn) drop() error {
	c.dropped = true
	return c.inner.Close()
}

// Close implements [driver.Conn].
func (c *conn) Close() error {
	if c.dropped {
		return nil
	}
	return c.inner.Close()
}

// IsValid implements [driver.Validator].
func (c *conn) IsValid() bool {
	if c.dropped {
		return false
	}
	v, ok := c.inner.(driver.Validator)
	return !ok || v.IsValid()
}

// ResetSession implements [driver.SessionResetter].
func (c *conn) ResetSession(ctx context.Context) error {
	if c.dropped {
		return driver.ErrBadConn
	}
	if r, ok := c.inner.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

// Ping implements [driver.Pinger].
func (c *conn) Ping(ctx context.Context) error {
	if c.dropped {
		return driver.ErrBadConn
	}
	if p, ok := c.inner.(driver.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

// CheckNamedValue implements [driver.NamedValueChecker].
func (c *conn) CheckNamedValue(value *driver.NamedValue) error {
	if n, ok := c.inner.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(value)
	}
	return driver.ErrSkip
}

// ExecContext implements [driver.ExecerContext].
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	e, ok := c.inner.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	err = c.run(ctx, pointOf(query), func() error {
		result, err = e.ExecContext(ctx, query, args)
		return c.skipped(query, err)
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// skipped remembers that database/sql will come again with a prepared statement.
func (c *conn) skipped(query string, err error) error {
	if errors.Is(err, driver.ErrSkip) {
		c.begun = query
	}
	return err
}

// QueryContext implements [driver.QueryerContext].
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	q, ok := c.inner.(driver.QueryerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	name := pointOf(query)
	if err := c.hitBefore(ctx, name); err != nil {
		return nil, err
	}
	inner, err := q.QueryContext(ctx, query, args)
	if err != nil {
		return nil, c.skipped(query, err)
	}
	return newRows(ctx, c, name, inner), nil
}

var (
	_ driver.Conn               = (*conn)(nil)
	_ driver.ConnBeginTx        = (*conn)(nil)
	_ driver.ConnPrepareContext = (*conn)(nil)
	_ driver.ExecerContext      = (*conn)(nil)
	_ driver.QueryerContext     = (*conn)(nil)
	_ driver.Pinger             = (*conn)(nil)
	_ driver.SessionResetter    = (*conn)(nil)
	_ driver.Validator          = (*conn)(nil)
	_ driver.NamedValueChecker  = (*conn)(nil)
)
