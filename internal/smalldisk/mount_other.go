//go:build !linux

package smalldisk

import "testing"

// Mount skips the test: disks in memory are mounted on Linux only.
func Mount(t testing.TB, _ string) string {
	t.Helper()
	t.Skip("small disks can be mounted on Linux only")
	return ""
}
