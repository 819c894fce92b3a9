package stills

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

// ErrMalformed says that an object is not the segment of an image track that its key
// promises.
var ErrMalformed = errors.New("hls/stills: malformed segment")

// Options configure [Publish].
type Options struct {
	// Columns and Rows are how many pictures a sheet has at most. Default to 5 and 5.
	Columns, Rows int
	// Quality is that of the sheets' JPEG, from 1 to 100. Defaults to 75.
	Quality int
	// CacheControl is stored with what is put: it never changes. Defaults to
	// "public, max-age=31536000, immutable".
	CacheControl string
}

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.Columns <= 0 {
		d.Columns = 5
	}
	if d.Rows <= 0 {
		d.Rows = 5
	}
	if d.Quality <= 0 || d.Quality > 100 {
		d.Quality = 75
	}
	if d.CacheControl == "" {
		d.CacheControl = "public, max-age=31536000, immutable"
	}
	return d
}

// Result is where the stills of a presentation are: keys relative to output, "" for what
// there is none of.
type Result struct {
	Poster     string
	Storyboard string // the WebVTT file
}

// Publish puts the storyboard of an image track, and chooses its poster. Keys are those
// of an encoder's job: <output>/<track>/sheet-<n>-<hash>.jpg and
// <output>/<track>/storyboard-<hash>.vtt, which is put last. The same track gives the
// same objects. The cues go without a gap from the first picture's time to end, where the
// presentation ends; pictures behind it are left out.
//
// Segments are in the order of their numbers. Errors are those of the Store and of ctx,
// or match [ErrMalformed]; the Result then still has the poster.
func Publish(ctx context.Context, store storage.Store, output string, track hls.Track, segments []hls.Segment, end time.Duration, opts *Options) (Result, error) {
	var r Result
	if p, ok := Choose(segments); ok {
		r.Poster = p.Key
	}
	b := &board{store: store, prefix: output + "/" + track.ID + "/", track: track, opts: opts.withDefaults()}
	if err := b.draw(ctx, output, segments, end); err != nil {
		return r, fmt.Errorf("hls/stills: track %q of %s: %w", track.ID, output, err)
	}
	if len(b.cues) == 0 {
		return r, nil
	}
	name, err := b.put(ctx, "storyboard", ".vtt", "text/vtt", b.webVTT(end))
	if err != nil {
		return r, fmt.Errorf("hls/stills: track %q of %s: %w", track.ID, output, err)
	}
	r.Storyboard = track.ID + "/" + name
	return r, nil
}

// Choose returns the picture that stands best for the video: the first whose Quality is
// 1 or more, or the first of the best Quality. It is false where no segment has one.
func Choose(segments []hls.Segment) (best hls.Poster, ok bool) {
	for _, s := range segments {
		if s.Poster == nil || ok && s.Poster.Quality <= best.Quality {
			continue
		}
		best, ok = *s.Poster, true
		if best.Quality >= 1 {
			break
		}
	}
	return best, ok
}

// put stores data under a name that its content makes, and returns that.
func (b *board) put(ctx context.Context, name, ext, contentType string, data []byte) (string, error) {
	sum := sha256.Sum256(data)
	name += "-" + hex.EncodeToString(sum[:8]) + ext
	_, err := b.store.Put(ctx, b.prefix+name, bytes.NewReader(data), &storage.PutOptions{
		ContentType: contentType, CacheControl: b.opts.CacheControl, Size: int64(len(data)),
	})
	return name, err
}

// maxStrip bounds a segment of an image track, in bytes.
const maxStrip = 64 << 20

func read(ctx context.Context, store storage.Store, key string) ([]byte, error) {
	obj, err := store.Open(ctx, key, nil)
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	if obj.Size > maxStrip {
		return nil, fmt.Errorf("%w: %s has %d bytes", ErrMalformed, key, obj.Size)
	}
	data, err := io.ReadAll(io.LimitReader(obj, maxStrip))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return data, nil
}
