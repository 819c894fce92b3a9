package main

// The bucket drivers that -bucket understands: file://, mem:// and s3://. The build
// tags gcs and azure add gs:// and azblob://; they are not on by default because their
// clients triple the time that a first build takes.
import (
	_ "gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/memblob"
	_ "gocloud.dev/blob/s3blob"
)
