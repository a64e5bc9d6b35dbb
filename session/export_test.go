package session

// What the tests need of the inside.
var (
	CheckStatement = checkStatement
	LockOpened     = lockOpened
)
