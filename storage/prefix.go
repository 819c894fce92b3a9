package storage

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
)

// Prefix is the part of store whose keys start with prefix and a slash, as a Store of
// its own: its keys are relative ("master.m3u8" for "media/42/master.m3u8" under
// "media/42"), and what lies outside can't be reached. A slash at the end of prefix
// makes no difference, and "" is store itself. It forwards [SignedURL], [Free],
// [SweepTemporary] and [File].
//
// A prefix that CheckKey refuses makes every method fail with [ErrInvalidKey]. Errors
// name the whole key.
func Prefix(store Store, prefix string) Store {
	prefix = strings.TrimSuffix(prefix, "/")
	if prefix == "" {
		return store
	}
	return &prefixed{store: store, prefix: prefix + "/"}
}

type prefixed struct {
	store  Store
	prefix string // with its slash
}

var (
	_ Store     = (*prefixed)(nil)
	_ URLSigner = (*prefixed)(nil)
	_ Gauge     = (*prefixed)(nil)

	_ TemporarySweeper = (*prefixed)(nil)
)

// full is the key in the store inside. A relative key has to be right by itself: "/x" or
// "" must not turn into something else.
func (p *prefixed) full(op, key string) (string, error) {
	err := p.check()
	if err == nil {
		err = CheckKey(key)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", op, err)
	}
	return p.prefix + key, nil
}

// check refuses the prefix: not all that is wrong with it is wrong with longer keys.
func (p *prefixed) check() error { return CheckKey(strings.TrimSuffix(p.prefix, "/")) }

func (p *prefixed) relative(info Info) Info {
	info.Key = strings.TrimPrefix(info.Key, p.prefix)
	return info
}

func (p *prefixed) Open(ctx context.Context, key string, opts *OpenOptions) (*Object, error) {
	full, err := p.full("open", key)
	if err != nil {
		return nil, err
	}
	obj, err := p.store.Open(ctx, full, opts)
	if err != nil {
		return nil, err
	}
	return &Object{Info: p.relative(obj.Info), Body: obj.Body}, nil
}

func (p *prefixed) Stat(ctx context.Context, key string) (Info, error) {
	full, err := p.full("stat", key)
	if err != nil {
		return Info{}, err
	}
	info, err := p.store.Stat(ctx, full)
	if err != nil {
		return Info{}, err
	}
	return p.relative(info), nil
}

func (p *prefixed) Put(ctx context.Context, key string, r io.Reader, opts *PutOptions) (Info, error) {
	full, err := p.full("put", key)
	if err != nil {
		return Info{}, err
	}
	info, err := p.store.Put(ctx, full, r, opts)
	if err != nil {
		return Info{}, err
	}
	return p.relative(info), nil
}

func (p *prefixed) Delete(ctx context.Context, key string) error {
	full, err := p.full("delete", key)
	if err != nil {
		return err
	}
	return p.store.Delete(ctx, full)
}

func (p *prefixed) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if err := p.check(); err != nil {
			yield(Info{}, fmt.Errorf("list: %w", err))
			return
		}
		for info, err := range p.store.List(ctx, p.prefix+prefix) {
			if !yield(p.relative(info), err) {
				return
			}
		}
	}
}

func (p *prefixed) SignedURL(ctx context.Context, key string, opts *SignedURLOptions) (string, error) {
	full, err := p.full("sign", key)
	if err != nil {
		return "", err
	}
	return SignedURL(ctx, p.store, full, opts)
}

func (p *prefixed) Free(ctx context.Context) (int64, error) { return Free(ctx, p.store) }

func (p *prefixed) SweepTemporary(ctx context.Context, prefix string, olderThan time.Duration) ([]string, error) {
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	names, err := SweepTemporary(ctx, p.store, p.prefix+prefix, olderThan)
	for i := range names {
		names[i] = strings.TrimPrefix(names[i], p.prefix)
	}
	return names, err
}
