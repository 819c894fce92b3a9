package storagetest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store is the smallest Store that keeps the contract, and breaks it on demand.
type store struct {
	fault   string
	mu      sync.Mutex
	objects map[string]object
	writes  int
}

type object struct {
	storage.Info
	data []byte
}

func (s *store) ready(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil && s.fault != "ctx" {
		return err
	}
	return storage.CheckKey(key)
}

func (s *store) find(ctx context.Context, key string) (object, error) {
	if err := s.ready(ctx, key); err != nil {
		return object{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[key]
	if !ok {
		return object{}, fmt.Errorf("%q: %w", key, storage.ErrNotExist)
	}
	return o, nil
}

func (s *store) Stat(ctx context.Context, key string) (storage.Info, error) {
	o, err := s.find(ctx, key)
	return o.Info, err
}

func (s *store) Open(ctx context.Context, key string, opts *storage.OpenOptions) (*storage.Object, error) {
	o, err := s.find(ctx, key)
	if err != nil {
		return nil, err
	}
	if opts == nil {
		opts = &storage.OpenOptions{}
	}
	if opts.IfMatch != "" && opts.IfMatch != o.ETag {
		return nil, storage.ErrPrecondition
	}
	part := o.data
	if *opts != (storage.OpenOptions{IfMatch: opts.IfMatch}) {
		if opts.Offset < 0 || opts.Length < 0 || opts.Offset >= o.Size {
			return nil, storage.ErrRange
		}
		part = part[opts.Offset:]
		if opts.Length > 0 && s.fault != "range" {
			part = part[:min(opts.Length, int64(len(part)))]
		}
	}
	return &storage.Object{Info: o.Info, Body: &body{ctx, bytes.NewReader(part)}}, nil
}

type body struct {
	ctx context.Context
	r   io.Reader
}

func (b *body) Close() error { return nil }
func (b *body) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.r.Read(p)
}

func (s *store) Put(ctx context.Context, key string, r io.Reader, opts *storage.PutOptions) (storage.Info, error) {
	if err := s.ready(ctx, key); err != nil {
		return storage.Info{}, err
	}
	if opts == nil {
		opts = &storage.PutOptions{}
	}
	data, err := io.ReadAll(&body{ctx, r})
	if err == nil {
		err = ctx.Err()
	}
	if err == nil && opts.Size > 0 && int64(len(data)) != opts.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && s.fault != "partial" {
		return storage.Info{}, err
	}
	info := storage.Info{Key: key, Size: int64(len(data)), ModTime: time.Now(), ContentType: opts.ContentType}
	if info.ContentType == "" {
		info.ContentType = storage.ContentType(key)
	}
	if s.fault == "exclusive" { // look first, lock later
		_, err := s.find(ctx, key)
		if time.Sleep(time.Millisecond); err == nil && opts.IfNotExist {
			return storage.Info{}, storage.ErrExist
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.objects[key]; exists && opts.IfNotExist && s.fault != "exclusive" {
		return storage.Info{}, storage.ErrExist
	}
	s.writes++
	if info.ETag = fmt.Sprint(s.writes); s.fault == "etag" {
		info.ETag = fmt.Sprint(info.Size)
	}
	s.objects[key] = object{info, data}
	return info, err
}

func (s *store) Delete(ctx context.Context, key string) error {
	if err := s.ready(ctx, key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
	return nil
}

func (s *store) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		s.mu.Lock()
		objects := maps.Clone(s.objects)
		s.mu.Unlock()
		keys := slices.Sorted(maps.Keys(objects))
		if s.fault == "order" { // as a walk through folders would
			slices.SortFunc(keys, func(a, b string) int { return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/")) })
		}
		if err := ctx.Err(); err != nil {
			yield(storage.Info{}, err)
			return
		}
		for _, key := range keys {
			if strings.HasPrefix(key, prefix) && !yield(objects[key].Info, nil) {
				return
			}
		}
	}
}

const faultEnv = "STORAGETEST_FAULT"

func TestRun(t *testing.T) {
	fault := os.Getenv(faultEnv)
	storagetest.Run(t, func(*testing.T) storage.Store { return &store{fault: fault, objects: map[string]object{}} }, storagetest.LargeSize(1<<20))
}

// The suite has to find what is wrong with a Store.
func TestRunFindsFaults(t *testing.T) {
	if os.Getenv(faultEnv) != "" {
		t.Skip("this is the run with a fault")
	}
	for fault, found := range map[string]string{
		"partial":   "FailingReader",
		"ctx":       "CancelledBefore",
		"range":     "Range",
		"exclusive": "IfNotExistRace",
		"etag":      "IfMatch",
		"order":     "ListOrder",
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.short", "-test.run=TestRun$/^"+found+"$")
		cmd.Env = append(os.Environ(), faultEnv+"="+fault)
		output, err := cmd.CombinedOutput()
		assert.Error(t, err, fault)
		assert.Contains(t, string(output), "--- FAIL: TestRun/"+found, fault)
	}
}
