//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package local

import (
	"fmt"
	"io/fs"
	"syscall"

	"github.com/dossier-go/dossier"
)

// openFlags keep the opening of a named pipe from waiting for its other end.
const openFlags = syscall.O_RDONLY | syscall.O_NONBLOCK

// versionOf names the content of a file that has no attributes: any change of it changes inode or times.
func versionOf(info fs.FileInfo) dossier.Version {
	var inode uint64
	var change int64
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		inode, change = stat.Ino, changed(stat)
	}
	return dossier.Version(fmt.Sprintf("%x-%x-%x-%x", inode, change, info.ModTime().UnixNano(), info.Size()))
}

// linkCount is the number of names that an inode has.
func linkCount(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Nlink) //nolint:unconvert // narrower on other systems
	}
	return 1
}
