package upload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/vodkit/vodkit/internal/ids"
	"github.com/vodkit/vodkit/storage"
)

// ownerRecord is the object in the Store that says who owns a catalog.
type ownerRecord struct {
	Version  int       `json:"version"`
	Token    string    `json:"token"`
	Host     string    `json:"host"`
	PID      int       `json:"pid"`
	Machine  string    `json:"machine,omitempty"` // see thisMachine
	Process  string    `json:"process,omitempty"` // see processStart
	Since    time.Time `json:"since"`
	Beat     int64     `json:"beat"`
	Interval float64   `json:"interval"`           // seconds between beats
	Released bool      `json:"released,omitempty"` // the owner has given it up
	Settled  bool      `json:"settled,omitempty"`  // see ownership.settle
	Standing int64     `json:"standing,omitempty"` // see ownership.standing

	term int64 // from the key; 0 stands for no record
}

func newOwnerRecord(term int64, every time.Duration) ownerRecord {
	host, _ := os.Hostname()
	return ownerRecord{Version: 1, Token: ids.New(time.Now()), Host: host, PID: os.Getpid(),
		Machine: thisMachine(), Process: processStart(os.Getpid()),
		Since: time.Now().UTC(), Interval: every.Seconds(), term: term}
}

// dead says that the owner surely has died: it was a process of this machine, since
// its last boot, that is no longer there.
func (r ownerRecord) dead() bool {
	return r.Machine != "" && r.Process != "" && r.Machine == thisMachine() && r.Process != processStart(r.PID)
}

// over says that the owner surely writes nothing any more.
func (r ownerRecord) over() bool { return r.vacant() || r.dead() }

// vacant says that nobody owns the catalog.
func (r ownerRecord) vacant() bool { return r.term == 0 || r.Released }

func (r ownerRecord) is(o ownerRecord) bool { return r.term == o.term && r.Token == o.Token }

func (r ownerRecord) refusal() error {
	return fmt.Errorf("%w: process %d on host %q has owned it since %s and lives; stop it first, or give each process a storage.Prefix of its own: run one process for each Store",
		ErrOwned, r.PID, r.Host, r.Since.Format(time.RFC3339))
}

func (o *ownership) key(term int64) string { return fmt.Sprintf("%s%010d.json", o.prefix, term) }

// terms returns the numbers of the terms that have a record, ascending.
func (o *ownership) terms(ctx context.Context) ([]int64, error) {
	var terms []int64
	for info, err := range o.store.List(ctx, o.prefix) {
		if err != nil {
			return nil, err
		}
		name, ok := strings.CutSuffix(strings.TrimPrefix(info.Key, o.prefix), ".json")
		if n, err := strconv.ParseInt(name, 10, 64); ok && err == nil && n > 0 && info.Key == o.key(n) {
			terms = append(terms, n)
		}
	}
	return terms, nil
}

// last returns the record of the last term, or one without term where there is none.
func (o *ownership) last(ctx context.Context) (ownerRecord, error) {
	for try := 0; ; try++ {
		terms, err := o.terms(ctx)
		if err != nil || len(terms) == 0 {
			return ownerRecord{}, err
		}
		r, err := o.get(ctx, terms[len(terms)-1])
		if !errors.Is(err, storage.ErrNotExist) || try == 10 {
			return r, err
		} // it was removed between the two: look again
	}
}

func (o *ownership) get(ctx context.Context, term int64) (ownerRecord, error) {
	obj, err := o.store.Open(ctx, o.key(term), nil)
	if err != nil {
		return ownerRecord{}, err
	}
	defer obj.Close()
	data, err := io.ReadAll(obj)
	if err != nil {
		return ownerRecord{}, fmt.Errorf("read the catalog's owner: %w", err)
	}
	r := ownerRecord{term: term}
	if err := json.Unmarshal(data, &r); err != nil {
		return ownerRecord{}, fmt.Errorf("the catalog's owner record %q cannot be read; delete it if no process uses the catalog: %w", o.key(term), err)
	}
	return r, nil
}

// put writes r, for fresh only where its term has no record yet.
func (o *ownership) put(ctx context.Context, r ownerRecord, fresh bool) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the catalog's owner: %w", err)
	}
	_, err = o.store.Put(ctx, o.key(r.term), bytes.NewReader(data), &storage.PutOptions{Size: int64(len(data)), IfNotExist: fresh})
	return err
}
