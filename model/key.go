package model

import gonanoid "github.com/matoous/go-nanoid/v2"

// Int64 is an embeddable primary key in the column id that the database counts: an identity column on PostgreSQL,
// AUTO_INCREMENT on MySQL and MariaDB, AUTOINCREMENT on SQLite, so that the number of a deleted row does not come back.
//
// The number comes into the struct with the insert, and leaves it when the insert is rolled back. A number that is set
// already is kept; PostgreSQL does not count it, so give it numbers below where the identity starts, or move that on.
type Int64 struct {
	// ID is the primary key, from 1. Default: the database's next number.
	ID int64 `bun:"id,pk,autoincrement,identity" json:"id"`
}

// NanoID is an embeddable primary key in the column id: a short random text for URLs, 21 characters of A-Z, a-z, 0-9, _
// and -, which are 126 random bits. Upper and lower case differ, so the column has a binary collation where that
// is not the default.
//
// The session sets an empty ID to [NewNanoID] before the insert; an ID that is set already is kept.
type NanoID struct {
	// ID is the primary key, at most 21 characters in the columns of CreateSchema. Default: [NewNanoID], set by the session
	// on insert.
	ID string `bun:"id,pk" json:"id" fill:"nanoid"`
}

// NewNanoID returns a new identifier as https://github.com/ai/nanoid makes them. It panics when the system's random
// source fails.
func NewNanoID() string { return gonanoid.Must() }
