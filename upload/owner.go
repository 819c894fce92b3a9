package upload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/vodkit/vodkit/internal/ids"
	"github.com/vodkit/vodkit/storage"
)

// ownership is the right to write a StoreCatalog: an object in the Store whose beat
// grows while the owner lives. Whoever comes judges by the beat alone, so clocks need
// not agree.
//
// A Store has no compare-and-swap, so two processes that start within the same
// moment may both believe to have won until their first heartbeat, when one of them
// finds the other's token and gives up.
type ownership struct {
	store storage.Store
	key   string
	every time.Duration
	log   *slog.Logger

	mu   sync.Mutex
	term *term // nil while the ownership is not held
}

// term is one time of owning, from acquire to release.
type term struct {
	token string
	stop  context.CancelFunc
	done  chan struct{} // closed when the heartbeat has ended
	ended chan struct{} // closed when the ownership is lost or released
	lost  bool          // under ownership.mu
}

// ownerRecord is the object in the Store.
type ownerRecord struct {
	Version  int       `json:"version"`
	Token    string    `json:"token"`
	Host     string    `json:"host"`
	PID      int       `json:"pid"`
	Machine  string    `json:"machine,omitempty"` // see thisMachine
	Process  string    `json:"process,omitempty"` // see processStart
	Since    time.Time `json:"since"`
	Beat     int64     `json:"beat"`
	Interval float64   `json:"interval"` // seconds between beats
}

// missedBeats is how many beats an owner may miss before it is taken for dead.
const missedBeats = 3

func newOwnership(store storage.Store, key string, every time.Duration, log *slog.Logger) *ownership {
	return &ownership{store: store, key: key, every: every, log: log}
}

// acquire takes the ownership and begins the heartbeat.
func (o *ownership) acquire(ctx context.Context) error {
	o.mu.Lock()
	held := o.term != nil && !o.term.lost
	o.mu.Unlock()
	if held {
		return fmt.Errorf("%w: it has been started already", ErrOwned)
	}
	if err := o.awaitDeath(ctx); err != nil {
		return err
	}
	host, _ := os.Hostname()
	rec := ownerRecord{Version: 1, Token: ids.New(time.Now()), Host: host, PID: os.Getpid(),
		Machine: thisMachine(), Process: processStart(os.Getpid()),
		Since: time.Now().UTC(), Interval: o.every.Seconds()}
	if err := o.put(ctx, rec); err != nil {
		return err
	}
	if now, err := o.get(ctx); err != nil {
		return err
	} else if now.Token != rec.Token {
		return now.refusal()
	}
	beatCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	t := &term{token: rec.Token, stop: stop, done: make(chan struct{}), ended: make(chan struct{})}
	o.mu.Lock()
	o.term = t
	o.mu.Unlock()
	go o.beat(beatCtx, t, rec)
	return nil
}

// awaitDeath returns nil once nobody owns the catalog: at once where no owner is
// recorded or it surely is dead, else when its beat has stood still for long enough.
func (o *ownership) awaitDeath(ctx context.Context) error {
	first, err := o.get(ctx)
	if errors.Is(err, storage.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if first.dead() {
		o.log.Warn("The process that owned the catalog has died.", "pid", first.PID, "since", first.Since)
		return nil
	}
	interval := max(o.every, min(time.Duration(first.Interval*float64(time.Second)), time.Minute))
	deadline := time.Now().Add(missedBeats * interval)
	o.log.Warn("The catalog has an owner; waiting whether it lives.", "host", first.Host, "pid", first.PID, "since", first.Since)
	for time.Now().Before(deadline) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (waited for the owner before)", ctx.Err())
		case <-time.After(interval / 4):
		}
		now, err := o.get(ctx)
		switch {
		case errors.Is(err, storage.ErrNotExist):
			return nil
		case err != nil:
			return err
		case now.Token != first.Token || now.Beat != first.Beat:
			return now.refusal()
		}
	}
	return nil
}

// dead says that the owner surely has died: it was a process of this machine, since
// its last boot, that is no longer there.
func (r ownerRecord) dead() bool {
	return r.Machine != "" && r.Process != "" && r.Machine == thisMachine() && r.Process != processStart(r.PID)
}

func (r ownerRecord) refusal() error {
	return fmt.Errorf("%w: process %d on host %q has owned it since %s and lives; run one process for each Store, or give each a storage.Prefix of its own",
		ErrOwned, r.PID, r.Host, r.Since.Format(time.RFC3339))
}

// beat renews the record until ctx ends or the ownership is lost.
func (o *ownership) beat(ctx context.Context, t *term, rec ownerRecord) {
	defer close(t.done)
	tick := time.NewTicker(o.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, err := o.get(ctx)
		if err == nil && now.Token != rec.Token {
			o.log.Error("Another process has taken the catalog; this one stops writing.", "host", now.Host, "pid", now.PID)
			o.end(t, true)
			return
		}
		rec.Beat++
		if err == nil || errors.Is(err, storage.ErrNotExist) {
			err = o.put(ctx, rec)
		}
		if err != nil && ctx.Err() == nil {
			o.log.Warn("The catalog's heartbeat failed.", "error", err)
		}
	}
}

// end marks the term as over, once.
func (o *ownership) end(t *term, lost bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case <-t.ended:
		return
	default:
	}
	t.lost = lost
	close(t.ended)
	if !lost && o.term == t {
		o.term = nil
	}
}

// release ends the heartbeat and removes the record where it is still ours.
func (o *ownership) release(ctx context.Context) {
	o.mu.Lock()
	t := o.term
	o.term = nil
	o.mu.Unlock()
	if t == nil {
		return
	}
	o.end(t, false)
	t.stop()
	<-t.done
	if now, err := o.get(ctx); err == nil && now.Token == t.token {
		if err := o.store.Delete(ctx, o.key); err != nil {
			o.log.Warn("The catalog's owner record could not be removed.", "error", err)
		}
	}
}

// check returns nil while the ownership is held.
func (o *ownership) check() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.term == nil:
		return fmt.Errorf("catalog is %w", ErrClosed)
	case o.term.lost:
		return fmt.Errorf("%w: it has taken over", ErrOwned)
	}
	return nil
}

// ended returns a channel that is closed when the ownership ends.
func (o *ownership) ended() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.term == nil {
		c := make(chan struct{})
		close(c)
		return c
	}
	return o.term.ended
}

func (o *ownership) get(ctx context.Context) (ownerRecord, error) {
	obj, err := o.store.Open(ctx, o.key, nil)
	if err != nil {
		return ownerRecord{}, err
	}
	defer obj.Close()
	data, err := io.ReadAll(obj)
	if err != nil {
		return ownerRecord{}, fmt.Errorf("read the catalog's owner: %w", err)
	}
	var r ownerRecord
	if err := json.Unmarshal(data, &r); err != nil {
		return ownerRecord{}, fmt.Errorf("the catalog's owner record %q cannot be read; delete it if no process uses the catalog: %w", o.key, err)
	}
	return r, nil
}

func (o *ownership) put(ctx context.Context, r ownerRecord) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the catalog's owner: %w", err)
	}
	_, err = o.store.Put(ctx, o.key, bytes.NewReader(data), &storage.PutOptions{Size: int64(len(data))})
	return err
}
