package sign_test

import (
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls/sign"
)

// What opens something is what Token makes of the claims that it says, letter by letter.
func FuzzVerify(f *testing.F) {
	s := newSigner(f, keyA, keyB)
	c := claims("42")
	f.Add(token(f, s, c), "42")
	c.Viewer, c.Address = "anna", netip.MustParsePrefix("192.0.2.0/24")
	f.Add(token(f, s, c), "42/master.m3u8")
	f.Add(token(f, s, claims(sign.All)), "x")
	f.Add(keyA.Forge([]byte("\x00\x7f\x00\x00\x00\x0242\x00")), "42")
	f.Add("v1.a.AAAA.", "42")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, text, path string) {
		got, err := s.Verify(text, path, home)
		if err != nil {
			var status interface{ HTTPStatus() int }
			require.ErrorAs(t, err, &status)
			require.Zero(t, got)
			return
		}
		require.Equal(t, text, token(t, s, got))
		require.True(t, sign.Covers(got.Path, path))
		require.True(t, got.Expires.After(noon))
	})
}

// A token that is changed in any place opens nothing.
func FuzzChanged(f *testing.F) {
	f.Add("42", "anna", int64(3600), "192.0.2.7/32", uint(0), byte('x'), byte(0))
	f.Add("42/a1", "", int64(1), "", uint(59), byte('B'), byte(1))
	f.Add("/", "ü", int64(1<<40), "::1/128", uint(7), byte('.'), byte(2))
	s := newSigner(f, keyA)
	f.Fuzz(func(t *testing.T, path, viewer string, seconds int64, address string, at uint, char, how byte) {
		c := sign.Claims{Path: path, Viewer: viewer, Expires: time.Unix(seconds, 0)}
		c.Address, _ = netip.ParsePrefix(address)
		text, err := s.Token(c)
		if err != nil {
			require.ErrorIs(t, err, sign.ErrInvalidClaims)
			return
		}
		require.LessOrEqual(t, len(text), sign.MaxToken)
		require.Equal(t, text, url.QueryEscape(text), "it stands in a query as it is")
		i := int(at % uint(len(text)))
		changed := text[:i] + text[i+1:] // without a character
		switch how % 3 {
		case 1: // with another one
			changed = text[:i] + string(rune(char)) + text[i+1:]
		case 2: // with one more
			changed = text[:i] + string(rune(char)) + text[i:]
		}
		if changed == text {
			return
		}
		_, err = s.Verify(changed, "42", c.Address.Addr())
		require.Error(t, err)
		require.NotErrorIs(t, err, sign.ErrScope, "what it says is not believed")
		require.NotErrorIs(t, err, sign.ErrExpired, "what it says is not believed")
		require.NotErrorIs(t, err, sign.ErrAddress, "what it says is not believed")
	})
}

// Whatever comes in a query, what is put into playlists is a token of ours or nothing.
func FuzzQuery(f *testing.F) {
	s := newSigner(f, keyA)
	g := sign.NewGate(s, nil)
	good := token(f, s, claims("42"))
	for _, q := range []string{"token=" + good, "token=" + good + "%0a%23EXT", "token=x&token=" + good, "token=%22", "a=b;token=" + good, "token=" + good + "&x=%0d%0a", "", "%"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest("GET", "/42/master.m3u8", nil)
		r.URL.RawQuery = query
		if out := g.Query(r); out != "" {
			require.Equal(t, "token="+good, out)
		}
	})
}
