//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/internal/bench"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

// serviceEnv has the settings of a process that is a service, as JSON.
const serviceEnv = "VODKIT_BENCH_SERVICE"

// settings of a service. It takes Source in, unless it is "", and tells its events as
// lines "<seconds since 202> <status> <playable> <fraction>".
type settings struct {
	Folder  string
	Source  string
	Slots   int64
	Threads int
	First   time.Duration // the first segment
}

func serve(args string) error {
	var set settings
	if err := json.Unmarshal([]byte(args), &set); err != nil {
		return err
	}
	ctx := context.Background()
	store, err := blobstore.OpenFile(set.Folder, nil)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	ff := ffmpeg.New(store, &ffmpeg.Options{Threads: set.Threads})
	ended := make(chan progress.Event, 1)
	var accepted time.Time
	sink := progress.SinkFunc(func(_ context.Context, e progress.Event) {
		at := 0.0
		if !accepted.IsZero() {
			at = since(accepted)
		}
		fmt.Printf("%.3f %s %t %.4f\n", at, e.Status, e.Playlist != "", e.Fraction)
		if e.Status.Terminal() {
			ended <- e
		}
	})
	enc := encoder.Parallel(encoder.Limit(ff, set.Slots, nil), nil)
	p, err := upload.New(store, enc, ff, &upload.Options{Sink: sink, Lease: 2 * time.Second, Plan: &encoder.PlanOptions{FirstSegment: set.First}})
	if err != nil {
		return err
	}
	if set.Source != "" {
		if accepted, err = take(ctx, p, store, set.Source); err != nil {
			return err
		}
	} else if err := p.Start(ctx); err != nil {
		return err
	}
	e := <-ended
	if err := p.Shutdown(ctx); err != nil {
		return err
	}
	if e.Status != progress.Complete {
		return fmt.Errorf("the asset is %s: %+v", e.Status, e.Error)
	}
	return nil
}

// take starts the pipeline with an upload in it.
func take(ctx context.Context, p *upload.Pipeline, store *blobstore.Store, path string) (time.Time, error) {
	f, err := os.Open(path)
	if err != nil {
		return time.Time{}, err
	}
	defer func() { _ = f.Close() }()
	if _, err := store.Put(ctx, "inbox/film", f, nil); err != nil {
		return time.Time{}, err
	}
	if err := p.Start(ctx); err != nil {
		return time.Time{}, err
	}
	now := time.Now()
	_, err = p.Import(ctx, upload.NewAsset{ID: "film"}, "inbox/film", nil)
	return now, err
}

// service is a running process.
type service struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

// start starts a service on a folder below the scratch folder.
func (s setup) start(set settings) (*service, error) {
	set.Folder = filepath.Join(s.dir, set.Folder)
	cmd, err := bench.Again(serviceEnv, set)
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &service{cmd: cmd, lines: bufio.NewScanner(out)}, cmd.Start()
}

// update is a line of a service.
type update struct {
	at       float64 // seconds since the upload was accepted
	status   progress.Status
	playable bool
	fraction float64
}

// until reads updates up to the first that is wanted.
func (v *service) until(wanted func(update) bool) (update, error) {
	for v.lines.Scan() {
		var u update
		if _, err := fmt.Sscan(strings.TrimSpace(v.lines.Text()), &u.at, &u.status, &u.playable, &u.fraction); err != nil {
			return u, fmt.Errorf("%q: %w", v.lines.Text(), err)
		}
		if wanted(u) {
			return u, nil
		}
	}
	return update{}, errors.New("the service ended without it")
}
