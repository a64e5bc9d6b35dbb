package model

import "time"

// Audit is an embeddable pair of times: when a row was created and when it was last changed.
//
// Both are set by the session when it writes the row. They are UTC and cut to whole microseconds, the finest unit
// that PostgreSQL, MySQL, MariaDB and SQLite all keep (see [Now]), so that a value read back equals the value in the
// struct that was written. bun alone stores what it finds. Raw SQL and triggers do not change them either.
type Audit struct {
	// CreatedAt is set on insert if it is zero; an update writes it only when the update names the column. UTC, whole
	// microseconds. Default: the time of the insert.
	CreatedAt time.Time `bun:"created_at,notnull" json:"created_at" fill:"created"`

	// UpdatedAt is set on insert if it is zero, and on every update that changes another column. A value of one's own is
	// kept: one that was put into the struct that this session loaded, or that the update names. An update that finds every
	// column as the session loaded it is no change; of a row that the session did not load, every update is one.
	// UTC, whole microseconds. Default: the time of the write.
	UpdatedAt time.Time `bun:"updated_at,notnull" json:"updated_at" fill:"updated"`
}

// Now returns the current time as a column keeps it: UTC, cut to whole microseconds, without the monotonic clock
// reading. It equals itself after a round trip through any of the databases, also with ==.
func Now() time.Time {
	return time.Now().UTC().Truncate(time.Microsecond)
}
