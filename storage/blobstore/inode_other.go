//go:build !unix

package blobstore

import "io/fs"

func inode(fs.FileInfo) string { return "" }
