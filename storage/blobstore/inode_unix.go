//go:build unix

package blobstore

import (
	"io/fs"
	"strconv"
	"syscall"
)

// inode is "-" and the file's inode number.
func inode(fi fs.FileInfo) string {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return "-" + strconv.FormatUint(uint64(st.Ino), 16) //nolint:unconvert // some systems have 32 bits
	}
	return ""
}
