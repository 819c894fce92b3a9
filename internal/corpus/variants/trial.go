//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/corpus/compare"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

// trial sends variants through an encoder, by turns from a file and from memory.
type trial struct {
	limit  time.Duration
	dir    string // holds everything
	tmp    string // of the children
	turn   int
	stores []storage.Store
	ff     []*ffmpeg.Encoder
}

var plan = &encoder.PlanOptions{MaxHeight: 144, MaxRenditions: 1, MaxFrameRate: 30, MaxDuration: time.Minute, MaxFrames: 5000, Copy: encoder.CopyNever}

func newTrial(c config) (*trial, error) {
	dir, err := os.MkdirTemp("", "vodkit-variants-")
	if err != nil {
		return nil, err
	}
	tr := &trial{limit: c.limit, dir: dir, tmp: filepath.Join(dir, "tmp")}
	if err := errors.Join(os.Mkdir(tr.tmp, 0o700), os.Setenv("TMPDIR", tr.tmp)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	files, err := blobstore.OpenFile(filepath.Join(dir, "bucket"), nil)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	tr.stores = []storage.Store{files, blobstore.New(memblob.OpenBucket(nil), nil)}
	opts := ffmpeg.Options{Preset: "ultrafast", Threads: 2}
	if c.bwrap {
		opts.Sandbox = ffmpeg.Bubblewrap(nil)
	}
	for _, s := range tr.stores {
		tr.ff = append(tr.ff, ffmpeg.New(s, &opts))
	}
	return tr, nil
}

func (tr *trial) close() error {
	var errs []error
	for _, s := range tr.stores {
		if c, ok := s.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(tr.dir))...)
}

// send tries one variant and notes in r what became of it.
func (tr *trial) send(parent context.Context, data []byte, r *row) {
	ctx, cancel := context.WithTimeout(parent, tr.limit)
	defer cancel()
	start := time.Now()
	breaks := func(format string, args ...any) { r.broken = append(r.broken, fmt.Sprintf(format, args...)) }
	err := tr.encode(ctx, data, r, breaks)
	r.took = time.Since(start)
	var e *encoder.Error
	switch {
	case ctx.Err() != nil:
		r.status = "HANGS"
		breaks("no end within %s", tr.limit)
	case err == nil:
		r.status = "ENCODED"
	case !errors.As(err, &e) || e.Code == "" || e.Message == "":
		r.status, r.note = "FAILED", err.Error()
		breaks("an error that is not typed")
	default:
		r.status, r.code, r.note = "REFUSED", e.Code, e.Message
		if !e.Permanent {
			r.note = err.Error() + " " + e.Stderr
			breaks("a retryable error")
		}
	}
	if left := children(); len(left) > 0 {
		breaks("a process is left: %s", strings.Join(left, " "))
	}
	if left, err := os.ReadDir(tr.tmp); err != nil || len(left) > 0 {
		breaks("a file is left: %v %v", left, err)
	}
}

func (tr *trial) encode(ctx context.Context, data []byte, r *row, breaks func(string, ...any)) error {
	tr.turn++
	store, ff := tr.stores[tr.turn%len(tr.stores)], tr.ff[tr.turn%len(tr.stores)]
	info, err := store.Put(ctx, "sources/a/0", bytes.NewReader(data), nil)
	if err != nil {
		return err
	}
	src := encoder.Source{Parts: []encoder.Part{{Key: info.Key, Size: info.Size, ETag: info.ETag}}}
	m, err := ff.Probe(ctx, src)
	if err != nil {
		return err
	}
	r.truncated = m.Truncated
	grid, tracks, err := encoder.Plan(m, plan)
	if err != nil {
		return err
	}
	r.planned = grid.Duration().Seconds()
	job := encoder.Job{Version: encoder.JobVersion, ID: "j", Output: "media/a/1", Source: src, Media: m, Grid: grid, Tracks: tracks}
	got := map[string]*produced{}
	at := func(track string) *produced {
		if got[track] == nil {
			got[track] = &produced{}
		}
		return got[track]
	}
	err = ff.Encode(ctx, job, func(u encoder.Update) error {
		switch {
		case u.Init != nil:
			p := at(u.Init.Track)
			p.keys, p.timescale = append(p.keys, u.Init.Key), float64(u.Init.Timescale)
		case u.Segment != nil:
			p := at(u.Segment.Track)
			p.keys, p.ticks = append(p.keys, u.Segment.Key), p.ticks+u.Segment.Duration
		}
		return nil
	})
	if err != nil {
		return err
	}
	var made output
	for _, t := range tracks {
		path := filepath.Join(tr.dir, t.ID+".mp4")
		defer func() { _ = os.Remove(path) }()
		if tr.look(ctx, store, job, t, at(t.ID), path, r, breaks) {
			made.add(t, path)
		}
	}
	tr.compare(ctx, data, made, r, breaks)
	return nil
}

// output is what was made of a source: the files and the source's streams that they
// are of.
type output struct {
	picture, sound       compare.Stream
	pictureOf, soundFrom int
}

func (o *output) add(t encoder.TrackSpec, path string) {
	if t.Kind == hls.Video {
		o.picture, o.pictureOf = compare.Stream{Path: path}, t.Stream
	} else if o.sound.Path == "" {
		o.sound, o.soundFrom = compare.Stream{Path: path}, t.Stream
	}
}

// compare lays what was made beside what the source decodes to.
func (tr *trial) compare(ctx context.Context, data []byte, made output, r *row, breaks func(string, ...any)) {
	if made.picture.Path == "" && made.sound.Path == "" {
		return
	}
	path := filepath.Join(tr.dir, "source")
	defer func() { _ = os.Remove(path) }()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		breaks("compare: %v", err)
		return
	}
	var picture, sound compare.Stream
	if made.picture.Path != "" {
		picture = compare.Stream{Path: path, Index: made.pictureOf}
	}
	if made.sound.Path != "" {
		sound = compare.Stream{Path: path, Index: made.soundFrom}
	}
	most := plan.MaxDuration + 10*time.Second
	have, err := compare.Read(ctx, made.picture, made.sound, &compare.Options{Times: true, Most: most})
	if err != nil {
		breaks("compare: %v", err)
		return
	}
	want, err := compare.Read(ctx, picture, sound, &compare.Options{Most: most})
	if err != nil {
		breaks("compare: the source: %v", err)
		return
	}
	r.compared = compare.Compare(want, have)
	r.broken = append(r.broken, r.compared.Faults...)
}

// produced is what an encode emitted for a track.
type produced struct {
	keys      []string
	ticks     int64
	timescale float64
}

// look writes what was made of a track to path, decodes it and holds it to the plan. It
// says whether there is something at path.
func (tr *trial) look(ctx context.Context, store storage.Store, job encoder.Job, t encoder.TrackSpec, p *produced, path string, r *row, breaks func(string, ...any)) bool {
	// The last frame of sound is whole, and the decoder may give one more.
	slack := max(0.1, 1.5/job.Grid.FrameRate.Float())
	if said := float64(p.ticks) / max(1, p.timescale); math.Abs(said-r.planned) > slack {
		breaks("%s: segments of %.3f s", t.ID, said)
	}
	if err := join(ctx, store, job.Output, p.keys, path); err != nil {
		breaks("%s: %v", t.ID, err)
		return false
	}
	decoded, err := decode(ctx, path)
	if err != nil {
		breaks("%s: does not decode: %v", t.ID, err)
	}
	if math.Abs(decoded-r.planned) > slack {
		breaks("%s: decodes to %.3f s", t.ID, decoded)
	}
	r.decoded = max(r.decoded, decoded)
	return true
}

func join(ctx context.Context, store storage.Store, prefix string, keys []string, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for _, k := range keys {
		obj, err := store.Open(ctx, prefix+"/"+k, nil)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, obj)
		if err := errors.Join(err, obj.Close()); err != nil {
			return err
		}
	}
	return nil
}

// decode decodes a file whole and returns how many seconds its frames last. Whatever
// ffmpeg says is an error.
func decode(ctx context.Context, path string) (float64, error) {
	cmd := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", path, "-fps_mode", "passthrough", "-f", "framecrc", "-")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil || said.Len() > 0 {
		return 0, fmt.Errorf("%w: %s", errors.Join(err, errors.New("ffmpeg has something to say")), said.String())
	}
	var ticks, num, den int64 = 0, 0, 1
	for line := range strings.Lines(out.String()) {
		if tb, ok := strings.CutPrefix(line, "#tb 0: "); ok {
			if _, err := fmt.Sscanf(tb, "%d/%d", &num, &den); err != nil {
				return 0, err
			}
			continue
		}
		// stream, dts, pts, duration, size, checksum
		if f := strings.Split(line, ","); len(f) >= 6 {
			n, err := strconv.ParseInt(strings.TrimSpace(f[3]), 10, 64)
			if err != nil {
				return 0, err
			}
			ticks += n
		}
	}
	return float64(ticks*num) / float64(den), nil
}

// children returns this process's children that are still there after a moment.
func children() (found []string) {
	for range 20 {
		found = nil
		tasks, _ := filepath.Glob("/proc/self/task/*/children")
		for _, t := range tasks {
			raw, _ := os.ReadFile(t)
			found = append(found, strings.Fields(string(raw))...)
		}
		if len(found) == 0 {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return found
}
