//go:build unix

package upload_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

const (
	processDir  = "VODKIT_TEST_OWN"
	processBeat = "VODKIT_TEST_BEAT"
	writers     = 4
)

// process is another process that owns the catalog of a folder.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

func startProcess(t *testing.T, dir string, beat time.Duration) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestOwnAndObey$")
	cmd.Env = append(os.Environ(), processDir+"="+dir, processBeat+"="+beat.String())
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p := &process{t, cmd, in, bufio.NewReader(out)}
	p.wants("owned")
	return p
}

func (p *process) wants(line string) {
	p.t.Helper()
	got, err := p.out.ReadString('\n')
	require.NoError(p.t, err)
	require.Equal(p.t, line+"\n", got)
}

func (p *process) does(command string) {
	p.t.Helper()
	_, err := fmt.Fprintln(p.in, command)
	require.NoError(p.t, err)
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
}

// TestOwnAndObey is the other process.
func TestOwnAndObey(t *testing.T) {
	dir := os.Getenv(processDir)
	if dir == "" {
		t.Skip("runs as a child of other tests")
	}
	beat, err := time.ParseDuration(os.Getenv(processBeat))
	require.NoError(t, err)
	s, err := blobstore.OpenFile(dir, nil)
	require.NoError(t, err)
	c := upload.NewStoreCatalog(s, &upload.StoreCatalogOptions{Heartbeat: beat})
	require.NoError(t, c.Start(t.Context()))
	fmt.Println("owned")
	say := func(err error) {
		switch {
		case err == nil:
			fmt.Println("well")
		case errors.Is(err, upload.ErrOwned):
			fmt.Println("succeeded")
		default:
			fmt.Println(err)
		}
	}
	var wg sync.WaitGroup
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch lines.Text() {
		case "put":
			_, err := c.Put(t.Context(), record(fmt.Sprint("put", time.Now().UnixNano())), "")
			say(err)
		case "claim":
			wg.Go(func() {
				_, _, err := c.Claim(t.Context(), "child", time.Hour)
				say(err)
			})
		case "write":
			for i := range writers {
				wg.Go(func() {
					rev, err := c.Put(t.Context(), record(fmt.Sprint("writer", i)), "")
					for err == nil {
						rev, err = c.Put(t.Context(), record(fmt.Sprint("writer", i)), rev)
					}
					say(err)
				})
			}
		}
	}
	wg.Wait()
	require.NoError(t, c.Close(t.Context()))
	require.NoError(t, s.Close())
}

func folderCatalog(t *testing.T, dir string, beat time.Duration) (*upload.StoreCatalog, storage.Store) {
	t.Helper()
	s, err := blobstore.OpenFile(dir, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return upload.NewStoreCatalog(s, &upload.StoreCatalogOptions{Heartbeat: beat, Logger: testLog(t)}), s
}

// A process that is killed is succeeded at once on the same machine, where the
// operating system tells.
func TestStoreCatalogSucceedsAKilledProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells surely that a process has died")
	}
	dir := t.TempDir()
	p := startProcess(t, dir, time.Minute)
	p.does("put")
	p.wants("well")
	c, _ := folderCatalog(t, dir, time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, c.Start(ctx), context.DeadlineExceeded, "it lives, as far as one can tell")
	p.signal(os.Kill)
	_ = p.cmd.Wait()
	require.NoError(t, c.Start(t.Context()))
	a, _, err := c.Claim(t.Context(), "next", time.Hour)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(a.ID, "put"))
	require.NoError(t, c.Close(t.Context()))
}

// The second process of a deployment is refused while the first lives, and succeeds it
// when that is shut down.
func TestStoreCatalogRefusesASecondProcess(t *testing.T) {
	dir := t.TempDir()
	p := startProcess(t, dir, 200*time.Millisecond)
	c, _ := folderCatalog(t, dir, 5*time.Second) // waits long enough for a machine that is busy
	err := c.Start(t.Context())
	require.ErrorIs(t, err, upload.ErrOwned)
	assert.Contains(t, err.Error(), fmt.Sprint("process ", p.cmd.Process.Pid))
	p.does("put")
	p.wants("well")
	require.NoError(t, p.in.(io.Closer).Close())
	require.NoError(t, p.cmd.Wait(), "it ends well")
	require.NoError(t, c.Start(t.Context()))
	_, _, err = c.Claim(t.Context(), "next", time.Hour)
	require.NoError(t, err)
	require.NoError(t, c.Close(t.Context()))
}

// A process that is frozen is succeeded after three heartbeats. It writes nothing when
// it wakes.
func TestStoreCatalogSucceedsAFrozenProcess(t *testing.T) {
	dir := t.TempDir()
	const beat = 200 * time.Millisecond
	p := startProcess(t, dir, beat)
	p.does("put")
	p.wants("well")
	p.signal(syscall.SIGSTOP)
	c, s := folderCatalog(t, dir, beat)
	require.NoError(t, c.Start(t.Context()))
	a, rev, err := c.Claim(t.Context(), "next", time.Hour)
	require.NoError(t, err)
	before := contents(t, s, "catalog/assets/", "catalog/due/")

	p.does("put") // waits in the pipe
	p.signal(syscall.SIGCONT)
	p.wants("succeeded")
	p.does("claim")
	p.wants("succeeded")
	assert.Equal(t, before, contents(t, s, "catalog/assets/", "catalog/due/"))
	require.NoError(t, p.in.(io.Closer).Close())
	require.NoError(t, p.cmd.Wait())
	_, err = c.Put(t.Context(), a, rev)
	require.NoError(t, err, "the successor goes on")
	require.NoError(t, c.Close(t.Context()))
}

// Of a process that is frozen while it writes, the writes that the folder had all bytes
// of may arrive, one for each writer. They count no more.
func TestStoreCatalogSucceedsABusyProcess(t *testing.T) {
	dir := t.TempDir()
	const beat = 200 * time.Millisecond
	p := startProcess(t, dir, beat)
	p.does("write")
	c, s := folderCatalog(t, dir, beat)
	for i := range writers {
		require.Eventually(t, func() bool {
			_, _, err := c.Get(t.Context(), fmt.Sprint("writer", i))
			return err == nil
		}, 20*time.Second, time.Millisecond)
	}
	p.signal(syscall.SIGSTOP)
	require.NoError(t, c.Start(t.Context()))
	revs := map[string]upload.Revision{}
	for i := range writers {
		id := fmt.Sprint("writer", i)
		_, rev, err := c.Get(t.Context(), id)
		require.NoError(t, err)
		revs[id] = rev
	}
	before := contents(t, s, "catalog/assets/")
	p.signal(syscall.SIGCONT)
	for range writers {
		p.wants("succeeded")
	}
	late := len(contents(t, s, "catalog/assets/")) - len(before)
	t.Logf("%d of %d writes that had begun arrived", late, writers)
	for id, rev := range revs {
		_, err := c.Put(t.Context(), record(id), rev)
		assert.NoError(t, err, "nothing has changed the record")
	}
	n := 0
	for _, err := range c.List(t.Context(), upload.Query{}) {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, writers, n)
	assert.Equal(t, len(before), len(contents(t, s, "catalog/assets/")), "what came late is removed")
	require.NoError(t, p.in.(io.Closer).Close())
	require.NoError(t, p.cmd.Wait())
	require.NoError(t, c.Close(t.Context()))
}
