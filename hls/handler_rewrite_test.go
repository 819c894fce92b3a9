package hls_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage/blobstore"
	"gocloud.dev/blob/memblob"
)

const masterText = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="x,URI=",LANGUAGE="en",URI="a1/en/index.m3u8"
#EXT-X-SESSION-KEY:METHOD=AES-128,URI="keys/1"
#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="audio"
a1/v720/index.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="a1/v720/iframe.m3u8"
`

const mediaText = `#EXTM3U
#EXT-X-TARGETDURATION:6
# URI="a comment"
#EXT-X-MAP:URI="init-0f.mp4"
#EXT-X-KEY:METHOD=AES-128,URI="../../keys/1",IV=0x01
#EXTINF:6.006,a title, with URI="x"
0-0f.m4s
#EXTINF:6.006,
https://elsewhere.example/1.m4s
#EXTINF:6.006,
  a%20b/2-0f.m4s
#EXT-X-ENDLIST`

const boardText = "WEBVTT\n\n00:00.000 --> 00:10.000\nsheet-0-0f.jpg#xywh=0,0,160,90\n"

func textStore() *memStore {
	s := newMemStore()
	s.put("media/42/master.m3u8", masterText)
	s.put("media/42/a1/v720/index.m3u8", mediaText)
	s.put("media/42/a1/stills/storyboard-0f.vtt", boardText)
	s.put("media/42/a1/en/0-0f.vtt", boardText)
	return s
}

// A query goes behind every URI that leads to this service, and nothing else is touched.
func TestHandlerCarriesQuery(t *testing.T) {
	h := hls.NewHandler(textStore(), &hls.HandlerOptions{Query: func(r *http.Request) string {
		return r.URL.RawQuery
	}})
	const q = "?token=v1.abc-_.x&y=1"
	for target, want := range map[string]string{
		"/42/master.m3u8": strings.NewReplacer("en/index.m3u8", "en/index.m3u8"+q, "v720/index.m3u8", "v720/index.m3u8"+q,
			"iframe.m3u8", "iframe.m3u8"+q, "keys/1", "keys/1"+q).Replace(masterText),
		"/42/a1/v720/index.m3u8": strings.NewReplacer("init-0f.mp4", "init-0f.mp4"+q, "keys/1", "keys/1"+q, "0-0f.m4s", "0-0f.m4s"+q,
			"2-0f.m4s", "2-0f.m4s"+q).Replace(mediaText),
		"/42/a1/stills/storyboard-0f.vtt": strings.ReplaceAll(boardText, "#xywh", q+"#xywh"),
		"/42/a1/en/0-0f.vtt":              boardText,
	} {
		w := ask(h, "GET", target+q)
		assert.Equal(t, want, w.Body.String(), target)
		assert.Equal(t, fmt.Sprint(len(want)), w.Header().Get("Content-Length"))
		z := ask(h, "GET", target+q, "Accept-Encoding: gzip")
		if z.Header().Get("Content-Encoding") == "gzip" {
			assert.Equal(t, want, gunzip(t, z.Body))
		}
		plain := ask(h, "GET", target)
		if want != boardText {
			assert.NotEqual(t, plain.Header().Get("ETag"), w.Header().Get("ETag"), "another text is another entity")
			assert.Equal(t, 200, ask(h, "GET", target+"?other", "If-None-Match: "+w.Header().Get("ETag")).Code)
		}
		assert.Equal(t, 304, ask(h, "GET", target+q, "If-None-Match: "+w.Header().Get("ETag")).Code)
	}
}

// What would break a playlist is not put into one.
func TestHandlerRefusesQuery(t *testing.T) {
	for _, query := range []string{"a\nb", `a"b`, "a b", "a#b", "a\x00", "ä", "a\\b", "<"} {
		h := hls.NewHandler(textStore(), &hls.HandlerOptions{Query: func(*http.Request) string { return query }})
		w := ask(h, "GET", "/42/master.m3u8")
		assert.Equal(t, 500, w.Code, "%q", query)
		assert.NotContains(t, w.Body.String(), query)
	}
}

// Media come from where MediaURL says; playlists and keys stay here, with the query.
func TestHandlerMediaURL(t *testing.T) {
	base, err := hls.BaseURL("https://cdn.example.com/v%20d/")
	require.NoError(t, err)
	h := hls.NewHandler(textStore(), &hls.HandlerOptions{MediaURL: base, Query: func(*http.Request) string { return "t=1" }})
	w := ask(h, "GET", "/42/a1/v720/index.m3u8")
	const cdn = "https://cdn.example.com/v%20d/media/42/a1/v720/"
	assert.Equal(t, strings.NewReplacer("init-0f.mp4", cdn+"init-0f.mp4", "0-0f.m4s", cdn+"0-0f.m4s", "keys/1", "keys/1?t=1",
		"  a%20b/2-0f.m4s", "  "+cdn+"a%20b/2-0f.m4s").Replace(mediaText), w.Body.String())
	assert.Contains(t, ask(h, "GET", "/42/master.m3u8").Body.String(), "\na1/v720/index.m3u8?t=1\n")
	assert.Contains(t, ask(h, "GET", "/42/a1/stills/storyboard-0f.vtt").Body.String(),
		"\nhttps://cdn.example.com/v%20d/media/42/a1/stills/sheet-0-0f.jpg#xywh=0,0,160,90\n")

	for _, bad := range []string{"", "cdn.example.com", "/x", "ftp://x/y", "https://x/y?z=1", "https://u:p@x/y", "https://x/#y", "https:///x", "\n"} {
		_, err := hls.BaseURL(bad)
		assert.Error(t, err, bad)
	}
}

// URLs are made for the whole video and more, kept for an hour, and then made anew.
func TestHandlerMediaURLsLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, asked := 0, time.Duration(0)
		h := hls.NewHandler(textStore(), &hls.HandlerOptions{MediaURL: func(_ context.Context, key string, lifetime time.Duration) (string, error) {
			calls, asked = calls+1, lifetime
			return fmt.Sprintf("https://bucket.example/%s?signed=%d", key, calls), nil
		}})
		first := ask(h, "GET", "/42/a1/v720/index.m3u8").Body.String()
		assert.Contains(t, first, `"https://bucket.example/media/42/a1/v720/init-0f.mp4?signed=1"`)
		assert.Equal(t, 3, calls)
		assert.Equal(t, 2*time.Hour+6*6006*time.Millisecond, asked)
		time.Sleep(59 * time.Minute)
		assert.Equal(t, first, ask(h, "GET", "/42/a1/v720/index.m3u8").Body.String())
		assert.Equal(t, 3, calls)
		time.Sleep(time.Minute)
		assert.NotEqual(t, first, ask(h, "GET", "/42/a1/v720/index.m3u8").Body.String())
		assert.Equal(t, 6, calls)
	})
}

func TestHandlerMediaURLFails(t *testing.T) {
	for name, f := range map[string]func() (string, error){
		"an error": func() (string, error) { return "", errors.New("secret reason") },
		"no URL":   func() (string, error) { return "https://x/\"\n#EXT", nil },
	} {
		h := hls.NewHandler(textStore(), &hls.HandlerOptions{MediaURL: func(context.Context, string, time.Duration) (string, error) { return f() }})
		w := ask(h, "GET", "/42/a1/v720/index.m3u8")
		assert.Equal(t, 503, w.Code, name)
		assert.NotContains(t, w.Body.String(), "secret")
	}
	small := hls.NewHandler(textStore(), &hls.HandlerOptions{MaxPlaylist: 10, Query: func(*http.Request) string { return "t=1" }})
	assert.Equal(t, 503, ask(small, "GET", "/42/master.m3u8").Code, "it would lose the token")
}

func TestPresignedURLs(t *testing.T) {
	store := blobstore.New(memblob.OpenBucket(nil), nil)
	defer store.Close()
	_, err := hls.PresignedURLs(store)
	assert.ErrorIs(t, err, errors.ErrUnsupported)
}
