// Package smalldisk gives tests disks that are soon full.
package smalldisk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Fill leaves no byte of room on the disk that dir is on, until the function that it
// returns is called.
func Fill(t testing.TB, dir string) (relieve func()) {
	t.Helper()
	return FillTo(t, dir, 0)
}

// FillTo leaves room for some bytes.
func FillTo(t testing.TB, dir string, room int64) (relieve func()) {
	t.Helper()
	f, err := os.CreateTemp(dir, "ballast-")
	if err != nil {
		t.Fatal(err)
	}
	end := int64(0)
	for size := 1 << 20; size > 0; {
		n, err := f.Write(make([]byte, size))
		end += int64(n)
		if err == nil {
			continue
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		size /= 2
	}
	if err := errors.Join(f.Truncate(max(0, end-room)), f.Close()); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := os.Remove(f.Name()); err != nil {
			t.Fatal(err)
		}
	}
}

// Left returns what is on the disk, as paths below dir; what Fill has put there is left
// out.
func Left(t testing.TB, dir string) []string {
	t.Helper()
	names := []string{}
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		if ballast, _ := filepath.Match("ballast-*", filepath.Base(path)); ballast {
			return nil
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if err != nil {
		t.Fatal(fmt.Errorf("look at the small disk: %w", err))
	}
	return names
}
