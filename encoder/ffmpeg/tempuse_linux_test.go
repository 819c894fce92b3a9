package ffmpeg_test

import (
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/internal/smalldisk"
	"github.com/vodkit/vodkit/internal/testmedia"
	"github.com/vodkit/vodkit/storage"
)

// made returns a function that tells what has been made in dir, and in folders there,
// since this call.
func made(t *testing.T, dir string) func() []string {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	_, err = syscall.InotifyAddWatch(fd, dir, syscall.IN_CREATE|syscall.IN_MOVED_TO)
	require.NoError(t, err)
	return func() (names []string) {
		buf := make([]byte, 64<<10)
		n, err := syscall.Read(fd, buf)
		require.NoError(t, err)
		for at := 0; at+syscall.SizeofInotifyEvent <= n; {
			ev := (*syscall.InotifyEvent)(unsafe.Pointer(&buf[at])) //nolint:gosec // the kernel's own layout
			at += syscall.SizeofInotifyEvent
			names = append(names, strings.TrimRight(string(buf[at:at+int(ev.Len)]), "\x00"))
			at += int(ev.Len)
		}
		return names
	}
}

// A probe and an encode take an empty folder for each program, and no byte: a disk for
// temporary files that is full to the last byte is enough. What they take of the Store
// is known before.
func TestTemporaryUse(t *testing.T) {
	tmp := smalldisk.Mount(t, "size=1m")
	noise := "testsrc2=size=320x180:rate=25:duration=2,noise=alls=100:allf=t" // nothing takes more bits
	path := testmedia.Make(t, "noise.mkv", append(testmedia.Sound("2"), "-f", "lavfi", "-i", noise, "-c:v", "libx264", "-preset", "ultrafast", "-crf", "30")...)
	stores := map[string]storage.Store{"a local source": fileStore(t), "a remote source": memStore(t)}
	t.Setenv("TMPDIR", tmp)
	smalldisk.Fill(t, tmp)
	names := made(t, tmp)
	for where, store := range stores {
		out := encode(t, ffmpeg.New(store, &ffmpeg.Options{Preset: "ultrafast", MaxTemp: 1}), store, put(t, store, path), nil)
		var took int64
		for _, i := range out.inits {
			took += i.Size
		}
		for _, track := range out.segments {
			for _, s := range track {
				took += s.Size
			}
		}
		assert.Positive(t, took, where)
		assert.Less(t, took, out.job.MaxOutput(), where)
		t.Logf("%s: %d of at most %d bytes", where, took, out.job.MaxOutput())
	}
	all := names()
	assert.GreaterOrEqual(t, len(all), 2*3, "two probes and an encode, and questions to ffmpeg")
	for _, name := range all {
		assert.True(t, strings.HasPrefix(name, "vodkit-ffmpeg-"), name)
	}
	assert.Empty(t, smalldisk.Left(t, tmp))
}
