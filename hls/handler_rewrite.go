package hls

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/vodkit/vodkit/storage"
)

// keepURLs is how long a playlist with URLs of HandlerOptions.MediaURL is answered before
// they are asked for again.
const keepURLs = time.Hour

// rewritten says whether objects with the key are answered with other URIs than they
// have in the Store.
func (h *Handler) rewritten(key string) bool {
	return (h.opts.Query != nil || h.opts.MediaURL != nil) && isStoryboard(key)
}

// isStoryboard says whether the key is that of a WebVTT file that names pictures: see
// package hls/stills.
func isStoryboard(key string) bool {
	return strings.HasPrefix(path.Base(key), "storyboard") && path.Ext(key) == ".vtt"
}

// placesIn returns where a playlist or storyboard has URIs.
func placesIn(key, text string) []uriPlace {
	if !isStoryboard(key) {
		return uriPlaces(text)
	}
	var out []uriPlace
	at := 0
	for line := range strings.Lines(text) {
		if n := strings.Index(line, "#xywh="); n > 0 {
			out = append(out, uriPlace{start: at, end: at + n})
		}
		at += len(line)
	}
	return out
}

// withMediaURLs makes what is kept of a playlist: with HandlerOptions.MediaURL's URLs.
func (h *Handler) withMediaURLs(ctx context.Context, key string, info storage.Info, body []byte) (*text, error) {
	info.Key = key
	if h.opts.MediaURL == nil {
		return h.newText(info, body, changes(key)), nil
	}
	until := time.Now().Add(keepURLs)
	// Who begins at the end of that watches to the end, with as much time again for pauses.
	lifetime := keepURLs + time.Hour + 2*playingTime(string(body))
	changed, err := replaceURIs(string(body), placesIn(key, string(body)), func(p uriPlace, uri string) (string, error) {
		target, ok := mediaKey(key, p, uri)
		if !ok {
			return uri, nil
		}
		out, err := h.opts.MediaURL(ctx, target, lifetime)
		if err == nil && strings.ContainsAny(out, "\"\r\n") {
			err = fmt.Errorf("%q is no URL", out)
		}
		if err != nil {
			return "", fmt.Errorf("URL of %s: %w", target, err)
		}
		if out == "" {
			return uri, nil
		}
		return out, nil
	})
	if err != nil {
		return nil, err
	}
	etag := info.ETag
	info.ETag = variant(etag, changed)
	t := h.newText(info, []byte(changed), true)
	t.etag, t.until = etag, until
	return t, nil
}

// mediaKey returns the key of the object that a playlist's URI stands for. It is false for
// playlists and keys, which are the service's to answer, and for what is elsewhere.
func mediaKey(playlist string, p uriPlace, uri string) (string, bool) {
	if p.ofKey() || !isRelative(uri) {
		return "", false
	}
	name, err := url.PathUnescape(uri)
	if err != nil || isPlaylist(name) {
		return "", false
	}
	return path.Join(path.Dir(playlist), name), true
}

// isRelative says whether a URI is relative to the playlist: it has no scheme, no
// authority, no path from the root, and neither query nor fragment.
func isRelative(uri string) bool {
	if uri == "" || uri[0] == '/' || strings.ContainsAny(uri, "?#") {
		return false
	}
	first, _, _ := strings.Cut(uri, "/")
	return !strings.Contains(first, ":")
}

// withQuery returns the text with the query behind each relative URI.
func (t *text) withQuery(query string) known {
	body, _ := replaceURIs(string(t.bytes), t.places(), func(_ uriPlace, uri string) (string, error) {
		if isRelative(uri) {
			uri += "?" + query
		}
		return uri, nil
	})
	k := known{Info: t.Info, bytes: []byte(body)} // nothing is prepared: it is one viewer's
	k.Size, k.ETag = int64(len(k.bytes)), variant(t.ETag, query)
	return k
}

// variant returns the ETag of what is made of an object and a text, "" where the object has
// none.
func variant(etag, text string) string {
	if etag == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return etag + "-" + hex.EncodeToString(sum[:8])
}

// replaceURIs returns the text with what replace makes of each URI.
func replaceURIs(text string, places []uriPlace, replace func(p uriPlace, uri string) (string, error)) (string, error) {
	var b strings.Builder
	at := 0
	for _, p := range places {
		uri, err := replace(p, text[p.start:p.end])
		if err != nil {
			return "", err
		}
		b.WriteString(text[at:p.start])
		b.WriteString(uri)
		at = p.end
	}
	b.WriteString(text[at:])
	return b.String(), nil
}

// playingTime returns the sum of EXTINF (RFC 8216 section 4.3.2.1).
func playingTime(text string) time.Duration {
	var sum time.Duration
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "#EXTINF:"); ok {
			seconds, _, _ := strings.Cut(rest, ",")
			if s, err := strconv.ParseFloat(strings.TrimSpace(seconds), 64); err == nil && s > 0 && s < 1e6 {
				sum += time.Duration(s * float64(time.Second))
			}
		}
	}
	return sum
}

// validQuery says whether a query may stand in a playlist: what it has beyond the
// characters of RFC 3986 section 3.4 might end the line or the attribute.
func validQuery(query string) bool {
	for i := range len(query) {
		switch c := query[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("-._~!$&'()*+,;=:@/?%", c) >= 0:
		default:
			return false
		}
	}
	return true
}
