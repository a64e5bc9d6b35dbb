package local

import (
	"errors"
	"os"
	"syscall"
)

// typesOnly opens a folder once more, to be read in place of the given one, which it closes. For a folder below an os.Root,
// ReadDir asks for the attributes of each entry with a system call of its own; for this one it takes the types that come
// with the names. Info of the entries must not be asked for: it goes by the path.
func typesOnly(folder *os.File) (again *os.File, err error) {
	defer func() { _ = folder.Close() }() // nothing was read
	err = control(folder, func(fd int) error {
		opened, err := -1, error(syscall.EINTR)
		for errors.Is(err, syscall.EINTR) {
			opened, err = syscall.Openat(fd, ".", syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
		}
		if err != nil {
			return &os.PathError{Op: "open", Path: folder.Name(), Err: err}
		}
		again = os.NewFile(uintptr(opened), folder.Name())
		return nil
	})
	return again, err
}
