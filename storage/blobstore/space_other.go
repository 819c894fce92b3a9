//go:build !linux && !darwin

package blobstore

import (
	"errors"
	"runtime"
	"syscall"
)

func freeOn(string) (int64, error) { return 0, errors.ErrUnsupported }

// diskFull knows how Windows says it: ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL.
func diskFull(err error) bool {
	return runtime.GOOS == "windows" && (errors.Is(err, syscall.Errno(39)) || errors.Is(err, syscall.Errno(112)))
}
