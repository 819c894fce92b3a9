//go:build unix

// Package faults kills a process at each of its durable writes: before, within and after it.
// A test runs itself as that process (see Run), which keeps all that it writes in a Store of
// this package, and then looks at what the next process makes of what is left.
package faults

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

// Store names the points that its process passes, such as "before put record
// RUNNING/probing #1", and dies at one.
type Store struct {
	*blobstore.Store
	at string

	mu   sync.Mutex
	seen map[string]int
}

// NewStore returns a Store over a folder of which Put is to have a buffer of 1000 bytes, so
// that writes have a middle.
func NewStore(folder *blobstore.Store) *Store {
	return &Store{Store: folder, at: os.Getenv(envAt), seen: map[string]int{}}
}

func (s *Store) pass(when, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := when + " " + what
	s.seen[name]++
	name = fmt.Sprintf("%s #%d", name, s.seen[name])
	if s.at == "" {
		fmt.Println("point", name)
	}
	if s.at == name {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// Put implements storage.Store.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, o *storage.PutOptions) (storage.Info, error) {
	what := KindOf(key)
	if what == "owner" {
		return s.Store.Put(ctx, key, r, o) // beats come when they come
	}
	if what == "record" {
		body, err := io.ReadAll(r)
		if err != nil {
			return storage.Info{}, err
		}
		a, err := upload.DecodeAsset(body)
		if err != nil {
			return storage.Info{}, err
		}
		what += fmt.Sprintf(" %s/%s", a.Status, a.Stage)
		if a.Intent != "" {
			what += " " + string(a.Intent)
		}
		r = bytes.NewReader(body)
	}
	what = "put " + what
	s.pass("before", what)
	info, err := s.Store.Put(ctx, key, &halves{r: r, between: func() { s.pass("within", what) }}, o)
	s.pass("after", what)
	return info, err
}

// Delete implements storage.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	what := "delete " + KindOf(key)
	s.pass("before", what)
	err := s.Store.Delete(ctx, key)
	s.pass("after", what)
	return err
}

// KindOf says what the object of a key is.
func KindOf(key string) string {
	switch name := key[strings.LastIndex(key, "/")+1:]; {
	case strings.HasPrefix(key, "sources/"):
		return "source"
	case strings.HasPrefix(key, "uploads/"):
		return "session"
	case strings.HasPrefix(key, "catalog/assets/"):
		return "record"
	case strings.HasPrefix(key, "catalog/due/"):
		return "mark"
	case strings.HasPrefix(key, "catalog/"):
		return "owner"
	case name == hls.MasterName, name == hls.EventName, name == hls.IndexName:
		return name
	case strings.HasPrefix(name, "init-"):
		return "init"
	}
	return "segment"
}

// halves calls between once, when some of r has been read.
type halves struct {
	r       io.Reader
	between func()
	begun   bool
}

func (h *halves) Read(p []byte) (int, error) {
	if h.begun && h.between != nil {
		h.between()
		h.between = nil
	}
	h.begun = true
	return h.r.Read(p[:min(len(p), 1000)])
}
