// Package filelock takes advisory locks on open files that die with their process.
//
// The locks are those of flock(2): of one open file, so that two handles in one process exclude each other as well.
// They hold on local file systems; what network file systems make of them is theirs.
package filelock

import "errors"

// ErrLocked says that another open file holds the lock.
var ErrLocked = errors.New("locked by another open file")
