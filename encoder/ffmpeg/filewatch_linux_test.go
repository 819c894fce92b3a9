package ffmpeg_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// fileWatch tells which files of a folder are opened.
type fileWatch struct{ fd int }

func watchFiles(t *testing.T, dir string) *fileWatch {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	_, err = syscall.InotifyAddWatch(fd, dir, syscall.IN_OPEN|syscall.IN_ACCESS)
	require.NoError(t, err)
	return &fileWatch{fd: fd}
}

func (*fileWatch) works() bool { return true }

// opened returns the canary's files that were opened since the last call; others in
// the folder are the uploads themselves.
func (w *fileWatch) opened() (names []string) {
	buf := make([]byte, 64<<10)
	for {
		n, err := syscall.Read(w.fd, buf)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || n <= 0 {
			return names
		}
		for at := 0; at+syscall.SizeofInotifyEvent <= n; {
			ev := (*syscall.InotifyEvent)(unsafe.Pointer(&buf[at])) //nolint:gosec // the kernel's own layout
			at += syscall.SizeofInotifyEvent
			name := strings.TrimRight(string(buf[at:at+int(ev.Len)]), "\x00")
			at += int(ev.Len)
			switch name {
			case "canary.mp4", "canary.ts", "canary.m3u8", "canary.txt", "img001.png":
				names = append(names, name)
			}
		}
	}
}
