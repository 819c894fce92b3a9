//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

// replicaEnv holds the settings of a replica, as JSON.
const replicaEnv = "VODKIT_TORTURE_REPLICA"

const (
	heartbeat = 200 * time.Millisecond
	lease     = 2 * time.Second
	// superseded is how long what was replaced stays.
	superseded = 700 * time.Millisecond
	// mostUnfinished is how many assets a replica lets wait before it uploads more.
	mostUnfinished = 4
)

// settings are what a replica is told.
type settings struct {
	Dir, Encoder, Source string
	Seed                 uint64
	Pause                time.Duration // the longest between two acts
	Verbose              bool
}

// service makes a pipeline over a folder.
type service struct {
	settings
	store *blobstore.Store
}

func newService(s settings) (*service, error) {
	store, err := blobstore.OpenFile(s.Dir, nil)
	return &service{settings: s, store: store}, err
}

func (s *service) close() error {
	return s.store.Close()
}

// start starts a pipeline; upload.ErrOwned says that another replica is at work.
func (s *service) start(ctx context.Context, sink progress.Sink) (*upload.Pipeline, *upload.StoreCatalog, error) {
	level := slog.LevelError + 1
	if s.Verbose {
		level = slog.LevelInfo
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})).With("pid", os.Getpid())
	catalog := upload.NewStoreCatalog(s.store, &upload.StoreCatalogOptions{Heartbeat: heartbeat, Logger: log})
	enc, prober := s.encoder()
	p, err := upload.New(s.store, enc, prober, &upload.Options{
		Catalog: catalog, Sink: sink, Workers: 2, RetryDelay: 50 * time.Millisecond, Lease: lease, Logger: log,
		KeepSuperseded: superseded, Plan: &encoder.PlanOptions{},
	})
	if err != nil {
		return nil, nil, err
	}
	return p, catalog, p.Start(ctx)
}

func (s *service) encoder() (encoder.Encoder, encoder.Prober) {
	if s.Encoder == "ffmpeg" {
		ff := ffmpeg.New(s.store, nil)
		return encoder.Parallel(encoder.Limit(ff, 1, nil), nil), ff
	}
	fake := encodertest.NewFake(s.store, &encodertest.FakeOptions{Duration: 39 * time.Second, Delay: 30 * time.Millisecond})
	return encoder.Parallel(encoder.Limit(fake, 2, nil), nil), fake
}

// beReplica works on the folder until stdin ends, and tells the ledger's lines.
func beReplica(ctx context.Context, args string, stdin io.Reader, out io.Writer) error {
	var set settings
	if err := json.Unmarshal([]byte(args), &set); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, stdin)
		cancel()
	}()
	s, err := newService(set)
	if err != nil {
		return err
	}
	defer s.close()
	r := &replica{service: s, rand: rand.New(rand.NewPCG(set.Seed, 1)), out: out}
	for ctx.Err() == nil {
		if err := r.term(ctx); err != nil {
			return err
		}
	}
	return nil
}

// replica is a process that is killed some time.
type replica struct {
	*service
	rand *rand.Rand
	mu   sync.Mutex
	out  io.Writer
}

// tell writes a line in one go.
func (r *replica) tell(words ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = io.WriteString(r.out, fmt.Sprintln(words...))
}

// term is one time of owning the catalog, or of waiting for it.
func (r *replica) term(ctx context.Context) error {
	p, _, err := r.start(ctx, progress.SinkFunc(func(_ context.Context, e progress.Event) {
		if e.Status.Terminal() {
			r.tell("event", e.Asset, e.Attempt, e.Status)
		}
	}))
	switch {
	case errors.Is(err, upload.ErrOwned) || ctx.Err() != nil:
		_ = p.Shutdown(ctx)
		pause(ctx, heartbeat)
		return nil
	case err != nil:
		return err
	}
	r.tell("owner", os.Getpid())
	for ctx.Err() == nil && p.Err() == nil {
		_ = r.act(ctx, p) // what is wrong shows in the ledger
		pause(ctx, time.Duration(r.rand.Int64N(int64(r.Pause))))
	}
	if errors.Is(p.Err(), upload.ErrOwned) {
		r.tell("succeeded", os.Getpid())
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 100*time.Millisecond)
	defer cancel()
	_ = p.Shutdown(end) // what runs is for the next one
	return nil
}

// act does one thing that a client might.
func (r *replica) act(ctx context.Context, p *upload.Pipeline) error {
	assets, err := p.List(ctx, upload.Query{Limit: 20})
	if err != nil {
		return err
	}
	var ended []upload.Asset
	unfinished := 0
	for _, a := range assets {
		if !a.Status.Terminal() {
			unfinished++
		} else {
			ended = append(ended, a)
		}
	}
	dice := r.rand.IntN(20)
	if dice < 5 && len(ended) > 0 {
		a := ended[r.rand.IntN(len(ended))]
		if dice < 3 {
			r.tell("retry", a.ID)
			if a, err = p.Retry(ctx, a.ID); err == nil {
				r.tell("retried", a.ID, a.Attempt)
			}
			return err
		}
		return r.delete(ctx, p, a.ID)
	}
	if dice == 5 && len(assets) > 0 { // also what runs
		return r.delete(ctx, p, assets[r.rand.IntN(len(assets))].ID)
	}
	if unfinished >= mostUnfinished {
		return nil
	}
	body, err := r.body()
	if err != nil {
		return err
	}
	defer body.Close()
	a, err := p.Create(ctx, upload.NewAsset{Name: "film.mp4"}, slowly{body, r.rand.IntN(20)})
	if err == nil {
		r.tell("accepted", a.ID, a.Attempt)
	}
	return err
}

func (r *replica) delete(ctx context.Context, p *upload.Pipeline, id string) error {
	r.tell("delete", id)
	err := p.Delete(ctx, id)
	if err == nil || errors.Is(err, storage.ErrNotExist) {
		r.tell("deleted", id)
		return nil
	}
	return err
}

func (r *replica) body() (io.ReadCloser, error) {
	if r.Source != "" {
		return os.Open(r.Source)
	}
	return io.NopCloser(strings.NewReader(strings.Repeat("a film ", 5000))), nil
}

// slowly yields its bytes in eight pieces or so, with a pause before each.
type slowly struct {
	r     io.Reader
	pause int // milliseconds
}

func (s slowly) Read(p []byte) (int, error) {
	time.Sleep(time.Duration(s.pause) * time.Millisecond)
	return s.r.Read(p[:min(len(p), 5000*8)])
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
