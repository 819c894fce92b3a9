package sign

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
)

const (
	// MinSecret is the least length of a Key's Secret, in bytes.
	MinSecret = 32
	// MaxID is the greatest length of a Key's ID, in characters.
	MaxID = 16
)

// domain keeps these MACs apart from others that somebody makes with the same secret.
const domain = "vodkit/hls/sign\x00"

// Key is a secret that signs tokens, and its name. It prints as its name alone.
type Key struct {
	// ID names the key in its tokens: 1 to MaxID letters, digits, '-' and '_'. It is no
	// secret. An id that was used is not used again for another secret.
	ID string
	// Secret is at least MinSecret random bytes, such as from crypto/rand or
	// "openssl rand".
	Secret []byte
}

// String returns the id.
func (k Key) String() string { return "sign.Key(" + k.ID + ")" }

// GoString returns the id.
func (k Key) GoString() string { return k.String() }

// LogValue returns the id.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// ring is the keys of a Signer, the first of which signs.
type ring []Key

// newRing checks the keys and copies them.
func newRing(keys []Key) (*ring, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: there is none; the first key signs", ErrInvalidKey)
	}
	r := make(ring, 0, len(keys))
	ids := map[string]bool{}
	for _, k := range keys {
		switch {
		case !validID(k.ID):
			return nil, fmt.Errorf("%w %q: an id is 1 to %d letters, digits, '-' and '_'", ErrInvalidKey, k.ID, MaxID)
		case ids[k.ID]:
			return nil, fmt.Errorf("%w %q: two keys have this id", ErrInvalidKey, k.ID)
		case len(k.Secret) < MinSecret:
			return nil, fmt.Errorf("%w %q: its secret has %d bytes, %d random ones are the least", ErrInvalidKey, k.ID, len(k.Secret), MinSecret)
		case bytes.Count(k.Secret, k.Secret[:1]) == len(k.Secret):
			return nil, fmt.Errorf("%w %q: all bytes of its secret are the same; take random ones", ErrInvalidKey, k.ID)
		}
		ids[k.ID] = true
		r = append(r, Key{ID: k.ID, Secret: bytes.Clone(k.Secret)})
	}
	return &r, nil
}

// find returns the key with the id. Where there is none it returns another one, for the
// same work to be done in vain.
func (r ring) find(id string) (k Key, ok bool) {
	k = r[0]
	for _, each := range r {
		if each.ID == id {
			k, ok = each, true
		}
	}
	return k, ok
}

// macLen is the length of a MAC as text.
var macLen = base64.RawURLEncoding.EncodedLen(sha256.Size)

// mac returns the MAC of a token's text, as it stands in the token.
func (k Key) mac(text string) []byte {
	h := hmac.New(sha256.New, k.Secret)
	h.Write([]byte(domain))
	h.Write([]byte(text))
	return base64.RawURLEncoding.AppendEncode(nil, h.Sum(nil))
}

func validID(id string) bool {
	if id == "" || len(id) > MaxID {
		return false
	}
	for i := range len(id) {
		if !tokenByte(id[i]) {
			return false
		}
	}
	return true
}

// tokenByte says whether c is of the alphabet of base64url, and of ids.
func tokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}
