package hls

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/vodkit/vodkit/internal/ids"
)

// KeyProvider knows the keys of encrypted media segments (AES-128 of RFC 8216 section
// 4.3.2.4). Its methods may be called concurrently. [DerivedKeys] is one that stores
// nothing.
//
// Jobs, records and playlists have ids of keys and never a key. Who encodes asks for a key
// and so does who serves it, maybe years later and in another process.
type KeyProvider interface {
	// Key returns the 16 bytes of the key that id names among those of the asset: the same
	// for ever, because segments stay encrypted with it. Another asset has another key under
	// the same id. The caller does not change the bytes.
	//
	// An id that it does not know gives an error that matches fs.ErrNotExist. Any other
	// means that it cannot tell now, and that it is worth asking again. What an error says
	// ends up in logs.
	//
	// A provider that makes a key when it is asked for the first time is for encoders. A
	// [Handler] is asked by viewers, for any id that [ValidKeyID] lets through: it needs one
	// that only looks.
	Key(ctx context.Context, asset, id string) ([]byte, error)
}

// KeySize is how many bytes a key has.
const KeySize = 16

// ErrKeyID says that a string is no id of a key.
var ErrKeyID = errors.New("hls: invalid key id")

// ValidKeyID returns nil where id may name a key: 1 to 128 characters of A–Z, a–z, 0–9,
// '.', '_' and '-', that starts with neither '.' nor '-' and does not end in '.'. Otherwise
// the error matches [ErrKeyID].
func ValidKeyID(id string) error {
	if err := ids.Valid(id); err != nil {
		return fmt.Errorf("%w: %w", ErrKeyID, err)
	}
	return nil
}

// Names of keys within the addresses of an asset: <asset>/keys/<id>.key. No object is ever
// stored there.
const (
	keysFolder = "keys"
	keyExt     = ".key"
)

// KeyPath returns the path of a key below its asset, such as "keys/1-a.key": what a
// [Handler] serves it under, and what playlists refer to.
func KeyPath(id string) string { return keysFolder + "/" + id + keyExt }

// keyOf returns the id of the key that the path of a request asks for, and whether it asks
// for a key at all. The id may be invalid.
func keyOf(path string) (id string, ok bool) {
	folder, name := cutLast(path)
	if asset, last := cutLast(folder); asset == "" || last != keysFolder {
		return "", false
	}
	return strings.CutSuffix(name, keyExt)
}

// cutLast cuts at the last slash. Without one all is behind it.
func cutLast(path string) (before, after string) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:]
}

// DerivedKeys is a KeyProvider that computes each key from a master secret (HKDF, RFC 5869,
// with SHA-256), the asset and the id. Whoever has the secret has all keys, so keep it where
// passwords are kept.
//
// There may be several secrets, each with the name of its generation. An id begins with
// that: it is what comes before the first '-'. To change the secret, add a generation and
// have new encodes use it (encoder.EncryptOptions.Generation); the old one has to stay as
// long as there are videos of its time.
type DerivedKeys struct {
	secrets map[string][]byte // by generation
}

var (
	_ KeyProvider   = (*DerivedKeys)(nil)
	_ fmt.Formatter = DerivedKeys{}
)

// leastSecret is how many bytes a master secret has at least.
const leastSecret = 32

// NewDerivedKeys returns the keys of the master secrets, by the names of their generations:
// up to 32 letters and digits, such as "1". Each has at least 32 bytes, made by chance
// ("openssl rand 32") and not by a person.
func NewDerivedKeys(secrets map[string][]byte) (*DerivedKeys, error) {
	d := &DerivedKeys{secrets: map[string][]byte{}}
	for generation, secret := range secrets {
		if !ValidGeneration(generation) {
			return nil, fmt.Errorf("hls: derived keys: generation %.40q: up to %d letters and digits are allowed", generation, maxGeneration)
		}
		if len(secret) < leastSecret {
			return nil, fmt.Errorf("hls: derived keys: the secret of generation %q has %d bytes; make one of at least %d by chance", generation, len(secret), leastSecret)
		}
		d.secrets[generation] = append([]byte(nil), secret...)
	}
	if len(d.secrets) == 0 {
		return nil, errors.New("hls: derived keys: no secret was given")
	}
	return d, nil
}

const maxGeneration = 32

// ValidGeneration says whether a string may begin the ids of keys: 1 to 32 letters and
// digits.
func ValidGeneration(s string) bool {
	return s != "" && len(s) <= maxGeneration && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}

// Key returns the key. An id of a generation that there is no secret of gives an error that
// matches fs.ErrNotExist, and one that ValidKeyID refuses [ErrKeyID], too. All others have a
// key, whether something is encrypted with it or not.
func (d *DerivedKeys) Key(ctx context.Context, asset, id string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("hls: key: %w", err)
	}
	if err := ValidKeyID(id); err != nil {
		return nil, fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	generation, _, _ := strings.Cut(id, "-")
	secret, ok := d.secrets[generation]
	if !ok {
		return nil, fmt.Errorf("hls: key %q: there is no secret of generation %q: %w", id, generation, fs.ErrNotExist)
	}
	// The length keeps apart what could be read in two ways.
	info := "vodkit hls AES-128 1\x00" + strconv.Itoa(len(asset)) + ":" + asset + id
	key, err := hkdf.Key(sha256.New, secret, nil, info, KeySize)
	if err != nil {
		return nil, fmt.Errorf("hls: key %q: %w", id, err)
	}
	return key, nil
}

// Format keeps secrets out of whatever is printed or logged.
func (DerivedKeys) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "hls.DerivedKeys") }
