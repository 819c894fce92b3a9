package smalldisk

import (
	"os"
	"syscall"
	"testing"
)

// Mount returns the folder of a disk in memory, with options such as "size=100m" or
// "nr_inodes=6", which is taken away when the test ends. It skips the test where this
// process may not mount.
func Mount(t testing.TB, options string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skip("no disk can be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}
