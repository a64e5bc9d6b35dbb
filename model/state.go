package model

import "time"

// SoftDelete is an embeddable mark of rows that count as deleted. Delete and DeleteWhere of the session set it instead of
// removing the row, and keep its files; a rollback takes it back in the struct too. What is read afterwards, by bun too, is
// without such rows unless the query says otherwise (WhereAllWithDeleted, WhereDeleted), and an update of one is
// dossier.ErrStale. Unique columns still see them.
type SoftDelete struct {
	// DeletedAt is when the row was deleted. UTC, whole microseconds. Default: zero, stored as NULL: it was not.
	DeletedAt time.Time `bun:"deleted_at,soft_delete,nullzero" json:"deleted_at,omitzero"`
}

// Versioned is an embeddable counter that refuses lost updates: an update through the session writes the row only if it
// still has the number that the struct was loaded with, and counts it up; otherwise it is dossier.ErrStale and nothing
// was written. After success the struct has the new number, after a rollback, also to a savepoint, the one before.
//
// An update that changes nothing (see Audit.UpdatedAt) compares and does not count. UpdateWhere, AppendFiles and
// RemoveFiles count without comparing, because they take the row as it is; a struct that is older than the row stays
// so. Delete compares unless the number is 0, which no row has: then the struct was never loaded.
type Versioned struct {
	// Version is the number of the row's state, from 1. An update cannot name it. Default: 1, set by the session on insert.
	Version int64 `bun:"version,notnull" json:"version" fill:"version"`
}
