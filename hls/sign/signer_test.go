package sign_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls/sign"
)

var (
	keyA = sign.Key{ID: "a", Secret: []byte("0123456789abcdef0123456789abcdef")}
	keyB = sign.Key{ID: "b", Secret: []byte("fedcba9876543210fedcba9876543210")}

	noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	home = netip.MustParseAddr("192.0.2.7")
)

// at is a clock that stands still.
func at(t time.Time) *sign.Options {
	return &sign.Options{Clock: func() time.Time { return t }}
}

func newSigner(t testing.TB, keys ...sign.Key) *sign.Signer {
	t.Helper()
	s, err := sign.New(keys, at(noon))
	require.NoError(t, err)
	return s
}

func token(t testing.TB, s *sign.Signer, c sign.Claims) string {
	t.Helper()
	text, err := s.Token(c)
	require.NoError(t, err)
	return text
}

// claims are those of a token that lasts an hour.
func claims(path string) sign.Claims { return sign.Claims{Path: path, Expires: noon.Add(time.Hour)} }

// Tokens of version 1 stay what they are: those that are in use must go on to open.
func TestGolden(t *testing.T) {
	s := newSigner(t, keyA)
	for want, c := range golden {
		assert.Equal(t, want, token(t, s, c))
		got, err := s.Verify(want, "42/a1/v720/0-0f.m4s", home)
		require.NoError(t, err)
		assert.Equal(t, c, got)
	}
}

func TestTokensAreShortAndPlain(t *testing.T) {
	s := newSigner(t, keyA)
	assert.Less(t, len(token(t, s, claims("42"))), 65)
	assert.Less(t, len(token(t, s, claims("01jd8x0000e4a7m3v9k2c5r8t1"))), 100, "an id as vodkit makes them")

	longest := sign.Claims{
		Path: strings.Repeat("p", 200) + "/" + strings.Repeat("q", 54), Expires: noon.Add(time.Hour),
		Viewer: strings.Repeat("v", sign.MaxViewer), Address: netip.MustParsePrefix("2001:db8::/64"),
	}
	s = newSigner(t, sign.Key{ID: "0123456789abcdef", Secret: keyA.Secret})
	text := token(t, s, longest)
	assert.Len(t, text, sign.MaxToken)
	assert.Regexp(t, regexp.MustCompile(`^v1\.[0-9a-f]{16}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$`), text)
	got, err := s.Verify(text, longest.Path+"/x", netip.MustParseAddr("2001:db8::1"))
	require.NoError(t, err)
	assert.Equal(t, longest, got)
}

func TestClaimsBecomeNormal(t *testing.T) {
	s := newSigner(t, keyA)
	want := sign.Claims{Path: "42", Expires: noon.Add(time.Hour), Address: netip.MustParsePrefix("192.0.2.0/24")}
	for _, c := range []sign.Claims{
		{Path: "42", Expires: noon.Add(time.Hour), Address: netip.MustParsePrefix("192.0.2.77/24")},
		{Path: "42", Expires: noon.Add(time.Hour + 999*time.Millisecond), Address: netip.MustParsePrefix("::ffff:192.0.2.7/120")},
		{Path: "42", Expires: noon.Add(time.Hour).In(time.FixedZone("east", 7200)), Address: want.Address},
	} {
		assert.Equal(t, token(t, s, want), token(t, s, c), "%v", c)
		got, err := s.Verify(token(t, s, c), "42", netip.MustParseAddr("::ffff:192.0.2.200"))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestInvalidClaims(t *testing.T) {
	s := newSigner(t, keyA)
	for name, change := range map[string]func(*sign.Claims){
		"no path":              func(c *sign.Claims) { c.Path = "" },
		"slash in front":       func(c *sign.Claims) { c.Path = "/42" },
		"slash behind":         func(c *sign.Claims) { c.Path = "42/" },
		"empty element":        func(c *sign.Claims) { c.Path = "42//a1" },
		"up":                   func(c *sign.Claims) { c.Path = "42/../43" },
		"here":                 func(c *sign.Claims) { c.Path = "./42" },
		"hidden":               func(c *sign.Claims) { c.Path = "42/.git" },
		"NUL":                  func(c *sign.Claims) { c.Path = "42\x00" },
		"backslash":            func(c *sign.Claims) { c.Path = `42\a1` },
		"no UTF-8":             func(c *sign.Claims) { c.Path = "42\xff" },
		"long path":            func(c *sign.Claims) { c.Path = strings.Repeat("a/", 128) + "b" },
		"no end":               func(c *sign.Claims) { c.Expires = time.Time{} },
		"an end before 1970":   func(c *sign.Claims) { c.Expires = time.Unix(0, 0) },
		"milliseconds":         func(c *sign.Claims) { c.Expires = time.Unix(noon.UnixMilli(), 0) },
		"long viewer":          func(c *sign.Claims) { c.Viewer = strings.Repeat("v", sign.MaxViewer+1) },
		"viewer of two lines":  func(c *sign.Claims) { c.Viewer = "a\nb" },
		"viewer without UTF-8": func(c *sign.Claims) { c.Viewer = "\xff" },
		"no prefix":            func(c *sign.Claims) { c.Address = netip.PrefixFrom(home, 33) },
		"no prefix of IPv4":    func(c *sign.Claims) { c.Address = netip.MustParsePrefix("::ffff:192.0.2.7/90") },
	} {
		c := claims("42")
		change(&c)
		text, err := s.Token(c)
		assert.ErrorIs(t, err, sign.ErrInvalidClaims, name)
		assert.Empty(t, text, name)
	}
}

func TestExpiry(t *testing.T) {
	end := noon.Add(time.Hour)
	text := token(t, newSigner(t, keyA), claims("42"))
	for now, want := range map[time.Time]error{
		noon.Add(-time.Hour): nil, end.Add(-time.Nanosecond): nil, end: sign.ErrExpired, end.Add(1000 * time.Hour): sign.ErrExpired,
	} {
		s, err := sign.New([]sign.Key{keyA}, at(now))
		require.NoError(t, err)
		_, err = s.Verify(text, "42", home)
		assert.ErrorIs(t, err, want, "%v", now)
	}
	// Without a clock it is time.Now.
	s, err := sign.New([]sign.Key{keyA}, nil)
	require.NoError(t, err)
	_, err = s.Verify(token(t, s, sign.Claims{Path: "42", Expires: time.Now().Add(time.Minute)}), "42", home)
	assert.NoError(t, err)
	_, err = s.Verify(token(t, s, sign.Claims{Path: "42", Expires: time.Now().Add(-time.Minute)}), "42", home)
	assert.ErrorIs(t, err, sign.ErrExpired)
}

func TestAddresses(t *testing.T) {
	s := newSigner(t, keyA)
	c := claims("42")
	for prefix, from := range map[string]map[string]bool{
		"192.0.2.7/32":  {"192.0.2.7": true, "::ffff:192.0.2.7": true, "192.0.2.8": false, "2001:db8::1": false, "": false},
		"192.0.2.0/24":  {"192.0.2.255": true, "192.0.3.0": false},
		"2001:db8::/64": {"2001:db8::1": true, "2001:db8::1%eth0": true, "2001:db8:0:1::": false, "192.0.2.7": false, "": false},
		"0.0.0.0/0":     {"192.0.2.7": true, "2001:db8::1": false},
	} {
		c.Address = netip.MustParsePrefix(prefix)
		text := token(t, s, c)
		for from, ok := range from {
			var addr netip.Addr
			if from != "" {
				addr = netip.MustParseAddr(from)
			}
			_, err := s.Verify(text, "42", addr)
			if ok {
				assert.NoError(t, err, "%s from %s", prefix, from)
			} else {
				assert.ErrorIs(t, err, sign.ErrAddress, "%s from %s", prefix, from)
			}
		}
	}
	_, err := s.Verify(token(t, s, claims("42")), "42", netip.Addr{})
	assert.NoError(t, err, "a token without addresses is good from nowhere, too")
}

func TestErrorsHaveAStatus(t *testing.T) {
	for err, want := range map[error]int{
		sign.ErrNoToken: http.StatusUnauthorized, sign.ErrMalformed: http.StatusUnauthorized, sign.ErrSignature: http.StatusUnauthorized,
		sign.ErrExpired: http.StatusUnauthorized,
		sign.ErrScope:   http.StatusForbidden, sign.ErrViewer: http.StatusForbidden, sign.ErrAddress: http.StatusForbidden,
	} {
		var s interface{ HTTPStatus() int }
		require.ErrorAs(t, fmt.Errorf("wrapped: %w", err), &s)
		assert.Equal(t, want, s.HTTPStatus(), err)
	}
}

func TestConcurrentUse(t *testing.T) {
	s := newSigner(t, keyA, keyB)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			path := fmt.Sprint(i)
			for n := range 200 {
				if i == 0 {
					keys := []sign.Key{keyA, keyB}
					assert.NoError(t, s.SetKeys([]sign.Key{keys[n%2], keys[1-n%2]}))
				}
				text, err := s.Token(claims(path))
				assert.NoError(t, err)
				_, err = s.Verify(text, path+"/x", home)
				assert.NoError(t, err)
				_, err = s.Verify(text, "x", home)
				assert.ErrorIs(t, err, sign.ErrScope)
			}
		})
	}
	wg.Wait()
}

func BenchmarkVerify(b *testing.B) {
	s := newSigner(b, keyA, keyB)
	text := token(b, s, claims("01jd8x0000e4a7m3v9k2c5r8t1"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Verify(text, "01jd8x0000e4a7m3v9k2c5r8t1/a1/v720/0-0f.m4s", home); err != nil {
			b.Fatal(err)
		}
	}
}
