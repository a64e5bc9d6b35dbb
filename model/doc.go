// Package model holds columns that most tables have, to be embedded in bun models.
//
//	type Document struct {
//		bun.BaseModel `bun:"table:documents"`
//		model.UUID
//		model.Audit
//		Title string `bun:"title,notnull"`
//	}
//
// [UUID] is a time-ordered primary key, [Audit] the times of creation and last change. They are plain data: the
// session's type plan fills them when it writes a row, not hooks, because the hooks of two embedded structs would
// hide each other (a struct that embeds both has neither method promoted). A program that writes with bun alone
// fills them itself, with [NewUUID] and [Now].
//
// The column tags carry no SQL type. The session's type plan sets the type per database when it creates the schema
// (UUID on PostgreSQL, text on SQLite, a character column on MySQL and MariaDB); on SQLite bun alone creates a
// working table too, as SQLite needs no column types.
package model
