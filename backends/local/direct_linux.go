package local

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

// direct reaches a path by one system call, openat2(2) of Linux 5.6, where os.Root takes several for each folder. It
// refuses what leads out of the root and every symbolic link. It only shortens what goes well: after an error the
// caller takes the way through os.Root, which finds out what is wrong. Where the kernel or a sandbox has no openat2,
// that is always so.
type direct struct {
	root, scratch *os.File // nil: there is no openat2
}

// openHow is struct open_how of openat2(2).
type openHow struct{ flags, mode, resolve uint64 }

// Numbers that package syscall does not have; they are the same on all architectures that Go knows.
const (
	sysOpenat2 = 437
	openPath   = 0x200000           // O_PATH
	strictly   = 0x02 | 0x04 | 0x08 // RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH
)

// newDirect tries openat2 on the root itself.
func newDirect(root, scratch *os.Root) (d direct, err error) {
	if d.root, err = root.Open("."); err != nil {
		return direct{}, err
	}
	if d.scratch, err = scratch.Open("."); err != nil {
		return d, err
	}
	file, tried := d.open(".", openPath|syscall.O_DIRECTORY)
	if tried != nil {
		return direct{}, d.close()
	}
	return d, file.Close()
}

func (d direct) close() error {
	if d.root == nil {
		return nil
	}
	if d.scratch == nil {
		return d.root.Close()
	}
	return errors.Join(d.root.Close(), d.scratch.Close())
}

// open opens a path below the root.
func (d direct) open(path string, flags int) (file *os.File, err error) {
	if d.root == nil {
		return nil, errors.ErrUnsupported
	}
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return nil, err
	}
	how := openHow{flags: uint64(flags | syscall.O_CLOEXEC), resolve: strictly}
	err = control(d.root, func(fd int) error {
		opened, _, errno := syscall.Syscall6(sysOpenat2, uintptr(fd), uintptr(unsafe.Pointer(name)),
			uintptr(unsafe.Pointer(&how)), unsafe.Sizeof(how), 0, 0)
		if errno != 0 {
			return &os.PathError{Op: "openat2", Path: path, Err: errno}
		}
		file = os.NewFile(opened, d.root.Name()+"/"+path)
		return nil
	})
	return file, err
}

// rename moves a file of .dossier/tmp to a path below the root.
func (d direct) rename(name, path string) error {
	folder, err := d.open(folderOf(path), openPath|syscall.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }() // a bare reference
	return control(d.scratch, func(from int) error {
		return control(folder, func(to int) error {
			return os.NewSyscallError("renameat", syscall.Renameat(from, name, to, leafOf(path)))
		})
	})
}
