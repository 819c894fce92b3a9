package sign

import (
	"crypto/hmac"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"
)

// version begins every token. Another form of tokens will have another one.
const version = "v1"

// Parts of a token that have bounds; see maxToken.
const maxClaims = secondsLen + 1 + MaxPath + 1 + MaxViewer + 1 + 16

// maxToken is the length of the longest token. The shortest that are of use have about
// 60 characters.
var maxToken = len(version) + 1 + MaxID + 1 + base64.RawURLEncoding.EncodedLen(maxClaims) + 1 + macLen

// Options shape a [Signer].
type Options struct {
	// Clock tells the time by which tokens end. Defaults to time.Now.
	Clock func() time.Time
}

// Signer makes tokens and verifies them. It may be used by many at once.
type Signer struct {
	keys  atomic.Pointer[ring]
	clock func() time.Time
}

// New returns a Signer. The first key signs, all of them verify. An error matches
// [ErrInvalidKey].
func New(keys []Key, opts *Options) (*Signer, error) {
	s := &Signer{clock: time.Now}
	if opts != nil && opts.Clock != nil {
		s.clock = opts.Clock
	}
	if err := s.SetKeys(keys); err != nil {
		return nil, err
	}
	return s, nil
}

// SetKeys replaces the keys from now on. Where one of them is not valid it returns an
// error that matches [ErrInvalidKey], and all stays as it was.
func (s *Signer) SetKeys(keys []Key) error {
	r, err := newRing(keys)
	if err != nil {
		return err
	}
	s.keys.Store(r)
	return nil
}

// Token returns the token for the claims: the same claims have the same token as long as
// the first key stays. An error matches [ErrInvalidClaims].
func (s *Signer) Token(c Claims) (string, error) {
	c, err := c.normal()
	if err != nil {
		return "", err
	}
	k := (*s.keys.Load())[0]
	text := version + "." + k.ID + "." + c.encode()
	return text + "." + string(k.mac(text)), nil
}

// Verify returns the claims of a token that opens the path, which is one below the
// Handler's prefix, such as "42/master.m3u8", to a client with the address from. The
// zero Addr is of a client who is nowhere: tokens that name addresses open nothing to it.
// Whether the viewer is right is for the caller to see; a [Gate] does.
//
// An error matches one of [ErrMalformed], [ErrSignature], [ErrExpired], [ErrScope] and
// [ErrAddress].
func (s *Signer) Verify(token, path string, from netip.Addr) (Claims, error) {
	c, err := s.open(token)
	switch {
	case err != nil:
		return Claims{}, err
	case !s.clock().Before(c.Expires):
		return Claims{}, fmt.Errorf("%w: at %s", ErrExpired, c.Expires.Format(time.RFC3339))
	case !covers(c.Path, path):
		return Claims{}, fmt.Errorf("%w: %q, not %q", ErrScope, c.Path, path)
	case c.Address.IsValid() && !c.Address.Contains(from.Unmap().WithZone("")):
		return Claims{}, fmt.Errorf("%w: it is for %v, not for %v", ErrAddress, c.Address, from)
	}
	return c, nil
}

// open returns the claims of a token that one of the keys has signed. What the token says
// is looked at only when that is sure.
func (s *Signer) open(token string) (Claims, error) {
	text, id, claims, mac, ok := split(token)
	if !ok {
		return Claims{}, ErrMalformed
	}
	k, known := s.keys.Load().find(id)
	// As text: base64 has several spellings of the same bytes, of which one is signed.
	if same := hmac.Equal(k.mac(text), []byte(mac)); !same || !known {
		return Claims{}, ErrSignature
	}
	c, err := decode(claims)
	if err != nil {
		return Claims{}, ErrMalformed // signed by somebody who is not Token
	}
	return c, nil
}

// split takes a token apart. text is what is signed: all before the last dot.
func split(token string) (text, id, claims, mac string, ok bool) {
	if len(token) > maxToken || len(token) < macLen+1 || token[len(token)-macLen-1] != '.' {
		return "", "", "", "", false
	}
	text, mac = token[:len(token)-macLen-1], token[len(token)-macLen:]
	rest, ok := strings.CutPrefix(text, version+".")
	if !ok {
		return "", "", "", "", false
	}
	id, claims, ok = strings.Cut(rest, ".")
	if !ok || !validID(id) || !spelled(claims) || !spelled(mac) {
		return "", "", "", "", false
	}
	return text, id, claims, mac, true
}

// spelled says whether s is of the alphabet of base64url.
func spelled(s string) bool {
	for i := range len(s) {
		if !tokenByte(s[i]) {
			return false
		}
	}
	return true
}
