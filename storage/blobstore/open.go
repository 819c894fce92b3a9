package blobstore

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
)

// OpenFile makes a Store over the folder dir, which is created where it is missing. Its
// objects are plain files named like their keys: nothing else is kept, so content types
// are those of [storage.ContentType] and Cache-Control is dropped. Temporary files lie
// beside their targets, so dir may be a mount of its own; see Store.Sweep.
func OpenFile(dir string, opts *Options) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open folder %q: %w", dir, err)
	}
	bucket, err := fileblob.OpenBucket(abs, &fileblob.Options{
		CreateDir:   true,
		DirFileMode: dirMode(opts),
		NoTempDir:   true,
		Metadata:    fileblob.MetadataDontWrite,
	})
	if err != nil {
		return nil, fmt.Errorf("open folder %q: %w", dir, err)
	}
	s := New(bucket, opts)
	s.dir = abs
	return s, nil
}

// Open makes a Store over the bucket that a gocloud.dev URL names: "file:///srv/vod",
// "file://./vod" for a relative folder, "s3://bucket?region=eu-central-1". The driver for
// the scheme has to be imported by the program, as in
//
//	import _ "gocloud.dev/blob/s3blob"
//
// except for folders. A file URL means the same as OpenFile, unless its query sets
// create_dir, dir_file_mode, metadata or no_tmp_dir itself.
func Open(ctx context.Context, rawURL string, opts *Options) (*Store, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	dir := ""
	if u.Scheme == fileblob.Scheme {
		if dir, err = completeFileURL(u, dirMode(opts)); err != nil {
			return nil, err
		}
	}
	bucket, err := blob.DefaultURLMux().OpenBucketURL(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("open bucket %q: %w", u.Redacted(), err)
	}
	s := New(bucket, opts)
	s.dir = dir
	return s, nil
}

// completeFileURL sets the parameters that a folder needs, and returns the folder where
// the bucket is then as OpenFile's.
func completeFileURL(u *url.URL, mode fs.FileMode) (dir string, err error) {
	if u.Opaque != "" || u.Path == "" {
		return "", fmt.Errorf(`open bucket %q: write file:///folder for an absolute path, file://./folder for a relative one`, u.Redacted())
	}
	if u.Host != "" && u.Host != "." && u.Host != "localhost" {
		return "", fmt.Errorf(`open bucket %q: %q is not part of a path: write file:///%[2]s for an absolute path, file://./%[2]s for a relative one`,
			u.Redacted(), u.Host)
	}
	query := u.Query()
	setDefault := func(name, value string) {
		if !query.Has(name) {
			query.Set(name, value)
		}
	}
	setDefault("create_dir", "1")
	setDefault("no_tmp_dir", "1")
	setDefault("metadata", string(fileblob.MetadataDontWrite))
	setDefault("dir_file_mode", "0"+strconv.FormatUint(uint64(mode.Perm()), 8))
	u.RawQuery = query.Encode()

	plain := query.Get("no_tmp_dir") != "" && query.Get("metadata") == string(fileblob.MetadataDontWrite) &&
		query.Get("prefix") == "" && query.Get("key") == ""
	if !plain {
		return "", nil
	}
	path := u.Path
	if u.Host == "." || os.PathSeparator != '/' {
		path = strings.TrimPrefix(path, "/")
	}
	dir, err = filepath.Abs(filepath.FromSlash(path))
	if err != nil {
		return "", fmt.Errorf("open bucket %q: %w", u.Redacted(), err)
	}
	return dir, nil
}

func dirMode(opts *Options) fs.FileMode {
	if opts == nil || opts.DirMode == 0 {
		return 0o777
	}
	return opts.DirMode
}
