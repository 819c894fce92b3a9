package storagetest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vodkit/vodkit/storage"
)

var errOther = errors.New("other bytes than were put")

// parallel runs f in n goroutines and waits for them.
func parallel(t *testing.T, n int, f func(worker int) error) {
	t.Helper()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

func testIfNotExist(t *testing.T, s storage.Store, _ config) {
	first := data(1, 100)
	exclusive := &storage.PutOptions{IfNotExist: true}
	info := put(t, s, "dir/lock", first, exclusive)
	sameStat(t, s, info)
	for _, n := range []int{0, 10, 100, 2 << 20} {
		_, err := s.Put(t.Context(), "dir/lock", bytes.NewReader(data(2, n)), exclusive)
		wantErr(t, "second Put with IfNotExist", err, storage.ErrExist)
		wantOnly(t, s, "dir/lock", first)
	}
	// An error of the reader's own is no verdict on the key.
	r := &hooked{r: stream(1), n: 10, hook: func() error { return io.ErrClosedPipe }}
	_, err := s.Put(t.Context(), "dir/other", r, exclusive)
	wantErr(t, "Put of a failing reader with IfNotExist", err, io.ErrClosedPipe)
	if errors.Is(err, storage.ErrExist) {
		t.Errorf("%v matches ErrExist", err)
	}
	wantOnly(t, s, "dir/lock", first)
	if err := s.Delete(t.Context(), "dir/lock"); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	put(t, s, "dir/lock", data(3, 10), exclusive)
	wantOnly(t, s, "dir/lock", data(3, 10))
}

func sameStat(t *testing.T, s storage.Store, want storage.Info) {
	t.Helper()
	info, err := s.Stat(t.Context(), want.Key)
	if err != nil {
		t.Errorf("Stat: %v", err)
	}
	sameInfo(t, "Stat", info, want)
}

func testIfNotExistRace(t *testing.T, s storage.Store, c config) {
	if c.weakExclusive {
		t.Skip("IfNotExist is not atomic here")
	}
	const writers = 8
	for round := range 25 {
		key := fmt.Sprintf("locks/%d", round)
		var winner, winners atomic.Int64
		parallel(t, writers, func(w int) error {
			_, err := s.Put(t.Context(), key, bytes.NewReader(data(byte(w), 100)), &storage.PutOptions{IfNotExist: true})
			switch {
			case err == nil:
				winners.Add(1)
				winner.Store(int64(w))
				return nil
			case errors.Is(err, storage.ErrExist):
				return nil
			}
			return err
		})
		if n := winners.Load(); n != 1 {
			t.Errorf("%s: %d of %d Puts with IfNotExist went well, want 1", key, n, writers)
			continue
		}
		wantBytes(t, s, key, data(byte(winner.Load()), 100))
	}
}

func testIfMatch(t *testing.T, s storage.Store, _ config) {
	b := data(1, 1000)
	info := put(t, s, "x", b, nil)
	if info.ETag == "" {
		t.Skip("this Store has no ETags")
	}
	_, got, err := get(t.Context(), s, "x", &storage.OpenOptions{IfMatch: info.ETag, Offset: 10})
	if err != nil || !bytes.Equal(got, b[10:]) {
		t.Errorf("Open with the right ETag: %s, %v", describe(got), err)
	}
	for _, tag := range []string{"other", `"` + info.ETag + `"`, "*"} {
		_, err := s.Open(t.Context(), "x", &storage.OpenOptions{IfMatch: tag})
		wantErr(t, "Open with the ETag "+tag, err, storage.ErrPrecondition)
	}
	newer := put(t, s, "x", data(2, 1000), nil)
	_, err = s.Open(t.Context(), "x", &storage.OpenOptions{IfMatch: info.ETag})
	wantErr(t, "Open with the ETag of the object before", err, storage.ErrPrecondition)
	_, err = s.Open(t.Context(), "missing", &storage.OpenOptions{IfMatch: info.ETag})
	wantErr(t, "Open of a missing object with an ETag", err, storage.ErrNotExist)
	sameStat(t, s, newer)
}

func testWritersOfManyKeys(t *testing.T, s storage.Store, _ config) {
	const writers, each = 8, 10
	parallel(t, writers, func(w int) error {
		for i := range each {
			key := fmt.Sprintf("media/%d/%d/seg.m4s", i, w)
			b := data(byte(w*each+i), 10_000+w)
			if _, err := s.Put(t.Context(), key, bytes.NewReader(b), nil); err != nil {
				return err
			}
			if _, got, err := get(t.Context(), s, key, nil); err != nil || !bytes.Equal(got, b) {
				return fmt.Errorf("%s holds %s right after Put: %w", key, describe(got), cmp.Or(err, errOther))
			}
		}
		return nil
	})
	if keys := list(t, s, "media/"); len(keys) != writers*each {
		t.Errorf("List shows %d keys, want %d", len(keys), writers*each)
	}
}

// version is an object of one repeated byte, its length telling the byte: any mixture
// shows.
func version(v int) []byte { return bytes.Repeat([]byte{byte(v)}, 100_000+v*1000) }

func checkVersion(b []byte) error {
	if len(b) == 0 {
		return errors.New("the object is empty")
	}
	if want := version(int(b[0])); !bytes.Equal(b, want) {
		return fmt.Errorf("a mixture: %d bytes, the first is %d, so %d equal bytes were expected", len(b), b[0], len(want))
	}
	return nil
}

func testWritersOfOneKey(t *testing.T, s storage.Store, _ config) {
	for range 5 {
		parallel(t, 8, func(w int) error {
			info, err := s.Put(t.Context(), "dir/one", bytes.NewReader(version(w)), nil)
			if err == nil && info.Size != int64(len(version(w))) {
				err = fmt.Errorf("size after Put: %d bytes, want %d", info.Size, len(version(w)))
			}
			return err
		})
		_, b, err := get(t.Context(), s, "dir/one", nil)
		if err == nil {
			err = checkVersion(b)
		}
		if err != nil {
			t.Error(err)
		}
	}
	if keys := list(t, s, ""); len(keys) != 1 {
		t.Errorf("List shows %q, want one key", keys)
	}
}

func testReadersDuringOverwrites(t *testing.T, s storage.Store, _ config) {
	const readers, reads = 4, 25
	put(t, s, "dir/one", version(0), nil)
	var done atomic.Int64
	var whole atomic.Int64
	parallel(t, 1+readers, func(w int) error {
		if w == 0 { // the writer goes on until the readers have done
			for v := 1; done.Load() < readers; v = (v + 1) % 100 {
				if _, err := s.Put(t.Context(), "dir/one", bytes.NewReader(version(v)), nil); err != nil {
					return err
				}
			}
			return nil
		}
		defer done.Add(1)
		for range reads {
			info, b, err := get(t.Context(), s, "dir/one", nil)
			switch {
			case errors.Is(err, storage.ErrNotExist):
				return fmt.Errorf("the object is not there for a moment: %w", err)
			case err != nil:
				continue // that is allowed, a mixture is not
			case int64(len(b)) != info.Size:
				return fmt.Errorf("size after Open: %d bytes, and %d come", info.Size, len(b))
			}
			if err := checkVersion(b); err != nil {
				return err
			}
			whole.Add(1)
		}
		return nil
	})
	if whole.Load() == 0 {
		t.Error("not one read went well")
	}
}

// testDeletesAndPuts has neighbours come and go: a Store in folders makes and removes the
// folder all the time.
func testDeletesAndPuts(t *testing.T, s storage.Store, _ config) {
	parallel(t, 6, func(w int) error {
		key := fmt.Sprintf("deep/er/folder/%d", w)
		for i := range 20 {
			b := data(byte(i), 100)
			if _, err := s.Put(t.Context(), key, bytes.NewReader(b), nil); err != nil {
				return err
			}
			if _, got, err := get(t.Context(), s, key, nil); err != nil || !bytes.Equal(got, b) {
				return fmt.Errorf("%s holds %s right after Put: %w", key, describe(got), cmp.Or(err, errOther))
			}
			for info, err := range s.List(t.Context(), "deep/") {
				if err != nil {
					return err
				}
				if !strings.HasPrefix(info.Key, "deep/er/folder/") {
					return fmt.Errorf("listed %q, which nobody has put", info.Key)
				}
			}
			if err := s.Delete(t.Context(), key); err != nil {
				return err
			}
		}
		return nil
	})
	if keys := list(t, s, ""); len(keys) != 0 {
		t.Errorf("List shows %q after all was deleted", keys)
	}
}

func testLarge(t *testing.T, s storage.Store, c config) {
	for _, size := range []int64{0, c.large} { // unknown, and announced
		written := sha256.New()
		r := io.TeeReader(io.LimitReader(stream(1), c.large), written)
		info, err := s.Put(t.Context(), "large.mp4", r, &storage.PutOptions{Size: size})
		if err != nil || info.Size != c.large {
			t.Fatalf("Put says %d bytes, %v; want %d", info.Size, err, c.large)
		}
		obj, err := s.Open(t.Context(), "large.mp4", nil)
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		read := sha256.New()
		n, err := io.Copy(read, obj.Body)
		if err != nil || n != c.large || !bytes.Equal(read.Sum(nil), written.Sum(nil)) {
			t.Errorf("read %d bytes, %v, hash %x; want %d, %x", n, err, read.Sum(nil), c.large, written.Sum(nil))
		}
		if err := obj.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	length := c.large / 4
	offset := c.large/2 + 17
	want := make([]byte, length)
	skip := io.MultiReader(io.LimitReader(stream(1), offset+length))
	if _, err := io.CopyN(io.Discard, skip, offset); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(skip, want); err != nil {
		t.Fatal(err)
	}
	_, got, err := get(t.Context(), s, "large.mp4", &storage.OpenOptions{Offset: offset, Length: length})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the range at %d holds %s, %v; want %s", offset, describe(got), err, describe(want))
	}
}
