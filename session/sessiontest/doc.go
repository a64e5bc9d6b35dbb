// Package sessiontest makes a complete manager for tests in one line: SQLite in memory, shared by all connections, and a
// memory backend for every name in the models' file tags. Nothing is left when the test ends.
//
//	m := sessiontest.New(t, (*Document)(nil))
package sessiontest
