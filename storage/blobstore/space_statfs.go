//go:build linux || darwin

package blobstore

import (
	"errors"
	"fmt"
	"syscall"
)

// freeOn returns the bytes that anybody may still write to the file system of dir.
func freeOn(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("statfs %s: %w", dir, err)
	}
	if st.Blocks == 0 { // some network mounts don't know
		return 0, fmt.Errorf("%w: the file system does not tell", errors.ErrUnsupported)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // the types differ by system
}

// diskFull knows what is no errno of unix.
func diskFull(error) bool { return false }
