// Package model holds columns that most tables have, to be embedded in bun models.
//
//	type Document struct {
//		bun.BaseModel `bun:"table:documents"`
//		model.UUID
//		model.Audit
//		Title string `bun:"title,notnull"`
//	}
//
// [UUID], [UUIDv4], [Int64] and [NanoID] are primary keys, [Audit] the times of creation and last change, [AuditBy] who did
// it, [SlugKey] a unique name for URLs, [Versioned] refuses lost updates, and [SoftDelete] marks rows. They are plain data: the
// session's type plan fills them when it writes a row, by the tag `fill` of their fields, which may stand in structs of one's
// own too. Hooks do not, because the hooks of two embedded structs would hide each other (a struct that embeds both has
// neither method promoted). A program that writes with bun alone fills them itself, with [NewUUID] and [Now].
//
// The column tags carry no SQL type. The session's type plan sets the type per database when it creates the schema
// (UUID on PostgreSQL, text on SQLite, a character column on MySQL and MariaDB; docs/models.md has all of them); on SQLite bun alone creates a
// working table too, as SQLite needs no column types.
package model
