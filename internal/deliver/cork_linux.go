package deliver

import "syscall"

// cork sets TCP_CORK (tcp(7)), or clears it, which sends what is left. Where that fails the
// connection is closing.
func cork(raw syscall.RawConn, on bool) {
	value := 0
	if on {
		value = 1
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_CORK, value)
	})
}
