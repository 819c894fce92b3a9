package crowd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/vodkit/vodkit/hls"
)

// Result is what a crowd has seen.
type Result struct {
	Viewers int
	Right   int // viewers who got all that they asked for, byte for byte
	Bytes   int64
	Err     error // of one of the others
}

// Watch sends viewers to the presentation, all at once: each reads the playlists and every
// segment of one rendition and of the sound, one after the other, over a connection of its
// own. base is the URL under which the server has the key's namespace, as in
// http://127.0.0.1:8080.
func (p *Presentation) Watch(ctx context.Context, base string, viewers int) Result {
	transport := &http.Transport{MaxIdleConnsPerHost: viewers, DisableCompression: true}
	defer transport.CloseIdleConnections()
	r := Result{Viewers: viewers}
	var mu sync.Mutex
	var wg sync.WaitGroup
	together := make(chan struct{})
	for v := range viewers {
		wg.Go(func() {
			w := viewer{p: p, client: &http.Client{Transport: transport}, base: base, buf: make([]byte, 32<<10)}
			<-together
			err := w.watch(ctx, v)
			mu.Lock()
			defer mu.Unlock()
			r.Bytes += w.bytes
			if err == nil {
				r.Right++
			} else {
				r.Err = err
			}
		})
	}
	close(together)
	wg.Wait()
	return r
}

type viewer struct {
	p      *Presentation
	client *http.Client
	base   string
	buf    []byte
	bytes  int64
}

func (w *viewer) watch(ctx context.Context, number int) error {
	for _, key := range w.p.program(number) {
		if err := w.get(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// program returns what a viewer reads, in this order.
func (p *Presentation) program(number int) []string {
	keys := []string{p.Master}
	var video, sound []string
	for _, list := range refs(p.Master, p.Objects[p.Master]) {
		switch {
		case strings.Contains(list, "/audio/"):
			sound = append(sound, list)
		case path.Base(list) != "iframe.m3u8":
			video = append(video, list)
		}
	}
	for _, list := range []string{video[number%len(video)], sound[0]} {
		keys = append(keys, list)
		keys = append(keys, refs(list, p.Objects[list])...)
	}
	return keys
}

// get reads an object and compares it while it comes.
func (w *viewer) get(ctx context.Context, key string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+"/"+key, nil)
	if err != nil {
		return err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", key, resp.Status)
	}
	want := w.p.Objects[key]
	for {
		n, err := resp.Body.Read(w.buf)
		w.bytes += int64(n)
		if n > len(want) || !bytes.Equal(want[:n], w.buf[:n]) {
			return fmt.Errorf("%s: other bytes", key)
		}
		want = want[n:]
		if errors.Is(err, io.EOF) {
			if len(want) > 0 {
				err = io.ErrUnexpectedEOF
			} else {
				return nil
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
}

// refs returns the keys that a playlist refers to, each once.
func refs(key string, text []byte) []string {
	var out []string
	seen := map[string]bool{}
	for _, uri := range hls.URIs(text) {
		ref := path.Join(path.Dir(key), uri)
		if !seen[ref] {
			seen[ref] = true
			out = append(out, ref)
		}
	}
	return out
}

// Watched returns how many objects so many viewers read, each counted once.
func (p *Presentation) Watched(viewers int) int {
	all := map[string]bool{}
	for v := range viewers {
		for _, key := range p.program(v) {
			all[key] = true
		}
	}
	return len(all)
}
