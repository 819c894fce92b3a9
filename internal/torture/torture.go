//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vodkit/vodkit/internal/torture/invariant"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

// config is what a run of the torture does.
type config struct {
	seed                     uint64
	kills, freezes, replicas int
	encoder, source          string
	pause                    time.Duration // the longest between two deeds
	limit                    time.Duration
	keep, verbose            bool
	command                  func() *exec.Cmd // a process that calls beReplica
	say                      func(format string, args ...any)
}

// rack is a run of the torture.
type rack struct {
	config
	dir    string
	rand   *rand.Rand
	ledger invariant.Ledger

	mu    sync.Mutex
	terms int // how often a replica became the owner
	lost  int // how often one found that it was succeeded
}

// victim is a replica's process.
type victim struct {
	cmd   *exec.Cmd
	stdin io.Closer
	read  chan struct{} // closed when all that it said was read
}

// torture runs the whole, and returns what is broken as an error.
func torture(ctx context.Context, c config) (err error) {
	begun := time.Now()
	r := &rack{config: c, rand: rand.New(rand.NewPCG(c.seed, 0))}
	c.say("seed %d: %d kills, %d freezes, %d replicas, %s", c.seed, c.kills, c.freezes, c.replicas, c.encoder)
	work, err := os.MkdirTemp("", "vodkit-torture-")
	if err != nil {
		return err
	}
	defer func() {
		if c.keep || err != nil {
			c.say("what is left is in %s", work)
			return
		}
		_ = os.RemoveAll(work)
	}()
	r.dir = filepath.Join(work, "store")
	if r.encoder == "ffmpeg" && r.source == "" {
		r.source = filepath.Join(work, "film.mp4")
		if err := film(ctx, r.source); err != nil {
			return err
		}
	}
	if err := adoptOrphans(); err != nil {
		return err
	}
	if err := r.wreck(ctx); err != nil {
		return fmt.Errorf("seed %d: %w", c.seed, err)
	}
	broken, err := r.settle(ctx)
	if err != nil {
		return fmt.Errorf("seed %d: %w", c.seed, err)
	}
	n := r.ledger.Counts()
	c.say("%d uploads accepted, %d deleted, %d attempts told COMPLETE, %d terms, %d of them ended by a successor, in %v",
		n.Accepted, n.Deleted, n.Complete, r.terms, r.lost, time.Since(begun).Round(time.Second))
	if len(broken) > 0 {
		return fmt.Errorf("seed %d: broken:\n  %s", c.seed, strings.Join(broken, "\n  "))
	}
	if n.Accepted == 0 {
		return fmt.Errorf("seed %d: nothing was uploaded", c.seed)
	}
	c.say("seed %d: all invariants hold", c.seed)
	return nil
}

// film makes a video of two segments with sound.
func film(ctx context.Context, name string) error {
	out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=8",
		"-f", "lavfi", "-i", "sine=duration=8", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", name).CombinedOutput()
	if err != nil {
		return fmt.Errorf("make a film: %w: %s", err, out)
	}
	return nil
}

// wreck starts replicas and kills and freezes them until all was done.
func (r *rack) wreck(ctx context.Context) error {
	victims := make([]*victim, r.replicas)
	defer func() {
		for _, v := range victims {
			if v != nil {
				r.kill(v)
			}
		}
	}()
	for i := range victims {
		v, err := r.launch()
		if err != nil {
			return err
		}
		victims[i] = v
	}
	deeds := make([]bool, r.kills+r.freezes) // true for a kill
	for i := range r.kills {
		deeds[i] = true
	}
	r.rand.Shuffle(len(deeds), func(i, j int) { deeds[i], deeds[j] = deeds[j], deeds[i] })
	for n, kill := range deeds {
		pause(ctx, r.between(100, int(r.pause.Milliseconds())))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		i := r.rand.IntN(len(victims))
		if !kill {
			if err := r.freeze(ctx, victims[i]); err != nil {
				return err
			}
			continue
		}
		r.kill(victims[i])
		if n%10 == 0 {
			if err := r.look(ctx, victims, i); err != nil {
				return err
			}
		}
		v, err := r.launch()
		if err != nil {
			return err
		}
		victims[i] = v
	}
	return nil
}

func (r *rack) between(least, most int) time.Duration {
	return time.Duration(least+r.rand.IntN(most-least)) * time.Millisecond
}

// launch starts a replica.
func (r *rack) launch() (*victim, error) {
	args, err := json.Marshal(settings{Dir: r.dir, Encoder: r.encoder, Source: r.source, Seed: r.rand.Uint64(),
		Pause: r.pause / 10, Verbose: r.verbose})
	if err != nil {
		return nil, err
	}
	cmd := r.command()
	cmd.Env = append(os.Environ(), replicaEnv+"="+string(args))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	v := &victim{cmd: cmd, stdin: stdin, read: make(chan struct{})}
	go func() {
		defer close(v.read)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			r.hear(lines.Text())
		}
	}()
	return v, nil
}

func (r *rack) hear(line string) {
	if r.verbose {
		r.say("%s", line)
	}
	if r.ledger.Line(line) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch word, _, _ := strings.Cut(line, " "); word {
	case "owner":
		r.terms++
	case "succeeded":
		r.lost++
	}
}

// kill ends a replica and hears its last words.
func (r *rack) kill(v *victim) {
	_ = v.cmd.Process.Kill()
	<-v.read
	_ = v.cmd.Wait()
	_ = v.stdin.Close()
}

// freeze stops a replica, often for longer than it takes to be succeeded.
func (r *rack) freeze(ctx context.Context, v *victim) error {
	if err := v.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return fmt.Errorf("freeze a replica: %w", err)
	}
	pause(ctx, r.between(100, 2000))
	return v.cmd.Process.Signal(syscall.SIGCONT)
}

// look holds the world still and checks what must be true at any moment.
func (r *rack) look(ctx context.Context, victims []*victim, but int) error {
	for i, v := range victims {
		if i != but {
			_ = v.cmd.Process.Signal(syscall.SIGSTOP)
			defer func() { _ = v.cmd.Process.Signal(syscall.SIGCONT) }()
		}
	}
	s, err := newService(settings{Dir: r.dir})
	if err != nil {
		return err
	}
	defer s.close()
	broken, err := invariant.Living(ctx, s.store, upload.NewStoreCatalog(s.store, nil))
	if err == nil && len(broken) > 0 {
		err = errors.New("broken in the middle:\n  " + strings.Join(broken, "\n  "))
	}
	return err
}

// settle lets one more process, this one, do what is undone, and returns what is broken.
func (r *rack) settle(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	broken := orphans(ctx)
	s, err := newService(settings{Dir: r.dir, Encoder: r.encoder, Verbose: r.verbose})
	if err != nil {
		return nil, err
	}
	defer s.close()
	p, catalog, err := s.start(ctx, progress.SinkFunc(func(_ context.Context, e progress.Event) {
		if e.Status.Terminal() {
			r.hear(fmt.Sprintln("event", e.Asset, e.Attempt, e.Status))
		}
	}))
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.Shutdown(context.WithoutCancel(ctx)) }()
	for undone := true; undone; {
		undone = false
		for a, err := range catalog.List(ctx, upload.Query{}) {
			if err != nil {
				return nil, err
			}
			undone = undone || a.Unfinished()
		}
		pause(ctx, 100*time.Millisecond)
		if ctx.Err() != nil {
			broken = append(broken, fmt.Sprintf("Something is still undone after %v.", r.limit))
			ctx = context.WithoutCancel(ctx)
			break
		}
	}
	if err := p.Shutdown(ctx); err != nil { // what follows the last record is done then
		return broken, err
	}
	if p, catalog, err = s.start(ctx, nil); err != nil {
		return broken, err
	}
	defer func() { _ = p.Shutdown(context.WithoutCancel(ctx)) }()
	report, err := p.Sweep(ctx, &upload.SweepOptions{OlderThan: -1})
	if err != nil {
		return broken, err
	}
	r.say("swept: %d objects, %d temporary files, %d multivariant playlists put back", len(report.Objects), len(report.Temporary), len(report.Restored))
	for _, check := range []func() ([]string, error){
		func() ([]string, error) { return r.ledger.Broken(ctx, catalog) },
		func() ([]string, error) { return invariant.Settled(ctx, s.store, catalog) },
		func() ([]string, error) { return invariant.Temporary(r.dir) },
	} {
		more, err := check()
		if err != nil {
			return broken, err
		}
		broken = append(broken, more...)
	}
	return broken, nil
}
