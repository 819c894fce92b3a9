package blobstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/storage/storagetest"
)

// closing closes a Store with its test.
func closing(t *testing.T, s *blobstore.Store, err error) *blobstore.Store {
	t.Helper()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func folder(t *testing.T, dir string, opts *blobstore.Options) *blobstore.Store {
	t.Helper()
	s, err := blobstore.OpenFile(dir, opts)
	return closing(t, s, err)
}

func memory(t *testing.T) *blobstore.Store {
	t.Helper()
	return closing(t, blobstore.New(memblob.OpenBucket(nil), nil), nil)
}

// given is a folder as a host may have opened it.
func given(t *testing.T, dir string, opts *fileblob.Options) *blobstore.Store {
	t.Helper()
	bucket, err := fileblob.OpenBucket(dir, opts)
	require.NoError(t, err)
	return closing(t, blobstore.New(bucket, nil), nil)
}

func TestSuiteFolder(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Store { return folder(t, t.TempDir(), nil) },
		storagetest.FolderKeys(), storagetest.DerivedContentTypes())
}

func TestSuiteFolderSync(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Store {
		return folder(t, t.TempDir(), &blobstore.Options{Sync: true, BufferSize: 1000})
	}, storagetest.FolderKeys(), storagetest.DerivedContentTypes(), storagetest.LargeSize(3<<20))
}

func TestSuiteMemory(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Store { return memory(t) })
}

func TestSuitePrefix(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Store {
		return storage.Prefix(folder(t, t.TempDir(), nil), "tenant/7/")
	}, storagetest.LongestKey(storage.MaxKey-len("tenant/7/")), storagetest.FolderKeys(), storagetest.DerivedContentTypes(), storagetest.LargeSize(3<<20))
}

// The suite on buckets that the host opened in its own way.
func TestSuiteGivenFolder(t *testing.T) {
	for name, test := range map[string]struct {
		opts  *fileblob.Options
		suite []storagetest.Option
	}{
		"sidecars": {nil, nil},
		"plain": {
			&fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite},
			[]storagetest.Option{storagetest.DerivedContentTypes()},
		},
	} {
		t.Run(name, func(t *testing.T) {
			storagetest.Run(t, func(t *testing.T) storage.Store { return given(t, t.TempDir(), test.opts) },
				append(test.suite, storagetest.FolderKeys(), storagetest.LargeSize(3<<20))...)
		})
	}
}

func TestSuiteGivenPrefixedFolder(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Store {
		bucket, err := fileblob.OpenBucket(t.TempDir(), nil)
		require.NoError(t, err)
		return closing(t, blobstore.New(blob.PrefixedBucket(bucket, "some/prefix/"), nil), nil)
	}, storagetest.FolderKeys(), storagetest.LargeSize(3<<20))
}
