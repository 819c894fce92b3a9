package blobstore_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/storage/blobstore"
)

// victimEnv makes the test binary a process that is killed in the middle of its Puts.
const victimEnv = "BLOBSTORE_TEST_VICTIM"

var victimKeys = []string{"dir/old.mp4", "dir/new.mp4", "other/__0x41__/new.mp4"}

// victim starts a Put for each key, says so once bytes are on the disk, and waits for
// the end.
func victim(dir string) {
	s, err := blobstore.OpenFile(dir, nil)
	if err != nil {
		panic(err)
	}
	for _, key := range victimKeys {
		go func() {
			_, err := s.Put(context.Background(), key, &endless{}, nil)
			panic(fmt.Sprint("Put has returned: ", err))
		}()
	}
	select {}
}

// endless yields 5 MiB, says so on stdout, and blocks.
type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) {
	if e.n >= 5<<20 {
		fmt.Println("written")
		select {}
	}
	e.n += len(p)
	return len(p), nil
}

func TestKilledPut(t *testing.T) {
	dir := t.TempDir()
	s := folder(t, dir, nil)
	_, err := s.Put(t.Context(), "dir/old.mp4", strings.NewReader("the old one"), nil)
	require.NoError(t, err)

	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for range victimKeys {
		require.True(t, lines.Scan(), "the child has ended early: %v", lines.Err())
		require.Equal(t, "written", lines.Text())
	}
	onlyOld(t, s)
	require.NoError(t, cmd.Process.Kill()) // SIGKILL
	require.Error(t, cmd.Wait())

	onlyOld(t, s)
	require.Len(t, temporaries(t, dir), len(victimKeys), "the kill must leave temporary files, or this test tests nothing")

	removed, err := s.Sweep(t.Context(), time.Hour)
	require.NoError(t, err)
	assert.Empty(t, removed, "they are too young")
	removed, err = s.Sweep(t.Context(), 0)
	require.NoError(t, err)
	assert.Len(t, removed, len(victimKeys))
	assert.Empty(t, temporaries(t, dir))
	assert.NoDirExists(t, filepath.Join(dir, "other"), "nothing is left of the folder made for one key")
	onlyOld(t, s)
}

func onlyOld(t *testing.T, s *blobstore.Store) {
	t.Helper()
	obj, err := s.Open(t.Context(), "dir/old.mp4", nil)
	require.NoError(t, err)
	b, err := io.ReadAll(obj)
	require.NoError(t, err)
	require.NoError(t, obj.Close())
	assert.Equal(t, "the old one", string(b))
	assert.Equal(t, []string{"dir/old.mp4"}, keys(t, s))
}

func keys(t *testing.T, s *blobstore.Store) []string {
	t.Helper()
	var keys []string
	for info, err := range s.List(t.Context(), "") {
		require.NoError(t, err)
		keys = append(keys, info.Key)
	}
	return keys
}

// temporaries are the files in dir that are no objects.
func temporaries(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".tmp") {
			names = append(names, path)
		}
		return err
	}))
	return names
}

func TestSweepSparesPutsUnderWay(t *testing.T) {
	dir := t.TempDir()
	s := folder(t, dir, nil)
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := s.Put(context.Background(), "dir/slow.mp4", r, nil)
		done <- err
	}()
	b := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	_, err := w.Write(b) // returns once Put has read it, so its temporary file is there
	require.NoError(t, err)
	require.Len(t, temporaries(t, dir), 1)
	removed, err := s.Sweep(t.Context(), 0)
	require.NoError(t, err)
	assert.Empty(t, removed)
	require.NoError(t, w.Close())
	require.NoError(t, <-done)
	assert.Equal(t, []string{"dir/slow.mp4"}, keys(t, s))
	assert.Empty(t, temporaries(t, dir))
}
