// Package blobstore is the storage.Store over any bucket of gocloud.dev/blob: a folder,
// memory, S3 and what speaks like it, Google Cloud Storage, Azure.
//
// A folder:
//
//	store, err := blobstore.OpenFile("/srv/vod", nil)
//	defer store.Close()
//
// Whatever a flag names ("file:///srv/vod", "s3://bucket?region=eu-central-1", "mem://"),
// with the drivers that the program imports:
//
//	import _ "gocloud.dev/blob/s3blob"
//
//	store, err := blobstore.Open(ctx, *bucketURL, nil)
//
// A bucket that you have already, or memory in a test:
//
//	store := blobstore.New(memblob.OpenBucket(nil), nil)
//
// # Folders
//
// OpenFile writes plain files, named like their keys, and nothing else: no sidecar files,
// no folders left empty. An object appears under its name whole, by a rename. A process
// that is killed in the middle of a Put leaves a temporary file beside the target, which
// List never shows and Store.Sweep removes: call it at the start and every few hours.
//
//	removed, err := store.Sweep(ctx, time.Hour)
//
// Options.Sync makes a Put wait for the disk; without it a power failure may take what was
// stored in the last seconds. storage.File gives the *os.File behind an open object, to
// hand to a child process or to let net/http send it without copying. A file system holds
// either the object "a" or objects below "a/", not both.
//
// Nothing is written outside of the folder: the temporary file is the object itself before
// it has its name, so a Put takes as much room as its object, and an object that replaces
// another takes it besides that until it has the name. storage.Free tells how much room
// the folder's file system has.
//
// A folder opened with gocloud.dev/blob/fileblob and given to New works too. Without
// NoTempDir its temporary files, as large as the objects, are in os.TempDir. It keeps
// content types where it has sidecar files; on the other hand its listings are slower,
// IfNotExist is atomic within this Store only, and folders that become empty stay. The
// options MetadataDontWrite and NoTempDir are the ones that OpenFile uses.
//
// # Remote buckets
//
// The portable API shows no ETag on a reader, so Open asks for the attributes first: two
// requests. With Options.ETag it is one, and versions written within one second of each
// other are told apart even between the two. For S3:
//
//	opts := &blobstore.Options{ETag: func(as func(any) bool) string {
//		var get s3.GetObjectOutput
//		var head s3.HeadObjectOutput
//		var listed types.Object
//		switch {
//		case as(&get):
//			return aws.ToString(get.ETag)
//		case as(&head):
//			return aws.ToString(head.ETag)
//		case as(&listed):
//			return aws.ToString(listed.ETag)
//		}
//		return ""
//	}}
//
// Puts write nothing to the local disk: each holds a part or some in memory (S3: five of
// 5 MiB, see Options.PartSize and Options.Concurrency). How much room is left is not known.
//
// A Put that fails takes the parts that it has uploaded along. A process that is killed
// can't: give the bucket a lifecycle rule that aborts incomplete multipart uploads after a
// day. storage.SignedURL works with S3 (GET, and PUT of any content type), Google Cloud
// Storage and Azure.
//
// # Errors
//
// Errors name the operation and the key. They match the sentinels of package storage,
// fs.ErrPermission, errors.ErrUnsupported, fs.ErrClosed after Close, and the context's
// error when the context has ended; gcerrors.Code works on them as well.
package blobstore
