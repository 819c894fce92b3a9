package hls

import (
	"context"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/vodkit/vodkit/storage"
)

// PublisherOptions configure a [Publisher].
type PublisherOptions struct {
	// DeferMaster writes nothing before Finish: the multivariant playlist of an earlier
	// attempt stays, and is replaced when this one is complete. Defaults to false: the
	// presentation can be played from its first segment.
	DeferMaster bool
	// GrowingCacheControl is the Cache-Control that is stored with playlists that
	// change: the multivariant playlist and growing media playlists. Defaults to
	// "public, max-age=1".
	GrowingCacheControl string
	// FinalCacheControl is the Cache-Control that is stored with final media playlists.
	// Defaults to "public, max-age=3600".
	FinalCacheControl string
	// Check is asked before each write of the multivariant playlist, the one key that
	// attempts share, whether master may replace what is there: the provisional one, and
	// then the final one of Finish. All that it refers to is in the Store by then. Its
	// error is returned as it is by Init, Segment or Finish, which may be called again. It
	// must not call the Publisher, but for State. Defaults to nil, no question.
	Check func(ctx context.Context, master []byte, final bool) error
	// Record is asked before media playlists are written: when it returns, all that Init
	// and Segment were given before is durable somewhere, for Restore. Its error is
	// returned as it is by the method that was called, nothing is written, and the next
	// call tries again. It must not call the Publisher, but for State. Defaults to nil:
	// an attempt whose Publisher is gone cannot be gone on with.
	Record func(ctx context.Context) error
	// KeyURI returns the URI of a key (EXT-X-KEY), for segments that have a KeyID. It is for
	// playlists that are not fetched from the [Handler] that serves the keys: those of a CDN
	// or of a bucket's website. The paths of two keys differ. Defaults to nil: the URI is
	// relative and leads to [KeyPath] below the asset, which is where a Handler has it.
	KeyURI func(id string) string
	// Run counts the Publishers of the attempt. Final playlists have it in their names from
	// the second on, as in index-2.m3u8, so that none is ever replaced. Defaults to 1.
	Run int
	// Logger is told what is published, at debug level. Defaults to nil, silence.
	Logger *slog.Logger
}

// growingCacheControl is the default of PublisherOptions.GrowingCacheControl.
const growingCacheControl = "public, max-age=1"

// Publisher is the only writer of a presentation's playlists. It takes what an encoder
// emits, in any order, and keeps the playlists in the Store true:
//
//   - As soon as every track has its initialization segment and its first segment,
//     growing media playlists (EVENT) and then a provisional multivariant playlist are
//     there. From then on segments appear one by one, number n when every track has it.
//     A track whose last segment is shorter than its nominal duration, or the last that
//     Presentation.Cuts makes, counts as ended, and holds nothing up.
//   - Finish ends the growing playlists, writes final ones (VOD) under other URIs, asks
//     PublisherOptions.Check, and replaces the multivariant playlist last.
//
// Image tracks are in no playlist and hold nothing up, but Finish wants them whole.
//
// At every moment, also after a failed write, what is in the Store refers only to what
// is in the Store, and a growing playlist is only ever appended to (RFC 8216 section
// 6.2.1).
//
// All methods may be called concurrently. Two Publishers must not write one attempt at
// the same time. One may go on where another has ended, see Restore.
type Publisher struct {
	store   storage.Store
	prefix  string
	attempt string
	plan    Presentation
	opts    PublisherOptions
	target  int // EXT-X-TARGETDURATION of every media playlist, in seconds

	// writer is held by the one publication that goes on; it is a channel so that
	// waiting for it ends with a context. Take it before mu.
	writer chan struct{}

	mu       sync.Mutex // guards what follows and the tracks; never held during I/O
	tracks   []*track   // in the plan's order
	played   []*track   // those of them that have playlists
	byID     map[string]*track
	front    time.Duration
	playable bool // the multivariant playlist refers to this attempt
	resumed  bool // an earlier Publisher of the attempt may have written growing playlists
	restored bool // nothing new has come since Restore: Finish may have ended the playlists before
	sealed   bool // Finish or Fail has begun: nothing more is accepted
	finished bool
	failed   bool
}

// NewPublisher returns a Publisher for the attempt of an asset. Keys are under prefix,
// such as "media/42"; attempt is one path element, and media objects are under
// prefix/attempt. An error matches [ErrInvalidPlan] or [storage.ErrInvalidKey].
// Nothing is written yet.
func NewPublisher(store storage.Store, prefix, attempt string, plan Presentation, opts *PublisherOptions) (*Publisher, error) {
	if err := plan.check(); err != nil {
		return nil, err
	}
	if attempt == "" || attempt == keysFolder || strings.Contains(attempt, "/") {
		return nil, fmt.Errorf("hls: attempt %q: %w", attempt, storage.ErrInvalidKey)
	}
	if err := storage.CheckKey(prefix + "/" + attempt + "/" + EventName); err != nil {
		return nil, fmt.Errorf("hls: attempt %q under %q: %w", attempt, prefix, err)
	}
	p := &Publisher{
		store: store, prefix: prefix, attempt: attempt, plan: plan.clone(),
		target: targetDuration(plan.longest()),
		writer: make(chan struct{}, 1),
		byID:   map[string]*track{},
	}
	if opts != nil {
		p.opts = *opts
	}
	if p.opts.GrowingCacheControl == "" {
		p.opts.GrowingCacheControl = growingCacheControl
	}
	if p.opts.KeyURI == nil {
		p.opts.KeyURI = func(id string) string { return "../../" + KeyPath(id) } // from <attempt>/<track>
	}
	if p.opts.FinalCacheControl == "" {
		p.opts.FinalCacheControl = "public, max-age=3600"
	}
	if p.opts.Logger == nil {
		p.opts.Logger = slog.New(slog.DiscardHandler)
	}
	for _, t := range p.plan.Tracks {
		tr := &track{plan: t, ahead: map[int]Segment{}}
		switch t.Kind {
		case Subtitle:
			tr.init = &Init{Track: t.ID, Timescale: SubtitleTimescale}
		case Image:
			tr.init = &Init{Track: t.ID, Timescale: ImageTimescale}
		}
		p.tracks = append(p.tracks, tr)
		if t.Kind != Image {
			p.played = append(p.played, tr)
		}
		p.byID[t.ID] = tr
	}
	return p, nil
}

// Init takes a stored initialization segment and publishes what it makes playable. A
// track keeps the first; another is ignored, unless its timescale or codecs differ.
//
// An error that matches [ErrInvalidUpdate] or [ErrEnded] means that init was refused.
// Any other means that init was accepted and the Store failed: what is published is
// what was, or a part of what is due; the next update, or the same again, tries again.
func (p *Publisher) Init(ctx context.Context, init Init) error {
	due, err := p.acceptInit(init)
	if err != nil || !due {
		return err
	}
	return p.publish(ctx)
}

// Segment takes a stored media segment and publishes what it makes playable. Segments
// may come in any order, also before their Init; a number that is there already is
// ignored, because two workers may have encoded it. Errors are those of Init.
func (p *Publisher) Segment(ctx context.Context, s Segment) error {
	due, err := p.acceptSegment(s)
	if err != nil || !due {
		return err
	}
	return p.publish(ctx)
}

// Front returns how far the presentation can be played from its start: what the
// published playlists of all tracks have in common, and after Finish its whole
// duration. It never goes back.
func (p *Publisher) Front() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.front
}

// Playable says whether the multivariant playlist of this attempt is published.
func (p *Publisher) Playable() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.playable
}

// Playlist returns the key of the multivariant playlist, whether it is there or not.
func (p *Publisher) Playlist() string { return MasterKey(p.prefix) }

// key returns the key of name, which is relative to the attempt.
func (p *Publisher) key(name string) string { return path.Join(p.prefix, p.attempt, name) }

// lockWriter waits until no other publication goes on.
func (p *Publisher) lockWriter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("hls: publish: %w", err)
	}
	select {
	case p.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("hls: publish: %w", ctx.Err())
	}
}

func (p *Publisher) unlockWriter() { <-p.writer }
