//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package local

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/dossier-go/dossier"
)

const openFlags = os.O_RDONLY

// versionOf names the content of a file that has no attributes; writes through this package get distinct times.
func versionOf(info fs.FileInfo) dossier.Version {
	return dossier.Version(fmt.Sprintf("%x-%x", info.ModTime().UnixNano(), info.Size()))
}

// linkCount is the number of names that a file has, as far as the standard library tells.
func linkCount(fs.FileInfo) uint64 { return 1 }
