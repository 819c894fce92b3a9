package hls_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

// Whatever path is asked for, the Store is only asked for clean keys under the prefix.
func FuzzHandlerPath(f *testing.F) {
	for _, s := range []string{"/42/master.m3u8", "/../x", "/%2e%2e/x", "/..%2fx", "//x", "/a/./b", "/.x", "/a\\b", "/a%00b", "/%ff", "x", "", "/42/", "/a/..", "/..."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		s := newMemStore()
		requests := []*http.Request{{Method: http.MethodGet, URL: &url.URL{Path: target}, Header: http.Header{}}}
		if u, err := url.ParseRequestURI(target); err == nil {
			requests = append(requests, &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}})
		}
		for _, r := range requests {
			w := httptest.NewRecorder()
			hls.NewHandler(s, nil).ServeHTTP(w, r)
			require.Equal(t, 404, w.Code)
			http.StripPrefix("/media", hls.NewHandler(s, nil)).ServeHTTP(httptest.NewRecorder(), r)
		}
		for _, op := range s.ops {
			key := strings.TrimPrefix(op, "open ")
			require.NoError(t, storage.CheckKey(key))
			require.True(t, strings.HasPrefix(key, "media/"), key)
			require.Equal(t, path.Clean(key), key)
			require.NotContains(t, key, "/.")
		}
	})
}

// Whatever the headers say, an answer is the whole or the range that it says it is.
func FuzzHandlerHeaders(f *testing.F) {
	f.Add("bytes=1-3", `"x"`, `W/"x"`, "gzip;q=0.5, *")
	f.Add("bytes=-3", "*", `"x", "y"`, "identity")
	f.Add("bytes=9-", "", "Mon, 04 May 2026 03:02:01 GMT", "")
	f.Fuzz(func(t *testing.T, rng, match, cond, accept string) {
		s := mediaStore()
		h := hls.NewHandler(s, nil)
		for target, body := range map[string]string{"/42/a1/v720/0-0f.m4s": segBody, "/42/a1/v720/event.m3u8": listBody} {
			for _, names := range [][]string{{"If-None-Match", "If-Range"}, {"If-Match", "If-Modified-Since"}, {"", ""}} {
				r := httptest.NewRequest(http.MethodGet, target, nil)
				r.Header = http.Header{"Range": {rng}, names[0]: {match}, names[1]: {cond}, "Accept-Encoding": {accept}}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				got := w.Body.String()
				switch w.Code {
				case 200:
					if w.Header().Get("Content-Encoding") == "gzip" {
						got = gunzip(t, w.Body)
					}
					assert.Equal(t, body, got)
				case 206:
					var first, last, size int
					_, err := fmt.Sscanf(w.Header().Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &size)
					require.NoError(t, err)
					assert.Equal(t, len(body), size)
					assert.Equal(t, body[first:last+1], got)
				case 304:
					assert.Empty(t, got)
				case 412, 416:
					assertProblem(t, w, map[int]string{412: "precondition_failed", 416: "range_not_satisfiable"}[w.Code])
				default:
					t.Errorf("%d", w.Code)
				}
			}
		}
	})
}

// Whatever names and languages say, the playlist stays what it is.
func FuzzMultivariantStrings(f *testing.F) {
	f.Add("English", "en", "mp4a.40.2")
	f.Add("\"\n#EXT-X-ENDLIST", "\r", "a\",URI=\"x")
	f.Fuzz(func(t *testing.T, name, language, codecs string) {
		plan := ntsc()
		plan.Tracks[3].Name, plan.Tracks[3].Language = name, language
		s := newMemStore()
		p := newPublisher(t, s, plan, nil)
		m := encode(plan, 1, 0)
		m.inits[3].Codecs = codecs
		for _, u := range m.updates() {
			if err := give(t, s, p, u); err != nil {
				require.ErrorIs(t, err, hls.ErrInvalidUpdate)
				return
			}
		}
		text := s.text(p.Playlist())
		require.Equal(t, 3+1+2*3, strings.Count(text, "\n"), text)
		for line := range strings.Lines(text) {
			require.Zero(t, strings.Count(line, `"`)%2, line)
			require.NotContains(t, line, "\r")
		}
		parseMaster(t, text)
	})
}

// What is taken at one glance is nothing that has to be thought about.
func FuzzOrdinaryNames(f *testing.F) {
	for _, name := range []string{"42/a1/v720/0-0f.m4s", "42/master.m3u8", "../x.m4s", "a//b.mp4", ".x.m4s", "a/.m4s", "a./b.m4s", "a..m4s", "/a.m4s", "a\x00.m4s"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !hls.Ordinary(name) {
			return
		}
		if path.Clean("/"+name) != "/"+name || strings.HasPrefix(name, ".") || strings.Contains(name, "/.") || storage.CheckKey("media/"+name) != nil {
			t.Fatalf("%q is not ordinary", name)
		}
	})
}
