package blobstore

import "io/fs"

// Options change how a Store works. The zero value is right for most.
type Options struct {
	// BufferSize is how many bytes a Put collects before it hands them to the bucket. Each
	// Put that runs holds one such buffer, or a smaller one where PutOptions.Size says that
	// less will do. Defaults to 128 KiB.
	BufferSize int

	// PartSize is how many bytes a driver uploads at once, where it uploads in parts (S3,
	// Google Cloud Storage, Azure). Defaults to 0, which leaves it to the driver.
	PartSize int

	// Concurrency is how many parts of one object a driver uploads at the same time.
	// Defaults to 0, which leaves it to the driver.
	Concurrency int

	// Sync makes a Put into a folder wait until the object and its name are on the disk
	// (fsync of the file and of the folders above it), so that it survives a power
	// failure. Without it an object survives the end of the process, but not that of the
	// machine. Other buckets always answer once they have the object. Defaults to false.
	Sync bool

	// DirMode is the mode, before umask, of the folders that OpenFile and Put create.
	// It has no effect on a bucket given to New. Defaults to 0o777.
	DirMode fs.FileMode

	// ETag takes the ETag out of what the driver got from its service. as is the As method
	// of a *blob.Reader, a *blob.Attributes or a *blob.ListObject; the answer is "" where
	// there is none. With it, Open on a remote bucket costs one request, and tells
	// versions apart that were written within one second; without it Open asks for the
	// attributes first. See the package documentation for S3's. It has no effect on
	// folders. Defaults to nil.
	ETag func(as func(any) bool) string
}
