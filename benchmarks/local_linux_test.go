package benchmarks

import (
	"os"
	"syscall"
	"unsafe"
)

// setFileAttribute is fsetxattr(2).
func setFileAttribute(file *os.File, name string, value []byte) error {
	text, err := syscall.BytePtrFromString(name)
	if err != nil {
		return err
	}
	_, _, errno := syscall.Syscall6(syscall.SYS_FSETXATTR, file.Fd(), uintptr(unsafe.Pointer(text)),
		uintptr(unsafe.Pointer(&value[0])), uintptr(len(value)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
