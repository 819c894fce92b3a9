// Package ids makes and checks the identifiers of assets and attempts.
package ids

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// MaxLen is the longest identifier that Valid accepts, in bytes.
const MaxLen = 128

// ErrInvalid says that a string is no identifier.
var ErrInvalid = errors.New("invalid id")

// alphabet is Crockford's base 32 in lower case: its order as bytes is the order of
// the digits, and names do not clash where a file system folds case.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// New returns an identifier of 26 characters: 48 bits of t in milliseconds and 80
// random bits. Identifiers of later milliseconds sort behind those of earlier ones.
func New(t time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(t.UnixMilli())<<16)
	_, _ = rand.Read(b[6:]) // crypto/rand never fails since Go 1.24

	// 128 bits are 26 digits of 5 bits, the first of which has only 3.
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	var out [26]byte
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = alphabet[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out[:])
}

// Valid returns nil where id may name an asset: 1 to 128 characters of A–Z, a–z, 0–9,
// '.', '_' and '-', that starts with neither '.' nor '-' and does not end in '.'. Such
// a string is safe as a path element, in a URL and as an argument.
func Valid(id string) error {
	if id == "" || len(id) > MaxLen {
		return fmt.Errorf("%w: it has %d characters, 1 to %d are allowed", ErrInvalid, len(id), MaxLen)
	}
	for i := 0; i < len(id); i++ {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_':
		case c == '.' || c == '-':
			if i == 0 {
				return fmt.Errorf("%w: it starts with %q", ErrInvalid, c)
			}
		default:
			return fmt.Errorf("%w: only letters, digits, '.', '_' and '-' are allowed", ErrInvalid)
		}
	}
	if id[len(id)-1] == '.' {
		return fmt.Errorf("%w: it ends in a dot", ErrInvalid)
	}
	return nil
}
