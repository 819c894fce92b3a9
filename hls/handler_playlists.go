package hls

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/vodkit/vodkit/storage"
)

const (
	// maxShelf is what a Handler keeps of playlists at most, in bytes.
	maxShelf = 16 << 20
	// finalFresh is how long a playlist that never changes is taken for what is there: it
	// may be deleted.
	finalFresh = 5 * time.Second
	// loadTimeout ends a load that nobody may be waiting for any more.
	loadTimeout = 30 * time.Second
)

// errLarge says that a playlist is too large to be kept in memory.
var errLarge = errors.New("playlist is larger than HandlerOptions.MaxPlaylist")

// shelf keeps playlists as they are answered: read once, rewritten once, compressed once,
// until they change. What one request loads others wait for. It is for concurrent use.
type shelf struct {
	read  func(ctx context.Context, key string, known *text) (*text, error)
	fresh func(key string) time.Duration // how long what is kept is taken for what is there
	most  int                            // bytes

	mu    sync.Mutex
	texts map[string]*text
	loads map[string]*load
	size  int // bytes of texts
}

// text is a playlist in memory. It does not change, but for checked.
type text struct {
	known
	etag    string    // the Store's, where known has another
	until   time.Time // when its URLs have to be made anew, zero for never
	checked time.Time // when it was what the Store has; shelf.mu guards it
	places  func() []uriPlace
	zipped  func() known
	mutable bool
}

// load is a read that is under way.
type load struct {
	done chan struct{}
	text *text
	err  error
}

// get returns a playlist, and whether it was there without asking the Store.
func (s *shelf) get(ctx context.Context, key string) (t *text, hit bool, err error) {
	s.mu.Lock()
	t = s.texts[key]
	now := time.Now()
	if t != nil && now.Sub(t.checked) < s.fresh(key) && (t.until.IsZero() || now.Before(t.until)) {
		s.mu.Unlock()
		return t, true, nil
	}
	if l := s.loads[key]; l != nil {
		s.mu.Unlock()
		select {
		case <-l.done:
			return l.text, true, l.err
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
	}
	if s.loads == nil {
		s.loads = map[string]*load{}
	}
	l := &load{done: make(chan struct{}), err: errors.New("hls: the load of a playlist was given up")}
	s.loads[key] = l
	s.mu.Unlock()

	defer s.loaded(key, l)
	if t != nil && !t.until.IsZero() && !now.Before(t.until) {
		t = nil
	}
	// Others wait for it, so it goes on when this viewer leaves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
	defer cancel()
	l.text, l.err = s.read(ctx, key, t)
	return l.text, false, l.err
}

// loaded ends a load, and keeps what came.
func (s *shelf) loaded(key string, l *load) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.loads, key)
	if old := s.texts[key]; old != nil && old != l.text {
		s.drop(key)
	}
	if t := l.text; l.err == nil && t != nil {
		t.checked = time.Now()
		if s.texts[key] != t && t.cost() <= s.most/8 {
			s.keep(key, t)
		}
	}
	close(l.done)
}

func (s *shelf) keep(key string, t *text) {
	if s.texts == nil {
		s.texts = map[string]*text{}
	}
	s.texts[key] = t
	s.size += t.cost()
	for k := range s.texts { // whichever comes: all are cheap to read again
		if s.size <= s.most {
			break
		}
		if k != key {
			s.drop(k)
		}
	}
}

func (s *shelf) drop(key string) {
	s.size -= s.texts[key].cost()
	delete(s.texts, key)
}

// cost is how many bytes a text takes: as it is, compressed, and where its URIs are.
func (t *text) cost() int { return 2*len(t.bytes) + 512 }

// newText makes a text of the bytes. Compressed bytes and places are made when they are
// asked for.
func (h *Handler) newText(info storage.Info, body []byte, mutable bool) *text {
	t := &text{known: known{Info: info, bytes: body}, etag: info.ETag, mutable: mutable}
	t.Size = int64(len(body))
	key := info.Key
	t.head = h.head(t.known, mutable)
	t.places = sync.OnceValue(func() []uriPlace { return placesIn(key, string(body)) })
	t.zipped = sync.OnceValue(func() known {
		z := h.zip.known(t.known)
		z.head = append(h.head(z, mutable), field{"Content-Encoding", gzipped})
		return z
	})
	return t
}

// readText reads a playlist, unless the Store still has the version that is known.
func (h *Handler) readText(ctx context.Context, key string, was *text) (*text, error) {
	if was != nil && was.etag != "" {
		info, err := h.store.Stat(ctx, key)
		if err != nil {
			return nil, err
		}
		if info.ETag == was.etag {
			return was, nil
		}
	}
	obj, err := h.store.Open(ctx, key, nil)
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	if obj.Size > h.opts.MaxPlaylist {
		return nil, fmt.Errorf("%w: %d bytes", errLarge, obj.Size)
	}
	var body bytes.Buffer
	body.Grow(int(obj.Size) + bytes.MinRead)
	if _, err := body.ReadFrom(io.LimitReader(obj, obj.Size+1)); err != nil {
		return nil, err
	}
	if int64(body.Len()) != obj.Size {
		return nil, fmt.Errorf("%w: %d bytes of %d", io.ErrUnexpectedEOF, body.Len(), obj.Size)
	}
	return h.withMediaURLs(ctx, key, obj.Info, body.Bytes())
}

// freshness is how long a playlist that was read is taken for what is there.
func (h *Handler) freshness(key string) time.Duration {
	switch {
	case h.opts.Revalidate < 0:
		return 0
	case changes(key):
		return h.opts.Revalidate
	}
	return max(finalFresh, h.opts.Revalidate)
}

func isPlaylist(key string) bool { return len(key) > 5 && strings.EqualFold(key[len(key)-5:], ".m3u8") }

// changes says whether the key is that of a playlist which may be another one later.
func changes(key string) bool { return isPlaylist(key) && !final(key) }
