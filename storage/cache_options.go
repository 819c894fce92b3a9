package storage

import (
	"path"
	"strings"
	"time"
)

// CacheOptions configure a [Cache]. A negative duration turns off what it is for, where
// its comment does not say otherwise.
type CacheOptions struct {
	// MaxBytes bounds the memory in bytes: objects that are kept, those being loaded, and
	// those that are kept no longer but still being read. What has been let go of is
	// counted no more, though Go's garbage collector may take its time: a process that
	// must not exceed a limit sets GOMEMLIMIT. Defaults to 256 MiB.
	MaxBytes int64
	// MaxObject is the size in bytes of the largest object that is kept; larger ones pass
	// by, and so do ranges of them. Defaults to an eighth of MaxBytes, and is MaxBytes at most.
	MaxObject int64

	// Mutable says which keys may get other bytes. It is asked often, so it should be
	// quick. Defaults to those that end in .m3u8 or .json.
	Mutable func(key string) bool
	// Revalidate is how long the version of a mutable key is taken for the latest before
	// the origin is asked again (Stat, once for all who come meanwhile). Defaults to 200
	// ms; negative asks for each Open and Stat.
	Revalidate time.Duration
	// MaxAge is how long an object under an immutable key is taken to be still there
	// before the origin is asked (Stat). Up to twice as long viewers need not wait for the
	// answer. Defaults to 1 minute; negative asks for each Open and Stat.
	MaxAge time.Duration
	// MaxStale is how long a version goes on being served that the origin can't be asked
	// about because it fails, counted from its last answer. Defaults to 1 minute.
	MaxStale time.Duration
	// MissTTL is how long an immutable key is remembered to be missing. Other errors, and
	// missing mutable keys, are never remembered. Defaults to 1 second.
	MissTTL time.Duration

	// Retries is how often in a row a failing request to the origin is made again; each
	// byte that arrives counts as a success. Where one request in ten fails, five retries
	// leave one load in a million to fail. Defaults to 5; negative means never.
	Retries int
	// Backoff is the pause before the first of these, which then doubles up to 2 seconds;
	// a random part of up to a half is taken off. Defaults to 100 ms.
	Backoff time.Duration
	// StallTimeout is how long the origin may send nothing before a request counts as
	// failed. Defaults to 10 seconds.
	StallTimeout time.Duration
	// LoadTimeout is how long one object may take in all, which ends a load that brings a
	// byte now and then. Defaults to 2 minutes.
	LoadTimeout time.Duration

	// OnEvent is told of what is worth counting besides [Cache.Stats]. It is called by
	// viewers and loads alike, concurrently, and must be quick. Defaults to nil.
	OnEvent func(CacheEvent)
}

// never is a time long enough for what is turned off.
const never = 100 * 365 * 24 * time.Hour

func (o *CacheOptions) setDefaults() {
	setPositive(&o.MaxBytes, 256<<20)
	setPositive(&o.MaxObject, o.MaxBytes/8)
	o.MaxObject = min(o.MaxObject, o.MaxBytes)
	if o.Mutable == nil {
		o.Mutable = mutableKey
	}
	setDuration(&o.Revalidate, 200*time.Millisecond, 0)
	setDuration(&o.MaxAge, time.Minute, 0)
	setDuration(&o.MaxStale, time.Minute, 0)
	setDuration(&o.MissTTL, time.Second, 0)
	if o.Retries == 0 {
		o.Retries = 5
	}
	setDuration(&o.Backoff, 100*time.Millisecond, 0)
	setDuration(&o.StallTimeout, 10*time.Second, never)
	setDuration(&o.LoadTimeout, 2*time.Minute, never)
}

func setPositive(n *int64, value int64) {
	if *n <= 0 {
		*n = value
	}
}

// setDuration replaces 0 by value and what is negative by off.
func setDuration(d *time.Duration, value, off time.Duration) {
	switch {
	case *d == 0:
		*d = value
	case *d < 0:
		*d = off
	}
}

func mutableKey(key string) bool {
	switch strings.ToLower(path.Ext(key)) {
	case ".m3u8", ".json":
		return true
	}
	return false
}

// fresh is how long what is known of a key holds.
func (o *CacheOptions) fresh(key string) time.Duration {
	if o.Mutable(key) {
		return o.Revalidate
	}
	return o.MaxAge
}
