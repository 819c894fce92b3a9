package sign

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxViewer is the greatest length of a Claims.Viewer, in bytes.
const MaxViewer = 128

// Claims are what a token says.
type Claims struct {
	// Path is what the token opens, below the Handler's prefix: whole path elements, such
	// as "42" for an asset or "42/a1" for one attempt of it, with everything below. All
	// opens everything. Required.
	Path string
	// Expires is when the token ends. What is less than a second is cut off. A viewer's
	// token must outlast the video, pauses too. Required.
	Expires time.Time
	// Viewer is whom the token is for, such as the id of an account: for logs (see
	// Gate.Claims), and compared where GateOptions.Viewer is set. Who has the token can
	// read it. Defaults to "", nobody in particular.
	Viewer string
	// Address is from where the token is good. Viewers come from other addresses when they
	// change from one network to the next, or from IPv6 to IPv4, so it is for programs
	// rather than people. Bits beyond the prefix are cut off. Defaults to the zero
	// Prefix, everywhere.
	Address netip.Prefix
}

const (
	secondsLen = 5                     // bytes of Expires
	maxSeconds = 1<<(8*secondsLen) - 1 // in the year 36812
)

// normal returns the claims as a token has them, or says why it can't.
func (c Claims) normal() (Claims, error) {
	if err := checkClaimed(c.Path); err != nil {
		return Claims{}, err
	}
	s := c.Expires.Unix()
	if s <= 0 || s > maxSeconds { // the zero Time is before
		return Claims{}, fmt.Errorf("%w: Expires is %v; say when the token ends", ErrInvalidClaims, c.Expires)
	}
	c.Expires = time.Unix(s, 0).UTC()
	if len(c.Viewer) > MaxViewer || !utf8.ValidString(c.Viewer) || strings.ContainsFunc(c.Viewer, unicode.IsControl) {
		return Claims{}, fmt.Errorf("%w: the viewer is longer than %d bytes, or no plain text", ErrInvalidClaims, MaxViewer)
	}
	address, ok := normalPrefix(c.Address)
	if !ok {
		return Claims{}, fmt.Errorf("%w: %v is no prefix of addresses", ErrInvalidClaims, c.Address)
	}
	c.Address = address
	return c, nil
}

// normalPrefix cuts off what is beyond the prefix and takes IPv4 in IPv6 for what it is.
// The zero Prefix stays.
func normalPrefix(p netip.Prefix) (netip.Prefix, bool) {
	if p == (netip.Prefix{}) {
		return p, true
	}
	if !p.IsValid() {
		return p, false
	}
	if a := p.Addr(); a.Is4In6() {
		if p.Bits() < 96 {
			return p, false
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}

// encode returns the one form that claims which are normal have in a token.
func (c Claims) encode() string {
	b := make([]byte, 0, 64)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Expires.Unix()))[8-secondsLen:]
	b = append(append(b, byte(len(c.Path))), c.Path...)
	if c.Viewer != "" || c.Address.IsValid() {
		b = append(append(b, byte(len(c.Viewer))), c.Viewer...)
	}
	if c.Address.IsValid() {
		b = append(append(b, byte(c.Address.Bits())), c.Address.Addr().AsSlice()...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

var errEncoding = errors.New("hls/sign: not the form that claims have")

// decode reads claims. It accepts what encode returns, and nothing else.
func decode(text string) (Claims, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < secondsLen {
		return Claims{}, errEncoding
	}
	var seconds [8]byte
	copy(seconds[8-secondsLen:], b)
	c := Claims{Expires: time.Unix(int64(binary.BigEndian.Uint64(seconds[:])), 0).UTC()}
	b = b[secondsLen:]
	var ok bool
	if c.Path, b, ok = field(b); !ok {
		return Claims{}, errEncoding
	}
	if len(b) > 0 {
		if c.Viewer, b, ok = field(b); !ok {
			return Claims{}, errEncoding
		}
	}
	if len(b) > 0 {
		a, ok := netip.AddrFromSlice(b[1:])
		if !ok {
			return Claims{}, errEncoding
		}
		c.Address = netip.PrefixFrom(a, int(b[0]))
	}
	// Whatever could be written in two ways, only one of them comes out again.
	if n, err := c.normal(); err != nil || n != c || c.encode() != text {
		return Claims{}, errEncoding
	}
	return c, nil
}

// field takes a length and as many bytes.
func field(b []byte) (s string, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return "", nil, false
	}
	n := 1 + int(b[0])
	return string(b[1:n]), b[n:], true
}
