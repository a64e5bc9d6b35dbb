package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/dossier-go/dossier/session"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// connection has another name than the method Conn.
type connection = pgx.Conn

// transaction is the session's open transaction as River's driver wants it. The session ends it.
type transaction struct{ *connection }

var errSession = errors.New("the session begins and ends the transaction")

func (t transaction) Begin(context.Context) (pgx.Tx, error) { return nil, errSession }
func (t transaction) Commit(context.Context) error          { return errSession }
func (t transaction) Rollback(context.Context) error        { return errSession }
func (t transaction) LargeObjects() pgx.LargeObjects        { return pgx.LargeObjects{} }
func (t transaction) Conn() *pgx.Conn                       { return t.connection }

// inTransaction calls fn with the transaction of the session.
func inTransaction(ctx context.Context, s *session.Session, fn func(pgx.Tx) error) error {
	return s.Raw(ctx, func(driverConn any) error {
		conn, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the database is reached by %T, not by pgx", driverConn)
		}
		return fn(transaction{conn.Conn()})
	})
}
