package check_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls/check"
	"github.com/vodkit/vodkit/storage"
)

// server serves a presentation as hls.Handler would; wrap changes how.
func server(t *testing.T, objs check.Memory, wrap func(w http.ResponseWriter, r *http.Request, name string) bool) (url string, client *http.Client) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		b, ok := objs[name]
		if wrap != nil && wrap(w, r, name) {
			return
		}
		if !ok {
			http.NotFound(w, r)
			return
		}
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", storage.ContentType(name))
		}
		if strings.HasSuffix(name, ".m3u8") && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write(b)
			_ = z.Close()
			return
		}
		http.ServeContent(w, r, name, serverTime, strings.NewReader(string(b)))
	}))
	t.Cleanup(s.Close)
	client = s.Client()
	t.Cleanup(client.CloseIdleConnections)
	return s.URL + "/" + master, client
}

func TestHTTP(t *testing.T) {
	p := newPresentation(t)
	url, client := server(t, p.objs, nil)
	r, err := check.Run(t.Context(), check.HTTP(&check.HTTPOptions{Client: client}), url, nil)
	require.NoError(t, err)
	require.NoError(t, r.Err())
	assert.Equal(t, authoring, rules(r), "%v", r.Findings)
	assert.Equal(t, strings.TrimSuffix(url, master)+high, r.Tracks[0].URI)
	assert.True(t, r.Tracks[0].Measured)
}

func TestHTTPFaults(t *testing.T) {
	whole := newPresentation(t)
	long := func(p *presentation) { // longer than a packet
		p.insert(high, "#EXTINF", "# "+strings.Repeat("x", 1500))
	}
	for _, c := range []struct {
		name, rule string
		plant      func(p *presentation)
		wrap       func(w http.ResponseWriter, r *http.Request, name string) bool
	}{
		{"redirects", "M8.18", nil, func(w http.ResponseWriter, r *http.Request, name string) bool {
			if strings.HasSuffix(name, ".m4s") && r.URL.RawQuery == "" {
				http.Redirect(w, r, "/"+name+"?again", http.StatusFound)
				return true
			}
			return false
		}},
		{"plain playlists", "M10.1", long, func(_ http.ResponseWriter, r *http.Request, _ string) bool {
			r.Header.Del("Accept-Encoding")
			return false
		}},
		{"types of segments", "S10.4", nil, func(w http.ResponseWriter, _ *http.Request, name string) bool {
			if strings.HasSuffix(name, ".m4s") {
				w.Header().Set("Content-Type", "text/plain")
			}
			return false
		}},
		{"types of playlists", "S10.4", nil, func(w http.ResponseWriter, _ *http.Request, name string) bool {
			if strings.HasSuffix(name, ".m3u8") {
				w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			}
			return false
		}},
		{"not found", "READ", nil, func(w http.ResponseWriter, r *http.Request, name string) bool {
			if strings.HasPrefix(name, "a1/low/3-") {
				http.NotFound(w, r)
				return true
			}
			return false
		}},
		{"forbidden", "READ", nil, func(w http.ResponseWriter, _ *http.Request, name string) bool {
			if strings.HasPrefix(name, "a1/low/3-") {
				w.WriteHeader(http.StatusForbidden)
				return true
			}
			return false
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := whole.clone(t)
			if c.plant != nil {
				c.plant(p)
			}
			url, client := server(t, p.objs, c.wrap)
			r, err := check.Run(t.Context(), check.HTTP(&check.HTTPOptions{Client: client}), url, nil)
			require.NoError(t, err)
			assert.Equal(t, []string{c.rule}, rules(r, authoring...), "%v", r.Findings)
		})
	}
}

// A server that knows no ranges, and one that fails.
func TestHTTPServers(t *testing.T) {
	p := newPresentation(t)
	p.insert(high, "#EXTINF", "#EXT-X-BYTERANGE:13300@85")
	url, client := server(t, p.objs, func(_ http.ResponseWriter, r *http.Request, _ string) bool {
		r.Header.Del("Range")
		return false
	})
	src := check.HTTP(&check.HTTPOptions{Client: client, Header: http.Header{"X-Test": {"1"}}})
	r, err := check.Run(t.Context(), src, url, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"ISO-4.2"}, rules(r, authoring...), "%v", r.Findings) // not a box at 85

	obj, err := src.Open(t.Context(), strings.TrimSuffix(url, master)+p.segments(low)[0], 100, 50)
	require.NoError(t, err)
	b, err := io.ReadAll(obj.Body)
	require.NoError(t, err)
	require.NoError(t, obj.Body.Close())
	assert.Equal(t, p.objs[p.segments(low)[0]][100:150], b)

	url, client = server(t, p.objs, func(w http.ResponseWriter, r *http.Request, name string) bool {
		if r.Header.Get("X-Test") != "1" || strings.HasSuffix(name, ".mp4") {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		}
		return false
	})
	r, err = check.Run(t.Context(), check.HTTP(&check.HTTPOptions{Client: client, Header: http.Header{"X-Test": {"1"}}}), url, nil)
	require.ErrorContains(t, err, "500 Internal Server Error")
	assert.Contains(t, rules(r), "READ")

	_, err = check.Run(t.Context(), check.HTTP(&check.HTTPOptions{Client: client}), "file:///etc/passwd", nil)
	require.ErrorContains(t, err, "not an http or https URL")
}

// Ranges of one object, over everything that can have them.
func TestByteRanges(t *testing.T) {
	p := newPresentation(t)
	var all []byte
	lines := []string{}
	sizes := []int{}
	for _, s := range p.segments(high) {
		all = append(all, p.objs[s]...)
		sizes = append(sizes, len(p.objs[s]))
	}
	n := 0
	for _, l := range p.lines(high) {
		if l[0] != '#' {
			lines = append(lines, "#EXT-X-BYTERANGE:"+itoa(sizes[n])+map[bool]string{true: "@0"}[n == 0], "all.m4s")
			n++
			continue
		}
		lines = append(lines, l)
	}
	p.setLines(high, lines)
	p.objs["a1/high/all.m4s"] = all

	url, client := server(t, p.objs, nil)
	dir := t.TempDir()
	for name, b := range p.objs {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	folder, err := check.Dir(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, folder.Close()) })
	for name, c := range map[string]struct {
		src check.Source
		uri string
	}{
		"memory": {p.objs, master},
		"dir":    {folder, master},
		"http":   {check.HTTP(&check.HTTPOptions{Client: client}), url},
	} {
		r, err := check.Run(t.Context(), c.src, c.uri, nil)
		require.NoError(t, err, name)
		assert.Empty(t, rules(r, authoring...), "%s: %v", name, r.Findings)
		assert.True(t, r.Tracks[0].Measured)
	}

	for _, name := range []string{"", ".", "..", "../x", "a1", "/etc/passwd", "a1/../master.m3u8"} {
		_, err := folder.Open(t.Context(), name, 0, 0)
		require.ErrorIs(t, err, os.ErrNotExist, name)
	}
	_, err = check.Dir(filepath.Join(dir, "nothing"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
