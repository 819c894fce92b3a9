package sign_test

import (
	"crypto/tls"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls/sign"
)

func TestGateURL(t *testing.T) {
	s := newSigner(t, keyA)
	g := sign.NewGate(s, nil)
	pair := "token=" + token(t, s, claims("42"))
	for address, want := range map[string]string{
		"/media/42/master.m3u8":        "/media/42/master.m3u8?" + pair,
		"https://m.example/x?a=b":      "https://m.example/x?a=b&" + pair,
		"/media/42/master.m3u8?a=b#t1": "/media/42/master.m3u8?a=b&" + pair + "#t1",
		"/x#a?b":                       "/x?" + pair + "#a?b",
	} {
		got, err := g.URL(address, claims("42"))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := g.URL("/x", sign.Claims{})
	assert.ErrorIs(t, err, sign.ErrInvalidClaims)
}

func TestMediaURL(t *testing.T) {
	now := noon.Add(17 * time.Minute)
	s, err := sign.New([]sign.Key{keyA}, &sign.Options{Clock: func() time.Time { return now }})
	require.NoError(t, err)
	g := sign.NewGate(s, nil)
	verify := func(signed, path string) sign.Claims {
		u, err := url.Parse(signed)
		require.NoError(t, err)
		c, err := s.Verify(u.Query().Get("token"), path, home)
		require.NoError(t, err, signed)
		return c
	}
	viewer := "anna"
	f := g.MediaURL(nil)
	first := f(nil, "media/42/master.m3u8")
	assert.True(t, strings.HasPrefix(first, "/media/42/master.m3u8?token=v1.a."), first)
	c := verify(first, "42/a1/v720/0-0f.m4s")
	assert.GreaterOrEqual(t, c.Expires.Sub(now), 12*time.Hour)
	assert.LessOrEqual(t, c.Expires.Sub(now), 12*time.Hour+90*time.Minute)
	now = now.Add(20 * time.Minute)
	assert.Equal(t, first, f(nil, "media/42/master.m3u8"), "who asks again is told the same")
	now = now.Add(90 * time.Minute)
	assert.NotEqual(t, first, f(nil, "media/42/master.m3u8"))

	f = g.MediaURL(&sign.LinkOptions{
		Base: "https://media.example.com/v", Prefix: "/films/", Lifetime: time.Minute,
		Viewer: func(*http.Request) string { return viewer },
	})
	signed := f(nil, "films/ä b/a1/stills/poster-1-0f.jpg")
	assert.True(t, strings.HasPrefix(signed, "https://media.example.com/v/%C3%A4%20b/a1/stills/poster-1-0f.jpg?token="), signed)
	c = verify(signed, "ä b/master.m3u8")
	assert.Equal(t, "anna", c.Viewer)
	assert.GreaterOrEqual(t, c.Expires.Sub(now), time.Minute)
	assert.LessOrEqual(t, c.Expires.Sub(now), time.Minute+8*time.Second)
	viewer = strings.Repeat("x", 200)
	assert.Equal(t, "https://media.example.com/v/42/master.m3u8", f(nil, "films/42/master.m3u8"), "without a token it opens nothing")
}

func TestCookie(t *testing.T) {
	s := newSigner(t, keyA)
	g := sign.NewGate(s, nil)
	text := token(t, s, claims("42"))
	c, err := g.Cookie(claims("42"), nil)
	require.NoError(t, err)
	assert.Equal(t, "media_token="+text+"; Path=/media/42; Expires=Sun, 22 Nov 2026 13:00:00 GMT; Max-Age=3600; HttpOnly; Secure; SameSite=Lax", c.String())
	c, err = g.Cookie(claims(sign.All), &sign.CookieOptions{
		Mount: "/", Domain: "example.com", SameSite: http.SameSiteNoneMode, Partitioned: true,
	})
	require.NoError(t, err)
	assert.Equal(t, "media_token="+token(t, s, claims(sign.All))+"; Path=/; Domain=example.com; Expires=Sun, 22 Nov 2026 13:00:00 GMT; Max-Age=3600; HttpOnly; Secure; SameSite=None; Partitioned", c.String())
	c, err = g.Cookie(claims("42/a;1"), &sign.CookieOptions{Mount: "v/w/", SameSite: http.SameSiteStrictMode, Insecure: true})
	require.NoError(t, err)
	assert.Equal(t, "/v/w/42/a%3B1", c.Path)
	assert.False(t, c.Secure)

	late := sign.Claims{Path: "42", Expires: noon}
	c, err = g.Cookie(late, nil)
	require.NoError(t, err)
	assert.Equal(t, -1, c.MaxAge, "a cookie that is over is removed")

	_, err = g.Cookie(sign.Claims{Path: "42"}, nil)
	assert.ErrorIs(t, err, sign.ErrInvalidClaims)
	_, err = g.Cookie(claims("42"), &sign.CookieOptions{Domain: "a b"})
	assert.ErrorContains(t, err, "invalid Cookie.Domain")
	_, err = sign.NewGate(s, &sign.GateOptions{Cookie: "a b"}).Cookie(claims("42"), nil)
	assert.Error(t, err)
}

// A browser sends the cookie for the asset and for nothing else.
func TestCookieInAJar(t *testing.T) {
	s, err := sign.New([]sign.Key{keyA}, nil)
	require.NoError(t, err)
	g := sign.NewGate(s, nil)
	media := newMedia(t, g, nil)
	mux := http.NewServeMux()
	mux.Handle("/media/", media)
	mux.HandleFunc("/watch/{id}", func(w http.ResponseWriter, r *http.Request) {
		c, err := g.Cookie(sign.Claims{Path: r.PathValue("id"), Expires: time.Now().Add(time.Hour)}, nil)
		assert.NoError(t, err)
		http.SetCookie(w, c)
	})
	srv := httptest.NewTLSServer(mux)
	defer srv.Close()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Jar: jar, Transport: transport}
	get := func(target string) int {
		resp, err := client.Get(srv.URL + target)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	assert.Equal(t, 401, get("/media/42/master.m3u8"))
	assert.Equal(t, 200, get("/watch/42"))
	assert.Equal(t, 200, get("/media/42/master.m3u8"))
	assert.Equal(t, 200, get("/media/42/a1/v720/0-0f.m4s"))
	assert.Equal(t, 401, get("/media/420/master.m3u8"), "the cookie is not even sent there")
}
