package session

import (
	"slices"

	"github.com/dossier-go/dossier/journal"
)

// LockTimedOut reports whether err says that a lock was not given in time: PostgreSQL's lock_timeout and NOWAIT, MySQL's
// innodb_lock_wait_timeout, SQLite's busy_timeout; see Config.LockTimeout. The unit of work may succeed when it is tried
// again: it is [Retryable] too.
func LockTimedOut(err error) bool {
	return journal.SQLState(err) == "55P03" || slices.Contains([]int{1205, 3572}, journal.MySQLNumber(err)) || journal.Busy(err)
}

// StatementTimedOut reports whether err says that the server ended a statement that took longer than it may, or that an
// administrator cancelled; see Config.StatementTimeout. The same statement would take as long again: it is not [Retryable].
func StatementTimedOut(err error) bool {
	return journal.SQLState(err) == "57014" || slices.Contains([]int{1969, 3024, 1317}, journal.MySQLNumber(err))
}
