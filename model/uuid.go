package model

import "github.com/google/uuid"

// UUID is an embeddable primary key in the column id.
//
// The session sets a zero ID to [NewUUID] before the insert, so the key is known before the row exists and can stand
// in the key of a file. An ID that is set already is kept. bun alone stores what it finds: it would write a zero ID
// as 00000000-0000-0000-0000-000000000000.
type UUID struct {
	// ID is the primary key. Its text form is stored where the database has no UUID type. Default: [NewUUID], set
	// by the session on insert.
	ID uuid.UUID `bun:"id,pk" json:"id" fill:"uuid7"`
}

// NewUUID returns a new version 7 UUID (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then a fraction of the
// millisecond and random bits.
//
// Keys made by one process compare in the order in which they were made, so they append to an index instead of
// scattering over it. Keys of different processes are ordered only as well as their clocks agree, and a key tells
// anyone who sees it when it was made: it is an identifier, not a secret. NewUUID panics when the system's random
// source fails.
func NewUUID() uuid.UUID {
	return uuid.Must(uuid.NewV7())
}

// UUIDv4 is an embeddable primary key in the column id that tells nothing of when it was made. It is filled as that of
// [UUID] is, and scatters over its index, which large tables feel; where the time is no secret, take [UUID].
type UUIDv4 struct {
	// ID is the primary key: 122 random bits. Default: [NewUUIDv4], set by the session on insert.
	ID uuid.UUID `bun:"id,pk" json:"id" fill:"uuid4"`
}

// NewUUIDv4 returns a new version 4 UUID (RFC 9562, section 5.4). It panics when the system's random source fails.
func NewUUIDv4() uuid.UUID {
	return uuid.Must(uuid.NewRandom())
}
