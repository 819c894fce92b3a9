package upload

import (
	"context"
	"log/slog"
	"maps"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
)

// Options shape a Pipeline.
type Options struct {
	// Catalog records the assets. Defaults to a [StoreCatalog] in the pipeline's Store.
	Catalog Catalog
	// Sink is told of every change: where it should be dropped, counted, streamed or
	// stored is its business. A Sink that panics is logged. Defaults to nil, nobody.
	Sink progress.Sink
	// OnDelete is told of each asset that this process has deleted, when its objects and its
	// record are gone: caches and CDNs can forget them. It is waited for. Defaults to nil.
	OnDelete func(ctx context.Context, a Asset)
	// Plan shapes the ladder. Defaults to nil, encoder.Plan's defaults.
	Plan *encoder.PlanOptions
	// Profiles are further ladders by their names, which have the form of ids: what
	// NewAsset.Profile and RetryOptions.Profile choose from. Records have the name alone; an
	// asset whose profile is no longer there ends with code unknown_profile. Defaults to nil,
	// there is Plan alone.
	Profiles map[string]*encoder.PlanOptions
	// Keys has the keys of what is encrypted (Encrypt in Plan or a profile), under the ids of assets: the check
	// of an output reads through the encryption. The encoder and whatever serves keys are
	// given it, too. Defaults to nil.
	Keys hls.KeyProvider
	// KeyURI returns the URI of an asset's key in playlists that no hls.Handler serves, see
	// hls.PublisherOptions.KeyURI. Defaults to nil, relative ones.
	KeyURI func(asset, id string) string
	// Workers is how many assets are worked on at once: probed, or with windows that take
	// turns at the encoder. How many encodes run at once, and what they may cost, is for
	// [encoder.Limit]. A clip waits for one of a film's windows at most while there are
	// fewer films than workers. Defaults to 16.
	Workers int
	// Backlog is how many assets may wait (in this process's view) before uploads and
	// retries are refused with [ErrBacklogFull]. Uploads under way count. Defaults to
	// 1000.
	Backlog int
	// MaxSize is the largest source in bytes. Defaults to 32 GiB.
	MaxSize int64
	// SessionExpiry is how long an upload that has begun (see [Session]) may bring nothing
	// before it is abandoned. Defaults to 24 hours.
	SessionExpiry time.Duration
	// Presign has clients send uploads to the bucket directly, see Pipeline.Presign:
	// storage.NewPutPresigner over any bucket that signs URLs, package storage/presign over
	// folders and memory, storage/s3presign over S3. Its keys are those of the pipeline's
	// Store. Defaults to nil: uploads pass through this process.
	Presign storage.Presigner
	// Fetch allows imports from URLs (Pipeline.ImportURL) and bounds them. Defaults to nil:
	// they are refused with ErrNoFetch, for they reach into the network.
	Fetch *FetchOptions
	// AllowTypes are the content types that are accepted, such as "video/*" or
	// "video/mp4"; an upload that says nothing, or application/octet-stream, is always
	// accepted. Defaults to nil: whatever might be a video or sound.
	AllowTypes []string
	// Admit is asked about an upload before its first byte is taken, when nothing else
	// speaks against it: id, tenant, name, size (0 where it is not known) and type are what
	// will be recorded. An error refuses it with [ErrRefused]; over HTTP, one with a method
	// HTTPStatus() int has that status, others 403, and only what a [*Refusal] says is shown.
	// Defaults to nil, everything is admitted.
	Admit func(ctx context.Context, n NewAsset) error
	// Quota returns how many bytes the tenant ("" where the host has none) may upload beside
	// what is recorded; uploads that are under way in this process are subtracted, and what
	// sessions have announced that it knows of. Larger
	// ones are refused with [ErrQuota]: before their first byte where their size is known,
	// else as soon as they are beyond it, and the host is asked once more when all is there.
	// An error refuses with 503. Defaults to nil, unbounded.
	Quota func(ctx context.Context, tenant string) (left int64, err error)
	// Accept is asked about a source when it has been probed (Asset.Media says what is in
	// it), once for each attempt unless a process dies over it. An error ends the attempt for
	// good with code rejected, and what a [*Refusal] says is shown; an [*encoder.Error] ends
	// it as that says instead, such as one that is not permanent. Defaults to nil, whatever
	// can be encoded is.
	Accept func(ctx context.Context, a Asset) error
	// Retries is how often an attempt is run again by itself after a failure that is not
	// permanent; a negative number means never. Defaults to 2.
	Retries int
	// RetryDelay is how long the first such retry waits; each further one waits twice as
	// long. Defaults to 10 seconds.
	RetryDelay time.Duration
	// Lease is how long a claimed asset stays with a process that no longer renews it.
	// Defaults to 1 minute.
	Lease time.Duration
	// AllowPartial lets a source whose end is missing become COMPLETE with what is there,
	// and with a warning in Asset.Warnings. Defaults to false: it ends with code
	// truncated, though what became playable can be played.
	AllowPartial bool
	// CheckOff publishes without a look at the bytes. Defaults to false: what hls/check
	// finds wrong is not published, see the package documentation.
	CheckOff bool
	// SweepEvery is how often what killed processes left behind is removed once it is a
	// day old, see Pipeline.Sweep. Defaults to 0, never.
	SweepEvery time.Duration
	// KeepSuperseded is how long the objects of what a new attempt has replaced stay:
	// whoever watches the old one sees the end of it. Deleting an asset does not wait. A
	// negative time removes them at once. Defaults to 10 minutes.
	KeepSuperseded time.Duration
	// KeepFailed keeps the objects of failed attempts for inspection. Defaults to false:
	// what cannot be played is removed.
	KeepFailed bool
	// LastWords is how long Shutdown still waits once its ctx has ended, so that what was
	// stopped can be recorded. Where that time is too short nothing is lost, but the next
	// process finds a lease that has to end first. Defaults to 700 ms.
	LastWords time.Duration
	// Logger is told of failures and of what is begun and ended. Defaults to nil, silent.
	Logger *slog.Logger
}

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.Workers <= 0 {
		d.Workers = 16
	}
	if d.Backlog <= 0 {
		d.Backlog = 1000
	}
	if d.MaxSize <= 0 {
		d.MaxSize = 32 << 30
	}
	if d.SessionExpiry <= 0 {
		d.SessionExpiry = 24 * time.Hour
	}
	if d.Retries == 0 {
		d.Retries = 2
	}
	if d.RetryDelay <= 0 {
		d.RetryDelay = 10 * time.Second
	}
	if d.KeepSuperseded == 0 {
		d.KeepSuperseded = 10 * time.Minute
	}
	if d.Lease <= 0 {
		d.Lease = time.Minute
	}
	if d.LastWords <= 0 {
		d.LastWords = 700 * time.Millisecond
	}
	d.Profiles = maps.Clone(d.Profiles)
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return d
}
