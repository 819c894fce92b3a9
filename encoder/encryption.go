package encoder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/vodkit/vodkit/hls"
)

// EncryptOptions say how media segments are to be encrypted: whole, with AES-128 (RFC 8216
// section 4.3.2.4), which keeps bytes on a CDN or in a bucket from those whom the service
// gives no key. It is no DRM: whoever has the key has the video.
type EncryptOptions struct {
	// Generation begins the ids of keys: up to 32 letters and digits. hls.DerivedKeys takes it
	// for the name of a master secret. What is being encoded when it changes begins anew.
	// Defaults to "1".
	Generation string
	// Rotate is how many segments have one key; those of all tracks with the same number
	// have the same. A player fetches each key once. Defaults to 0, one key for all.
	Rotate int
}

// Check returns nil where o can be used; nil can.
func (o *EncryptOptions) Check() error {
	switch {
	case o == nil:
	case o.Generation != "" && !hls.ValidGeneration(o.Generation):
		return fmt.Errorf("encoder: EncryptOptions.Generation %.40q: 1 to 32 letters and digits are allowed", o.Generation)
	case o.Rotate < 0:
		return fmt.Errorf("encoder: EncryptOptions.Rotate is %d; it counts segments", o.Rotate)
	}
	return nil
}

// Encryption returns the Job's for an asset, nil for nil. name is what tells this encode
// from others of the asset: a job that goes on with the output of another has the same, and
// so the same keys. The last element of Job.Output is right.
func (o *EncryptOptions) Encryption(asset, name string) *Encryption {
	if o == nil {
		return nil
	}
	generation := o.Generation
	if generation == "" {
		generation = "1"
	}
	return &Encryption{Asset: asset, Keys: generation + "-" + name, Rotate: o.Rotate}
}

// Encryption says with which keys a job's media segments are encrypted. It has no key: an
// [hls.KeyProvider] has them, under the Asset and what KeyID returns.
type Encryption struct {
	Asset string `json:"asset"`
	// Keys begins the ids of all keys.
	Keys string `json:"keys"`
	// Rotate is how many segments have one key, 0 for all.
	Rotate int `json:"rotate,omitempty"`
}

// KeyID returns the id of the key of a segment, whatever its track. It depends on nothing
// else, so that all windows and runs of a job agree.
func (e *Encryption) KeyID(number int) string {
	n := 0
	if e.Rotate > 0 {
		n = number / e.Rotate
	}
	return e.Keys + "-" + strconv.Itoa(n)
}

// Key returns a segment's key and its id. Errors are an [*Error] with CodeKeys, or match
// ctx.Err(). It is for encoders; keys may be nil where one has none.
func (e *Encryption) Key(ctx context.Context, keys hls.KeyProvider, number int) (id string, key []byte, err error) {
	id = e.KeyID(number)
	if keys == nil {
		return "", nil, &Error{Code: CodeKeys, Permanent: true, Err: errors.New("the encoder has no hls.KeyProvider"),
			Message: "The video is to be encrypted, and the encoder was given no keys. Tell the service's operator."}
	}
	if err := hls.ValidKeyID(id); err != nil {
		return "", nil, &Error{Code: CodeKeys, Permanent: true, Err: err,
			Message: "The video is to be encrypted, and the job names a key that there can't be. Tell the service's operator."}
	}
	key, err = keys.Key(ctx, e.Asset, id)
	if err == nil && len(key) != hls.KeySize {
		err = fmt.Errorf("key %q has %d bytes, not %d: %w", id, len(key), hls.KeySize, fs.ErrNotExist)
	}
	switch {
	case err == nil:
		return id, key, nil
	case ctx.Err() != nil:
		return "", nil, fmt.Errorf("key %q: %w", id, ctx.Err())
	case errors.Is(err, fs.ErrNotExist):
		return "", nil, &Error{Code: CodeKeys, Permanent: true, Err: err,
			Message: "The video is to be encrypted with a key that is unknown. Tell the service's operator."}
	}
	return "", nil, &Error{Code: CodeKeys, Err: err, Message: "The key that the video is to be encrypted with could not be had. Try again later."}
}
