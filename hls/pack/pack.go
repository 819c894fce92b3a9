package pack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

// Options tune Pack. The zero value is right for most.
type Options struct {
	// MaxSegment bounds a segment in bytes, and with it what Pack holds in memory.
	// Defaults to 128 MiB.
	MaxSegment int64
	// CacheControl is the Cache-Control of everything that is put. Defaults to
	// "public, max-age=31536000, immutable".
	CacheControl string
	// Finish is asked at the end of a stream, before the last segment is stored. An
	// error keeps that segment out and is what Pack returns (wrapped): where ffmpeg was
	// killed between two fragments, only its exit status tells. Defaults to nil, every
	// end is a good one.
	Finish func(ctx context.Context) error
	// Fragments is how many are packed; what comes behind them is read over. Defaults to 0,
	// all.
	Fragments int
	// Encrypt returns the key of a segment and its id: media segments are encrypted with it
	// before they are named and put (hls.EncryptSegment), and have the id as their KeyID and
	// no Keyframes. The init segment and images stay clear. It is asked for each segment, from
	// the goroutine that calls emit; its errors are returned wrapped. Defaults to nil,
	// nothing is encrypted.
	Encrypt func(ctx context.Context, number int) (id string, key []byte, err error)
	// Frames puts the frames of a video track to the places of a constant rate, exactly:
	// those of a stream that comes from elsewhere. What has no place of its own there, or
	// comes in a fragment that refers to others, gives ErrDiscontinuity; of H.264, samples
	// that are no NAL units give ErrMalformed, and fragments that begin with another than an
	// IDR picture ErrNotSync. Defaults to nil, the stream's times.
	Frames *Frames
}

const (
	maxHeader    = 4 << 20 // ftyp, moov
	maxMoof      = 8 << 20
	maxSegment   = 128 << 20
	cacheForever = "public, max-age=31536000, immutable"
)

// Summary is what Pack made.
type Summary struct {
	Init     hls.Init
	Segments int
	Samples  int64 // frames, priming included
	Bytes    int64 // of all objects
	// Start and End bound what is presented, in ticks of Init.Timescale.
	Start, End int64
	// Filled are the frames of silence that were put into gaps of an AAC track, Dropped
	// the frames that were left out because others were in their place.
	Filled, Dropped int64
}

// cutter makes segments of fragments.
type cutter interface {
	// add takes a fragment whose mdat's payload comes next in the stream, and reads it.
	add(ctx context.Context, f *fragment) error
	// end stores what is left.
	end(ctx context.Context) error
}

// Pack reads the track's stream from r to its end and puts
// <output>/<track>/init-<hash>.mp4 and <output>/<track>/<n>-<hash>.m4s. It calls emit
// after each of them is durable, the init segment before the first media segment. The
// keys that emit sees are relative to output. A stream without a fragment stores
// nothing.
//
// It reads on while a segment is being put, so two segments are in memory at most;
// r and Options.Finish are called from another goroutine than emit, and none of them
// after Pack has returned. Whatever Pack returns, what was emitted stays true; a
// fragment or segment that did not arrive whole is neither stored nor emitted.
//
// Errors are an *Error around one of this package's sentinels, or around what r,
// store, emit or ctx returned. When ctx ends Pack returns with its error as soon as
// the Read or Put that is under way does: closing r is the caller's.
func Pack(ctx context.Context, store storage.Store, output string, track hls.Track, grid Grid, r io.Reader, emit func(Event) error, opts *Options) (Summary, error) {
	p := newPacker(store, output, track, r, emit, opts)
	read := errStopped
	go func() {
		defer close(p.out.writer.jobs)
		read = p.run(ctx, grid)
	}()
	err := p.out.writer.run(ctx) // waits for the goroutine
	p.out.summary.Filled, p.out.summary.Dropped = p.out.filled, p.out.dropped
	if err == nil {
		err = read
	}
	if err == nil {
		return p.out.summary, nil
	}
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return p.out.summary, &Error{Track: track.ID, Offset: p.in.off, Err: err}
}

// packer is one call of Pack.
type packer struct {
	in     *boxReader
	out    *output
	kind   hls.Kind
	limit  int64
	finish func(context.Context) error
	most   int // fragments, 0 for all
	frames *Frames
	retime *retimer // nil for the stream's times

	packed int // fragments
	ftyp   []byte
	clock  *clock
	cutter cutter
	decode int64 // expected decode time of the next fragment, -1 before the first
}

func newPacker(store storage.Store, prefix string, track hls.Track, r io.Reader, emit func(Event) error, opts *Options) *packer {
	if opts == nil {
		opts = &Options{}
	}
	p := &packer{
		in: newBoxReader(r),
		out: &output{
			store:        store,
			prefix:       strings.TrimSuffix(prefix, "/"),
			track:        track.ID,
			cacheControl: opts.CacheControl,
			emit:         emit,
			encrypt:      opts.Encrypt,
			writer:       newWriter(),
		},
		kind:   track.Kind,
		limit:  opts.MaxSegment,
		finish: opts.Finish,
		most:   opts.Fragments,
		frames: opts.Frames,
		decode: -1,
	}
	if p.limit <= 0 {
		p.limit = maxSegment
	}
	if p.out.cacheControl == "" {
		p.out.cacheControl = cacheForever
	}
	return p
}

// run reads the stream to its end.
func (p *packer) run(ctx context.Context, grid Grid) error {
	if err := grid.check(); err != nil {
		return err
	}
	if p.kind == hls.Video {
		var err error
		if p.retime, err = newRetimer(p.frames); err != nil {
			return err
		}
	}
	for {
		if err := p.out.writer.stopped(ctx); err != nil {
			return err
		}
		h, err := p.in.next()
		switch {
		case errors.Is(err, io.EOF):
			return p.end(ctx)
		case err != nil:
			return err
		}
		if err := p.box(ctx, h, grid); err != nil {
			return err
		}
	}
}

func (p *packer) box(ctx context.Context, h boxHeader, grid Grid) (err error) {
	switch h.kind {
	case "ftyp":
		if p.ftyp != nil || p.out.init != nil {
			return malformed("a second ftyp")
		}
		p.ftyp, err = p.in.whole(h, maxHeader)
		return err
	case "moov":
		return p.moov(h, grid)
	case "moof":
		if p.most > 0 && p.packed == p.most {
			return p.in.skip(h.payload)
		}
		p.packed++
		return p.moof(ctx, h)
	case "mdat":
		if p.most > 0 && p.packed == p.most {
			return p.in.skip(h.payload)
		}
		return malformed("mdat without a moof")
	}
	if p.ftyp == nil {
		return malformed("the stream starts with %q", h.kind)
	}
	return p.in.skip(h.payload) // styp, sidx, free, mfra, …
}

func (p *packer) moov(h boxHeader, grid Grid) error {
	if p.out.init != nil {
		return malformed("a second moov")
	}
	if p.ftyp == nil {
		return malformed("moov without an ftyp")
	}
	b, err := p.in.whole(h, maxHeader)
	if err != nil {
		return err
	}
	s, err := parseInit(p.ftyp, b, p.kind, p.retime)
	if err != nil {
		return err
	}
	if p.clock, err = newClock(grid, s.timescale); err != nil {
		return err
	}
	p.out.init = s
	if p.kind == hls.Audio {
		p.cutter = &audioCutter{in: p.in, out: p.out, clock: p.clock, limit: p.limit, steady: newSteadier(s.entry, s.timescale)}
	} else {
		p.cutter = &videoCutter{in: p.in, out: p.out, clock: p.clock, limit: p.limit, avc: p.retime != nil && s.entry.Type() == "avc1"}
	}
	return nil
}

func (p *packer) moof(ctx context.Context, h boxHeader) error {
	if p.out.init == nil {
		return malformed("moof before the moov")
	}
	b, err := p.in.whole(h, maxMoof)
	if err != nil {
		return err
	}
	f, err := parseFragment(b, p.out.init.trex)
	if err != nil {
		return err
	}
	if p.decode >= 0 && f.decode != p.decode {
		return fmt.Errorf("%w: %d, expected %d", ErrDiscontinuity, f.decode, p.decode)
	}
	p.decode = f.decode + f.duration
	if f.bytes > p.limit {
		return fmt.Errorf("%w: fragment of %d bytes, at most %d", ErrTooLarge, f.bytes, p.limit)
	}
	mdat, err := p.in.next()
	if err != nil {
		return truncated(err, true)
	}
	if err := f.check(mdat); err != nil {
		return err
	}
	if p.retime != nil {
		if err := p.retime.fragment(f, p.out.init.trex.TrackID); err != nil {
			return err
		}
	}
	if err := p.out.begin(ctx); err != nil {
		return err
	}
	return p.cutter.add(ctx, f)
}

func (p *packer) end(ctx context.Context) error {
	if p.finish != nil {
		if err := p.finish(ctx); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.decode < 0 {
		return ErrNoFragments
	}
	return p.cutter.end(ctx)
}
