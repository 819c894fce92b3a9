//go:build !linux

package deliver

import "syscall"

// cork does nothing: the option is Linux's.
func cork(syscall.RawConn, bool) {}
