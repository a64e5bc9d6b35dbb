package session

import "context"

// Raw calls fn with the driver's own connection, inside the transaction, which it begins if none is open: for what speaks
// to the driver alone, such as COPY, or a job queue that puts a job into this transaction. The connection is that of
// [database/sql.Conn.Raw]: a *stdlib.Conn of pgx, for example. It must not be kept, and fn must not end the transaction, leave
// a savepoint or a running query behind, or use the session. What it writes into file columns is not watched over.
// An error of fn makes the session rollback-only, unless a Nested block ends it.
func (s *Session) Raw(ctx context.Context, fn func(driverConn any) error) error {
	if err := s.enterWrite("raw"); err != nil {
		return err
	}
	defer s.leave()
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.watch(s.tx.doubt(ctx, "")); err != nil {
		return err
	}
	return s.watch(s.tx.conn.Raw(fn))
}
