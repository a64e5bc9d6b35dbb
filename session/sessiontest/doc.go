// Package sessiontest makes a complete manager for tests in one line: SQLite in memory, shared by all connections, and a
// memory backend for every name in the models' file tags. Nothing is left when the test ends.
// While a session has its transaction open, reads outside of that session wait for its end: SQLite in memory lets no
// one read beside a writer, as it does with write-ahead logging in a file.
//
//	m := sessiontest.New(t, (*Document)(nil))
package sessiontest
