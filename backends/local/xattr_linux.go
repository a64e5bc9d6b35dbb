package local

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

// attributeName is the extended attribute that holds an object's attributes; see xattr(7).
var attributeName = [...]byte{'u', 's', 'e', 'r', '.', 'd', 'o', 's', 's', 'i', 'e', 'r', 0}

// setAttribute replaces the attribute of the open file as a whole: readers see the old one or the new one.
func setAttribute(file *os.File, value []byte) error {
	_, err := attributeCall(file, syscall.SYS_FSETXATTR, value)
	return err
}

// resetAttribute puts back what getAttribute returned.
func resetAttribute(file *os.File, old []byte) error {
	if old != nil {
		return setAttribute(file, old)
	}
	_, err := attributeCall(file, syscall.SYS_FREMOVEXATTR, []byte{0}) // it takes no value and ignores this one
	return err
}

// getAttribute reads the attribute of the open file; nil means that it has none.
func getAttribute(file *os.File) ([]byte, error) {
	value := make([]byte, 1024)
	n, err := attributeCall(file, syscall.SYS_FGETXATTR, value)
	if errors.Is(err, syscall.ERANGE) {
		value = make([]byte, 64<<10) // the most that the kernel has (XATTR_SIZE_MAX)
		n, err = attributeCall(file, syscall.SYS_FGETXATTR, value)
	}
	if isOneOf(err, syscall.ENODATA, syscall.ENOTSUP) {
		return nil, nil
	}
	return value[:n], err
}

// attributeCall is fsetxattr(2), fgetxattr(2) or fremovexattr(2), which the standard library does not wrap. value is not empty.
func attributeCall(file *os.File, call uintptr, value []byte) (int, error) {
	var n uintptr
	err := control(file, func(fd int) error {
		var errno syscall.Errno
		n, _, errno = syscall.Syscall6(call, uintptr(fd), uintptr(unsafe.Pointer(&attributeName[0])),
			uintptr(unsafe.Pointer(&value[0])), uintptr(len(value)), 0, 0)
		if errno != 0 {
			return os.NewSyscallError("xattr", errno)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return int(n), nil
}

// control runs do with the file's descriptor and keeps it open meanwhile. Unlike File.Fd it leaves the descriptor's mode
// alone.
func control(file *os.File, do func(fd int) error) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var done error
	if err := conn.Control(func(fd uintptr) { done = do(int(fd)) }); err != nil {
		return err
	}
	return done
}
