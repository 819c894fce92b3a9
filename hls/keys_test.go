package hls_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
)

// secret returns a master secret for tests.
func secret(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func derived(t testing.TB) *hls.DerivedKeys {
	t.Helper()
	d, err := hls.NewDerivedKeys(map[string][]byte{"1": secret(1), "2026b": secret(2)})
	require.NoError(t, err)
	return d
}

// What was encrypted has to be readable for ever: these keys never change.
func TestDerivedKeysStay(t *testing.T) {
	d := derived(t)
	for _, c := range []struct{ asset, id, key string }{
		{"42", "1-a1-0", "0ffe619f067c299205912d7ed58527c5"},
		{"42", "1-a1-1", "2d883d8f7465db2cc7e22c34fb87a4ba"},
		{"42", "2026b-a1-0", "681066e9b4d4ed676d815e624d3de1cb"},
		{"43", "1-a1-0", "b5e83b80371afaf790f10a08ca79cb55"},
	} {
		key, err := d.Key(t.Context(), c.asset, c.id)
		require.NoError(t, err)
		assert.Equal(t, c.key, hex.EncodeToString(key), "%s of %s", c.id, c.asset)
	}
}

func TestDerivedKeysDiffer(t *testing.T) {
	d := derived(t)
	seen := map[string]string{}
	for _, asset := range []string{"", "4", "42", "421", "4:21"} {
		for _, id := range []string{"1", "1-a1-0", "1-a1-1", "1-a1-11", "2026b-a1-0", "21-a1-0", "1a1-0"} {
			key, err := d.Key(t.Context(), asset, id)
			if strings.HasPrefix(id, "21") || strings.HasPrefix(id, "1a1") { // no such generation
				require.ErrorIs(t, err, fs.ErrNotExist)
				continue
			}
			require.NoError(t, err)
			require.Len(t, key, hls.KeySize)
			name := fmt.Sprintf("%q of %q", id, asset)
			assert.Empty(t, seen[string(key)], name)
			seen[string(key)] = name
			again, err := d.Key(t.Context(), asset, id)
			require.NoError(t, err)
			assert.Equal(t, key, again)
		}
	}
}

func TestDerivedKeysRefuse(t *testing.T) {
	d := derived(t)
	for _, id := range []string{"", "-", "1/2", "1-\n", "3-a-0", strings.Repeat("1", 129), "1-a.", ".1"} {
		key, err := d.Key(t.Context(), "42", id)
		assert.ErrorIs(t, err, fs.ErrNotExist, "%q", id)
		assert.Nil(t, key)
		if id != "3-a-0" {
			assert.ErrorIs(t, err, hls.ErrKeyID, "%q", id)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := d.Key(ctx, "42", "1-a1-0")
	assert.ErrorIs(t, err, context.Canceled)
	assert.False(t, errors.Is(err, fs.ErrNotExist))

	for _, secrets := range []map[string][]byte{
		nil, {}, {"1": nil}, {"1": make([]byte, 31)}, {"": secret(1)}, {"a-b": secret(1)}, {"ä": secret(1)}, {strings.Repeat("1", 33): secret(1)},
	} {
		_, err := hls.NewDerivedKeys(secrets)
		assert.Error(t, err, "%v", secrets)
	}
}

// The host's own copy may be wiped, and the secrets are in nothing that is printed.
func TestDerivedKeysKeepTheirSecrets(t *testing.T) {
	own := secret(7)
	d, err := hls.NewDerivedKeys(map[string][]byte{"1": own})
	require.NoError(t, err)
	before, err := d.Key(t.Context(), "42", "1-a")
	require.NoError(t, err)
	clear(own)
	after, err := d.Key(t.Context(), "42", "1-a")
	require.NoError(t, err)
	assert.Equal(t, before, after)

	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("text", "keys", d)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "keys", d)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
		fmt.Fprintf(&out, verb+"\n", d)
		fmt.Fprintf(&out, verb+"\n", struct{ Keys hls.KeyProvider }{d})
	}
	for _, leak := range []string{"\x07\x07", "0707", "7 7", "0x7", "BwcH"} {
		assert.NotContains(t, out.String(), leak)
	}
}

// Keys come from a master secret and the names of an asset and a key: there is nothing to
// store, and each service that has the secret has them.
func ExampleNewDerivedKeys() {
	keys, err := hls.NewDerivedKeys(map[string][]byte{
		"1": []byte("made by: openssl rand 32, long ago"), // the names of generations begin the ids
		"2": []byte("made by: openssl rand 32, since then"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := keys.Key(context.Background(), "holiday", "2-a1-0")
	fmt.Println(len(key), err)
	_, err = keys.Key(context.Background(), "holiday", "3-a1-0")
	fmt.Println(err)
	fmt.Println(keys)
	// Output:
	// 16 <nil>
	// hls: key "3-a1-0": there is no secret of generation "3": file does not exist
	// hls.DerivedKeys
}
