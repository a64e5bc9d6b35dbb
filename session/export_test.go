package session

import (
	"context"
	"time"
)

// What the tests need of the inside.
var (
	CheckStatement  = sqliteSyntax.check
	CheckPostgreSQL = postgresqlSyntax.check
	CheckMySQL      = mysqlSyntax.check
	LockOpened      = lockOpened
	ReadSideFile    = readSideFile
)

// SideEntry is a line of a side file.
type SideEntry = sideEntry

// Recent is who committed lately.
type Recent struct{ recent recent }

func (r *Recent) Note(ctx context.Context, stick time.Duration) { r.recent.note(ctx, stick) }
func (r *Recent) Sticks(ctx context.Context) bool               { return r.recent.sticks(ctx) }
func (r *Recent) Len() int                                      { return len(r.recent.until) }
