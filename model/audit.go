package model

import "time"

// Audit is an embeddable pair of times: when a row was created and when it was last changed.
//
// Both are set by the session when it writes the row. They are UTC and cut to whole microseconds, the finest unit
// that PostgreSQL, MySQL, MariaDB and SQLite all keep (see [Now]), so that a value read back equals the value in the
// struct that was written. bun alone stores what it finds. Raw SQL and triggers do not change them either.
type Audit struct {
	// CreatedAt is set once, on insert, if it is zero; an update never writes it. UTC, whole microseconds.
	// Default: the time of the insert.
	CreatedAt time.Time `bun:"created_at,notnull" json:"created_at"`

	// UpdatedAt is set on every update that the session writes, whatever it held, unless the update names the column;
	// on insert it is set if it is zero. UTC, whole microseconds. Default: the time of the write.
	UpdatedAt time.Time `bun:"updated_at,notnull" json:"updated_at"`
}

// Now returns the current time as a column keeps it: UTC, cut to whole microseconds, without the monotonic clock
// reading. It equals itself after a round trip through any of the databases, also with ==.
func Now() time.Time {
	return time.Now().UTC().Truncate(time.Microsecond)
}
