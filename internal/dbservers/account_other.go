//go:build !linux

package dbservers

import "syscall"

// unprivileged returns who we are: servers are started as another user on Linux only.
func unprivileged(string) (account, error) { return account{}, nil }

func attributes(account) *syscall.SysProcAttr { return nil }
