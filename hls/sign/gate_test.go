package sign_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/sign"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

const playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n0-0f.m4s\n#EXT-X-ENDLIST\n"

// newMedia serves two assets to those who have a token.
func newMedia(t *testing.T, gate *sign.Gate, change func(*hls.HandlerOptions)) http.Handler {
	t.Helper()
	bucket := memblob.OpenBucket(nil)
	t.Cleanup(func() { _ = bucket.Close() })
	store := blobstore.New(bucket, nil)
	for _, asset := range []string{"42", "420"} {
		for name, body := range map[string]string{"master.m3u8": "#EXTM3U\n", "a1/v720/index.m3u8": playlist, "a1/v720/0-0f.m4s": "segment"} {
			_, err := store.Put(t.Context(), "media/"+asset+"/"+name, strings.NewReader(body), nil)
			require.NoError(t, err)
		}
	}
	opts := &hls.HandlerOptions{Authorize: gate.Authorize}
	if change != nil {
		change(opts)
	}
	return http.StripPrefix("/media", hls.NewHandler(store, opts))
}

func ask(h http.Handler, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestGateAndHandler(t *testing.T) {
	s := newSigner(t, keyA)
	h := newMedia(t, sign.NewGate(s, nil), nil)
	good := token(t, s, claims("42"))
	late := token(t, s, sign.Claims{Path: "42", Expires: noon.Add(-time.Hour)})
	away := token(t, s, sign.Claims{Path: "42", Expires: noon.Add(time.Hour), Address: netip.MustParsePrefix("198.51.100.0/24")})
	near := token(t, s, sign.Claims{Path: "42", Expires: noon.Add(time.Hour), Address: netip.MustParsePrefix("192.0.2.0/24")}) // httptest's address
	reasons := map[int]string{}
	for name, c := range map[string]struct {
		target string
		header string
		want   int
	}{
		"query":                  {"/media/42/master.m3u8?token=" + good, "", 200},
		"query of a segment":     {"/media/42/a1/v720/0-0f.m4s?token=" + good, "", 200},
		"query with more":        {"/media/42/master.m3u8?_HLS_skip=1&token=" + good + "&x", "", 200},
		"header":                 {"/media/42/master.m3u8", "Authorization: Bearer " + good, 200},
		"header in small":        {"/media/42/master.m3u8", "authorization: bearer " + good, 200},
		"cookie":                 {"/media/42/master.m3u8", "Cookie: other=1; media_token=" + good, 200},
		"from the right address": {"/media/42/master.m3u8?token=" + near, "", 200},
		"bad query, good cookie": {"/media/42/master.m3u8?token=x", "Cookie: media_token=" + good, 200},
		"foreign header, cookie": {"/media/42/master.m3u8", "Cookie: media_token=x; media_token=" + good, 200},
		"everything":             {"/media/420/master.m3u8?token=" + token(t, s, claims(sign.All)), "", 200},
		"one attempt":            {"/media/42/a1/v720/index.m3u8?token=" + token(t, s, claims("42/a1")), "", 200},

		"no token":              {"/media/42/master.m3u8", "", 401},
		"an empty one":          {"/media/42/master.m3u8?token=", "", 401},
		"another parameter":     {"/media/42/master.m3u8?Token=" + good, "", 401},
		"another scheme":        {"/media/42/master.m3u8", "Authorization: Basic " + good, 401},
		"another cookie":        {"/media/42/master.m3u8", "Cookie: token=" + good, 401},
		"changed":               {"/media/42/master.m3u8?token=" + good[:len(good)-2] + "xx", "", 401},
		"cut off":               {"/media/42/master.m3u8?token=" + good[:30], "", 401},
		"late":                  {"/media/42/master.m3u8?token=" + late, "", 401},
		"other asset":           {"/media/420/master.m3u8?token=" + good, "", 403},
		"asset that is nowhere": {"/media/43/master.m3u8?token=" + good, "", 403},
		"wrong attempt":         {"/media/42/master.m3u8?token=" + token(t, s, claims("42/a1")), "", 403},
		"from a wrong address":  {"/media/42/master.m3u8?token=" + away, "", 403},
		"not there":             {"/media/42/nothing.m4s?token=" + good, "", 404},
		"up":                    {"/media/42/../420/master.m3u8?token=" + good, "", 404},
		"up, encoded":           {"/media/42/%2e%2e/420/master.m3u8?token=" + good, "", 404},
		"encoded slash":         {"/media/42%2f..%2f420/master.m3u8?token=" + good, "", 404},
		"NUL":                   {"/media/42/%00?token=" + good, "", 404},
	} {
		t.Run(name, func(t *testing.T) {
			var headers []string
			if c.header != "" {
				headers = append(headers, c.header)
			}
			w := ask(h, c.target, headers...)
			require.Equal(t, c.want, w.Code, w.Body)
			assert.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
			if c.want == 200 {
				assert.Contains(t, w.Header().Get("Cache-Control"), "private", "no shared cache may answer in our place")
				return
			}
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			var body struct {
				Error struct{ Code, Message string }
			}
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
			assert.Equal(t, map[int]string{401: "unauthorized", 403: "forbidden", 404: "not_found"}[c.want], body.Error.Code)
			// Nothing tells one reason from another.
			if reasons[c.want] == "" {
				reasons[c.want] = w.Body.String()
			}
			assert.Equal(t, reasons[c.want], w.Body.String())
		})
	}
}

// A script of another origin can read why it is refused, and may send what opens.
func TestGateCORS(t *testing.T) {
	s := newSigner(t, keyA)
	h := newMedia(t, sign.NewGate(s, nil), func(o *hls.HandlerOptions) {
		o.AllowCredentials = true
		o.AllowOrigin = func(r *http.Request) string { return r.Header.Get("Origin") }
	})
	const origin = "Origin: https://www.example.com"
	for target, code := range map[string]int{
		"/media/42/master.m3u8": 401, "/media/42/master.m3u8?token=" + token(t, s, claims("43")): 403, "/media/42/master.m3u8?token=" + token(t, s, claims("42")): 200,
	} {
		w := ask(h, target, origin)
		assert.Equal(t, code, w.Code)
		assert.Equal(t, "https://www.example.com", w.Header().Get("Access-Control-Allow-Origin"))
		assert.Equal(t, "true", w.Header().Get("Access-Control-Allow-Credentials"))
		assert.Contains(t, w.Header().Values("Vary"), "Origin")
	}
	r := httptest.NewRequest(http.MethodOptions, "/media/42/master.m3u8", nil)
	r.Header.Set("Origin", "https://www.example.com")
	r.Header.Set("Access-Control-Request-Method", "GET")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	assert.Equal(t, 204, w.Code, "a preflight carries no token")
	assert.Contains(t, w.Header().Get("Access-Control-Allow-Headers"), "Authorization")
}

func TestGateErrors(t *testing.T) {
	s := newSigner(t, keyA)
	viewer := ""
	g := sign.NewGate(s, &sign.GateOptions{Viewer: func(*http.Request) string { return viewer }})
	try := func(query, action string) error {
		r := httptest.NewRequest(http.MethodGet, "/42/master.m3u8"+query, nil)
		return g.Authorize(r, action, "42")
	}
	assert.ErrorIs(t, try("", hls.ActionMedia), sign.ErrNoToken)
	assert.ErrorIs(t, try("?token=x", hls.ActionMedia), sign.ErrMalformed)
	good := "?token=" + token(t, s, claims("42"))
	assert.NoError(t, try(good, hls.ActionMedia), "a token without a viewer is anybody's")
	assert.NoError(t, try(good, hls.ActionKey), "who may watch needs keys")
	assert.ErrorIs(t, try("?token="+token(t, s, claims("43")), hls.ActionKey), sign.ErrScope)
	for _, action := range []string{upload.ActionDelete, upload.ActionRead, upload.ActionUpload, upload.ActionList, upload.ActionEvents, ""} {
		assert.ErrorIs(t, try(good, action), sign.ErrScope, "who may watch may not %s", action)
	}
	c := claims("42")
	c.Viewer = "anna"
	annas := "?token=" + token(t, s, c)
	for viewer = range map[string]bool{"": true, "ann": true, "otto": true} {
		assert.ErrorIs(t, try(annas, hls.ActionMedia), sign.ErrViewer)
	}
	viewer = "anna"
	assert.NoError(t, try(annas, hls.ActionMedia))
	assert.ErrorIs(t, try("?token=x&"+annas[1:]+"&token=y", "delete"), sign.ErrScope)
	assert.NoError(t, try("?token=x&"+annas[1:]+"&token=y", hls.ActionMedia), "what stands beside a good token harms nothing")
	assert.ErrorIs(t, try("?token="+strings.Repeat("x&token=", 8)+annas[7:], hls.ActionMedia), sign.ErrMalformed, "no more than eight are looked at")
}

func TestGateOptions(t *testing.T) {
	s := newSigner(t, keyA)
	g := sign.NewGate(s, &sign.GateOptions{
		Param: "t&k", Cookie: "c",
		Path:    hls.PathValue("path"),
		Actions: []string{hls.ActionMedia, upload.ActionRead},
		Address: func(r *http.Request) netip.Addr {
			a, _ := netip.ParseAddr(r.Header.Get("X-Real-IP"))
			return a
		},
	})
	c := claims("42")
	c.Address = netip.MustParsePrefix("203.0.113.9/32")
	text := token(t, s, c)
	mux := http.NewServeMux()
	mux.HandleFunc("/watch/{path...}", func(w http.ResponseWriter, r *http.Request) {
		asset, _, _ := strings.Cut(r.PathValue("path"), "/")
		if g.Authorize(r, hls.ActionMedia, asset) != nil {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		seen, err := g.Claims(r)
		assert.NoError(t, err)
		assert.Equal(t, c, seen)
		_, _ = io.WriteString(w, g.Query(r))
	})
	const real = "X-Real-IP: 203.0.113.9"
	w := ask(mux, "/watch/42/x?"+url.Values{"t&k": {text}}.Encode(), real)
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, "t%26k="+text, w.Body.String())
	w = ask(mux, "/watch/42/x", "Cookie: c="+text, real)
	assert.Equal(t, 200, w.Code)
	assert.Empty(t, w.Body.String())
	assert.Equal(t, 403, ask(mux, "/watch/43/x", "Cookie: c="+text, real).Code)
	assert.Equal(t, 403, ask(mux, "/watch/42/x", "Cookie: c="+text, "X-Real-IP: 203.0.113.10").Code)
	assert.Equal(t, 403, ask(mux, "/watch/42/x", "Cookie: c="+text).Code)

	// Where the action is another one, it is about the asset.
	r := httptest.NewRequest(http.MethodGet, "/assets/42", nil)
	r.Header.Set("Authorization", "Bearer "+text)
	r.Header.Set("X-Real-IP", "203.0.113.9")
	assert.NoError(t, g.Authorize(r, upload.ActionRead, "42"))
	assert.ErrorIs(t, g.Authorize(r, upload.ActionRead, "43"), sign.ErrScope)
	assert.ErrorIs(t, g.Authorize(r, upload.ActionRead, ""), sign.ErrScope)
	assert.ErrorIs(t, g.Authorize(r, upload.ActionDelete, "42"), sign.ErrScope)
}

func TestGateQuery(t *testing.T) {
	s := newSigner(t, keyA)
	g := sign.NewGate(s, nil)
	good := token(t, s, claims("42"))
	for query, want := range map[string]string{
		"token=" + good: "token=" + good,
		"a=b&token=" + good + "&evil=%22%0a%23EXT":    "token=" + good,
		"token=%76" + good[1:]:                        "token=" + good, // spelled another way
		"token=x&token=" + good:                       "token=" + good,
		"":                                            "",
		"token=":                                      "",
		"token=%22%0a%23EXT-X-KEY":                    "",
		"token=" + good + "%0a":                       "",
		"token=" + good + "%22":                       "",
		"token=" + good[:len(good)-1]:                 "",
		"token=" + token(t, s, claims("43")):          "", // not for what is asked for
		"token=" + strings.Replace(good, "A", "B", 1): "",
	} {
		r := httptest.NewRequest(http.MethodGet, "/42/master.m3u8?"+query, nil)
		assert.Equal(t, want, g.Query(r), query)
	}
	for _, header := range []string{"Cookie: media_token=" + good, "Authorization: Bearer " + good} {
		r := httptest.NewRequest(http.MethodGet, "/42/master.m3u8?token=x", nil)
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
		require.NoError(t, g.Authorize(r, hls.ActionMedia, "42"))
		assert.Empty(t, g.Query(r), "players send it again by themselves")
	}
}

// The token of the first request is behind every URI of the playlist, and is the Handler's to
// check again.
func TestPlaylistsCarryTheToken(t *testing.T) {
	s := newSigner(t, keyA)
	g := sign.NewGate(s, nil)
	h := newMedia(t, g, func(o *hls.HandlerOptions) { o.Query = g.Query })
	good := token(t, s, claims("42"))
	const target = "/media/42/a1/v720/index.m3u8"
	w := ask(h, target+"?x=%22&token="+good)
	require.Equal(t, 200, w.Code)
	assert.Contains(t, w.Body.String(), "\n0-0f.m4s?token="+good+"\n")
	assert.Contains(t, w.Header().Get("Cache-Control"), "private")
	assert.Equal(t, 200, ask(h, "/media/42/a1/v720/0-0f.m4s?token="+good).Code)
	// Where it is in a cookie, the playlist is the same for everybody.
	w = ask(h, target+"?token=x%0a%23EXT", "Cookie: media_token="+good)
	require.Equal(t, 200, w.Code)
	assert.Equal(t, playlist, w.Body.String())
}
