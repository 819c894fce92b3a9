package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
)

// load reads the playlists, then what they name. An error is of the playlist that was
// asked for, or of the context.
func (p *presentation) load(ctx context.Context) error {
	pl, vars, err := p.playlist(ctx, p.uri, nil)
	if err != nil {
		return err
	}
	if pl.multivariant() {
		p.master = pl
		p.collect()
	} else {
		p.add(p.uri, "", 0, nil).playlist = pl
	}
	if len(p.tracks) > p.opts.MaxPlaylists {
		for _, t := range p.tracks[p.opts.MaxPlaylists:] {
			delete(p.byURI, t.uri)
		}
		p.tracks = p.tracks[:p.opts.MaxPlaylists]
		p.tooMany = true
	}
	p.each(ctx, len(p.tracks), func(i int) {
		t := p.tracks[i]
		if t.playlist != nil {
			return
		}
		pl, _, err := p.playlist(ctx, t.uri, vars)
		if err != nil {
			p.miss(p.master.at(t.line), err)
			return
		}
		if t.nested = pl.multivariant(); !t.nested {
			t.playlist = pl
		}
	})
	p.loadInits(ctx)
	p.loadSegments(ctx)
	p.sortMissing()
	return ctx.Err()
}

// sortMissing puts what readers found in any order into that of the playlists.
func (p *presentation) sortMissing() {
	order := map[string]int{}
	for i, t := range p.tracks {
		order[t.uri] = i + 1
	}
	slices.SortStableFunc(p.missing, func(a, b missing) int {
		return cmp.Or(cmp.Compare(order[a.where.Playlist], order[b.where.Playlist]), cmp.Compare(a.where.Line, b.where.Line))
	})
}

// each calls f for 0 to n-1, some at a time, and waits for all. It stops early when ctx
// ends.
func (p *presentation) each(ctx context.Context, n int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, p.opts.Parallel) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
}

// miss records an object that could not be read.
func (p *presentation) miss(w Where, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.missing = append(p.missing, missing{w, err})
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, ErrPlaylist) && p.failed == nil {
		p.failed = err
	}
}

// playlist reads and parses one playlist.
func (p *presentation) playlist(ctx context.Context, uri string, vars map[string]string) (*playlist, map[string]string, error) {
	obj, err := p.src.Open(ctx, uri, 0, 0)
	if err != nil {
		return nil, nil, err
	}
	defer obj.Body.Close()
	b, err := io.ReadAll(io.LimitReader(obj.Body, p.opts.MaxPlaylist+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read %q: %w", uri, err)
	}
	if int64(len(b)) > p.opts.MaxPlaylist {
		return nil, nil, fmt.Errorf("%w: %q has more than %d bytes", ErrPlaylist, uri, p.opts.MaxPlaylist)
	}
	base := uri
	if d := obj.Delivered; d != nil && d.URL != "" {
		base = d.URL // a redirect moves what the URIs are relative to
	}
	p.mu.Lock() // the budget of segments is shared
	defer p.mu.Unlock()
	pl, vars := parsePlaylist(base, b, vars, &p.left)
	pl.uri, pl.size, pl.contentType, pl.delivered = uri, int64(len(b)), obj.ContentType, obj.Delivered
	return pl, vars, nil
}

const maxInit = 4 << 20

// loadInits reads the initialization segments.
func (p *presentation) loadInits(ctx context.Context) {
	type job struct {
		ref *initRef
		t   *track
	}
	var jobs []job
	seen := map[initKey]bool{}
	for _, t := range p.media() {
		for _, s := range t.segments {
			if s.init != nil && s.init.uri != "" && !seen[s.init.ident()] {
				seen[s.init.ident()] = true
				jobs = append(jobs, job{s.init, t})
			}
		}
	}
	inits := make([]*initSegment, len(jobs))
	p.each(ctx, len(jobs), func(i int) {
		ref, t := jobs[i].ref, jobs[i].t
		where := Where{Playlist: t.uri, Line: ref.line, Segment: ref.uri, Offset: -1}
		if k := ref.key; k != nil && (k.method != "AES-128" || p.opts.Key == nil) && k.method != "SAMPLE-AES" && k.method != "SAMPLE-AES-CTR" {
			return
		}
		b, err := p.readInit(ctx, ref)
		if errors.Is(err, errPadding) {
			inits[i] = &initSegment{uri: ref.uri, fault: &byteFault{"RFC-4.3.2.5", 0, "EXT-X-KEY comes before EXT-X-MAP, so that the initialization segment " +
				"should be encrypted, but it cannot be decrypted with that key: " + err.Error() + ". Put EXT-X-MAP before the first EXT-X-KEY where it is clear."}}
			return
		}
		if err != nil {
			p.miss(where, err)
			return
		}
		inits[i] = parseInit(b)
		inits[i].uri = ref.uri
	})
	for i, j := range jobs {
		if inits[i] != nil {
			p.inits[j.ref.ident()] = inits[i]
		}
	}
}

func (p *presentation) readInit(ctx context.Context, ref *initRef) ([]byte, error) {
	obj, err := p.src.Open(ctx, ref.uri, ref.offset, ref.length)
	if err != nil {
		return nil, err
	}
	defer obj.Body.Close()
	r := io.Reader(obj.Body)
	if ref.length > 0 {
		r = io.LimitReader(r, ref.length)
	}
	if ref.key != nil && ref.key.method == "AES-128" {
		if r, err = p.decrypt(ctx, r, ref.key, 0); err != nil {
			return nil, err
		}
	}
	b, err := io.ReadAll(io.LimitReader(r, maxInit))
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", ref.uri, err)
	}
	return b, nil
}
