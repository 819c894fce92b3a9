package upload

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/ids"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
)

// Pipeline takes uploads, has them encoded and published, and tells of it. New makes
// one, Start sets it going, Shutdown ends it. Its methods may be called concurrently.
type Pipeline struct {
	store   storage.Store
	enc     encoder.Encoder
	prober  encoder.Prober
	catalog catalogGuard
	opts    Options
	log     *slog.Logger
	owner   string // begins the names of owners in the catalog that are this process

	life     lifecycle
	tracker  *tracker        // the last event of each asset that has not ended
	events   *progress.Guard // in front of tracker
	queue    *queue          // what waits
	runs     registry        // what runs in this process
	imports  imports
	sweeping chan struct{} // holds one token while a sweep goes on
	// reserved are the ids that are being uploaded, retried or deleted.
	reserved reservations
	// sessions are those that are being saved, finished or abandoned.
	sessions reservations
	fetcher  *fetcher // nil where imports from URLs are off
	grants   grants
	holds    holds
}

// New returns a Pipeline over store. Sources are kept under "sources/", what is
// served under "media/", and the default catalog's records under "catalog/". New does
// no I/O; it fails where store, enc or prober is nil, where Options.Plan or one of
// Options.Profiles asks for encryption that cannot be checked, and where Options.Fetch
// lists what is no host name.
func New(store storage.Store, enc encoder.Encoder, prober encoder.Prober, opts *Options) (*Pipeline, error) {
	if store == nil || enc == nil || prober == nil {
		return nil, errors.New("upload: New needs a store, an encoder and a prober")
	}
	o := opts.withDefaults()
	if err := o.checkProfiles(); err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	if o.Catalog == nil {
		o.Catalog = NewStoreCatalog(store, &StoreCatalogOptions{Logger: o.Logger})
	}
	p := &Pipeline{
		store: store, enc: enc, prober: prober, opts: o, log: o.Logger,
		owner: ids.New(time.Now()), sweeping: make(chan struct{}, 1), life: newLifecycle(),
	}
	var err error
	if p.fetcher, err = newFetcher(o.Fetch, o.Workers); err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	p.catalog = catalogGuard{o.Catalog, o.Logger, p.lose}
	p.tracker = newTracker(o.Sink, o.Logger)
	p.events = progress.NewGuard(p.tracker, nil)
	p.queue = newQueue(p.tracker, p.events)
	return p, nil
}

// Start claims the catalog, takes up what an earlier process left unfinished, and
// sets the workers going. ctx bounds the start only; the workers go on until
// Shutdown. A pipeline can be started once. [ErrOwned] says that another process
// works on this Store.
func (p *Pipeline) Start(ctx context.Context) error {
	if err := p.life.starting(); err != nil {
		return fmt.Errorf("start pipeline: %w", err)
	}
	if err := p.catalog.Start(ctx); err != nil {
		p.life.startFailed()
		return fmt.Errorf("start pipeline: %w", err)
	}
	if err := p.recall(ctx); err != nil {
		p.closeCatalog()
		p.life.startFailed()
		return fmt.Errorf("start pipeline: %w", err)
	}
	workers := make([]func(), 0, p.opts.Workers+3)
	for range p.opts.Workers {
		workers = append(workers, p.work)
	}
	workers = append(workers, func() { p.queue.report(p.life.claims()) })
	workers = append(workers, func() { p.expireSessions(p.life.claims()) })
	if p.opts.SweepEvery > 0 {
		workers = append(workers, func() { p.sweepEvery(p.life.claims()) })
	}
	p.life.started(workers, p.closeCatalog)
	return nil
}

// recall learns what waits from the catalog.
func (p *Pipeline) recall(ctx context.Context) error {
	for a, err := range p.catalog.List(ctx, Query{Status: progress.Ready}) {
		if err != nil {
			return err
		}
		p.queue.add(a)
		p.announce(ctx, a)
	}
	return nil
}

// announce tells of an asset that is READY. It was put into the queue before its
// record was written: a worker that claims it at once takes it out again.
func (p *Pipeline) announce(ctx context.Context, a Asset) {
	p.events.Report(ctx, a.Event())
	p.queue.wake()
}

// Shutdown ends the pipeline: nothing new is accepted or claimed, and what runs may
// finish until ctx ends. Then the rest is stopped and left READY for the next
// process, as far as Options.LastWords allows. It returns nil when all has ended well, else ctx's error. It may be called
// more than once and in any state.
func (p *Pipeline) Shutdown(ctx context.Context) error {
	if err := p.life.stop(ctx, p.opts.LastWords); err != nil {
		return fmt.Errorf("shut down pipeline: %w", err)
	}
	return nil
}

// Done returns a channel that is closed when the pipeline takes on nothing more: because
// Shutdown was called, or because the Catalog says that it belongs to another process
// now ([ErrOwned]). What ran has been given up then, and only reading goes on: end the
// process, or call Shutdown and start a new Pipeline.
func (p *Pipeline) Done() <-chan struct{} { return p.life.over }

// Err returns nil while the pipeline takes uploads and works, which is what a readiness
// probe wants to know; else an error that matches [ErrClosed] before Start and from
// Shutdown on, and [ErrOwned] where another process has taken the catalog.
func (p *Pipeline) Err() error { return p.life.err() }

// lose takes note of an error that says that the catalog is another process's.
func (p *Pipeline) lose(err error) {
	if p.life.lose(err) {
		p.log.Error("The catalog belongs to another process now. This pipeline has given up what ran and takes on nothing more: end the process, or start a new pipeline.", "error", err)
	}
}

func (p *Pipeline) closeCatalog() {
	ctx, cancel := p.life.words(context.Background(), lastWords)
	defer cancel()
	if err := p.catalog.Close(ctx); err != nil {
		p.log.Error("The catalog could not be closed.", "error", err)
	}
}

// Get returns the asset, as far as this process knows it up to the moment. A missing
// one gives [ErrNotFound].
func (p *Pipeline) Get(ctx context.Context, id string) (Asset, error) {
	a, _, err := p.catalog.Get(ctx, id)
	if err != nil {
		return Asset{}, err
	}
	return p.current(a), nil
}

// Snapshot returns the state of the asset as an event: what a stream of events
// begins with. A missing asset gives [ErrNotFound].
func (p *Pipeline) Snapshot(ctx context.Context, id string) (progress.Event, error) {
	a, _, err := p.catalog.Get(ctx, id)
	if err != nil {
		return progress.Event{}, err
	}
	return p.state(a), nil
}

// state returns the last event of the asset's attempt, or what the record says where
// this process has reported none since.
func (p *Pipeline) state(a Asset) progress.Event {
	if e, ok := p.tracker.last(a.ID); ok && e.Attempt == a.Attempt && !a.Status.Terminal() {
		return e
	}
	return a.Event()
}

// current brings what the record says of progress up to the moment.
func (p *Pipeline) current(a Asset) Asset {
	e := p.state(a)
	a.Status, a.Stage, a.Fraction = e.Status, e.Stage, e.Fraction
	a.Position, a.Duration, a.Front = e.Position, e.Duration, e.Front
	if a.Playlist == "" {
		a.Playlist = e.Playlist
	}
	return a
}

// edit changes the record of id. It reads again and calls change again where somebody
// else was faster; an error from change is returned as it is.
func (p *Pipeline) edit(ctx context.Context, id string, change func(*Asset) error) (Asset, error) {
	return p.rewrite(ctx, id, func(a *Asset) error {
		err := change(a)
		if err == nil {
			a.Updated = now()
		}
		return err
	})
}

// rewrite is edit that leaves Asset.Updated, by which a run knows its own words again (see
// holder.wrote).
func (p *Pipeline) rewrite(ctx context.Context, id string, change func(*Asset) error) (Asset, error) {
	for try := 0; ; try++ {
		a, rev, err := p.catalog.Get(ctx, id)
		if err != nil {
			return Asset{}, err
		}
		if err := change(&a); err != nil {
			return a, err
		}
		_, err = p.catalog.Put(ctx, a, rev)
		if err == nil || !errors.Is(err, ErrConflict) || try == mostConflicts {
			return a, err
		}
		// Those who write at the same time do so at different times the next time.
		select {
		case <-ctx.Done():
			return a, context.Cause(ctx)
		case <-time.After(rand.N(time.Millisecond << min(try, 6))):
		}
	}
}

// mostConflicts is how often a record that others have changed is read again: some seconds.
const mostConflicts = 50

// now is the present as records have it.
func now() time.Time { return time.Now().UTC() }
