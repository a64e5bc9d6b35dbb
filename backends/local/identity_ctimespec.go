//go:build darwin || freebsd || netbsd

package local

import "syscall"

// changed returns the time of the last change of the inode, in nanoseconds.
func changed(stat *syscall.Stat_t) int64 { return stat.Ctimespec.Nano() }
