package upload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/ids"
	"github.com/vodkit/vodkit/storage"
)

// journalPrefix is where journals are: journal/<asset>/<name of the output>/<id>.json.
// It is not under media/, which a bucket may serve to everybody.
const journalPrefix = "journal/"

// journalVersion is the version of pages that this package writes.
const journalVersion = 1

// maxPage bounds a page of a journal, in bytes. A segment takes about 150.
const maxPage = 16 << 20

// errOtherRecipe says that a journal is of another encoder or other settings.
var errOtherRecipe = errors.New("the journal is of another recipe")

// journal remembers in the Store what an attempt's encoder has emitted, so that another
// run goes on with it. Pages are added and never rewritten: a process that was frozen
// and wakes too late can add some, but takes nothing away.
type journal struct {
	store  storage.Store
	prefix string // with a slash at its end
	recipe string // what all that it names was made by

	writer chan struct{} // held while a page is written; take it before mu
	mu     sync.Mutex
	known  map[string]bool // keys of what is recorded or is about to be
	page   journalPage     // what no page in the Store has yet
}

// journalPage is an object of a journal.
type journalPage struct {
	Version  int           `json:"version"`
	Recipe   string        `json:"recipe"`
	Inits    []hls.Init    `json:"inits,omitempty"`
	Segments []hls.Segment `json:"segments,omitempty"`
}

func (p journalPage) empty() bool { return len(p.Inits) == 0 && len(p.Segments) == 0 }

// newJournal returns the journal of an asset's output.
func newJournal(store storage.Store, asset, output, recipe string) *journal {
	return &journal{store: store, prefix: journalKeys(asset) + path.Base(output) + "/", recipe: recipe,
		writer: make(chan struct{}, 1), known: map[string]bool{}}
}

// journalKeys is what all journals of an asset have in front.
func journalKeys(asset string) string { return journalPrefix + asset + "/" }

// init and segment take what is stored. It is recorded by the next flush.
func (j *journal) init(i hls.Init) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.known[i.Key] {
		j.known[i.Key] = true
		j.page.Inits = append(j.page.Inits, i)
	}
}

func (j *journal) segment(s hls.Segment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.known[s.Key] {
		j.known[s.Key] = true
		j.page.Segments = append(j.page.Segments, s)
	}
}

// flush records what was taken so far: when it returns nil, that is durable.
func (j *journal) flush(ctx context.Context) error {
	select {
	case j.writer <- struct{}{}:
		defer func() { <-j.writer }()
	case <-ctx.Done():
		return fmt.Errorf("record what is encoded: %w", context.Cause(ctx))
	}
	j.mu.Lock()
	page := j.page
	j.page = journalPage{}
	j.mu.Unlock()
	if page.empty() {
		return nil
	}
	page.Version, page.Recipe = journalVersion, j.recipe
	body, err := json.Marshal(page)
	if err == nil {
		_, err = j.store.Put(ctx, j.prefix+ids.New(now())+".json", bytes.NewReader(body), &storage.PutOptions{
			ContentType: "application/json", IfNotExist: true, Size: int64(len(body)),
		})
	}
	if err == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.page.Inits = append(page.Inits, j.page.Inits...)
	j.page.Segments = append(page.Segments, j.page.Segments...)
	return fmt.Errorf("record what is encoded: %w", err)
}

// load returns what earlier runs recorded, the oldest first. Where that is of another
// recipe, or of a newer vodkit, the error matches errOtherRecipe: begin anew.
func (j *journal) load(ctx context.Context) (journalPage, error) {
	var keys []string
	for info, err := range j.store.List(ctx, j.prefix) {
		if err != nil {
			return journalPage{}, fmt.Errorf("read journal: %w", err)
		}
		if strings.HasSuffix(info.Key, ".json") {
			keys = append(keys, info.Key)
		}
	}
	pages := make([]journalPage, len(keys))
	g, reading := errgroup.WithContext(ctx)
	g.SetLimit(readAtOnce)
	for i, key := range keys {
		g.Go(func() (err error) {
			pages[i], err = j.read(reading, key)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return journalPage{}, fmt.Errorf("read journal: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var all journalPage
	for _, p := range pages {
		for _, i := range p.Inits {
			if !j.known[i.Key] {
				j.known[i.Key] = true
				all.Inits = append(all.Inits, i)
			}
		}
		for _, s := range p.Segments {
			if !j.known[s.Key] {
				j.known[s.Key] = true
				all.Segments = append(all.Segments, s)
			}
		}
	}
	return all, nil
}

func (j *journal) read(ctx context.Context, key string) (journalPage, error) {
	obj, err := j.store.Open(ctx, key, nil)
	if err != nil {
		return journalPage{}, err
	}
	defer obj.Close()
	data, err := io.ReadAll(io.LimitReader(obj, maxPage+1))
	if err != nil {
		return journalPage{}, err
	}
	p, err := decodeJournalPage(data)
	if err == nil && p.Recipe != j.recipe {
		err = errOtherRecipe
	}
	return p, err
}

// decodeJournalPage reads a page. What is no page of this version matches
// errOtherRecipe: it is not worth more than the encode that it saves.
func decodeJournalPage(data []byte) (journalPage, error) {
	var p journalPage
	if len(data) > maxPage {
		return p, fmt.Errorf("%w: a page of more than %d bytes", errOtherRecipe, maxPage)
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return p, fmt.Errorf("%w: %w", errOtherRecipe, err)
	}
	if p.Version != journalVersion {
		return p, fmt.Errorf("%w: version %d", errOtherRecipe, p.Version)
	}
	for _, i := range p.Inits {
		if err := storage.CheckKey(i.Key); err != nil || i.Timescale == 0 || i.Size <= 0 {
			return p, fmt.Errorf("%w: init segment %q", errOtherRecipe, i.Key)
		}
	}
	for _, s := range p.Segments {
		if err := storage.CheckKey(s.Key); err != nil || s.Number < 0 || s.Duration <= 0 || s.Size <= 0 {
			return p, fmt.Errorf("%w: segment %q", errOtherRecipe, s.Key)
		}
	}
	return p, nil
}

// doneOf tells an encoder what is there: the runs of segments of each track.
func doneOf(segments []hls.Segment) []encoder.Done {
	numbers := map[string][]int{}
	var tracks []string
	for _, s := range segments {
		if numbers[s.Track] == nil {
			tracks = append(tracks, s.Track)
		}
		numbers[s.Track] = append(numbers[s.Track], s.Number)
	}
	var out []encoder.Done
	for _, t := range tracks {
		ns := slices.Compact(slices.Sorted(slices.Values(numbers[t])))
		for len(ns) > 0 {
			n := 1
			for n < len(ns) && ns[n] == ns[0]+n {
				n++
			}
			out = append(out, encoder.Done{Track: t, Window: encoder.Window{First: ns[0], Segments: n}})
			ns = ns[n:]
		}
	}
	return out
}
