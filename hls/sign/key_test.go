package sign_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls/sign"
)

func TestInvalidKeys(t *testing.T) {
	good := keyA.Secret
	for name, keys := range map[string][]sign.Key{
		"none":       nil,
		"no id":      {{Secret: good}},
		"long id":    {{ID: "0123456789abcdef0", Secret: good}},
		"dot":        {{ID: "a.b", Secret: good}},
		"slash":      {{ID: "a/b", Secret: good}},
		"umlaut":     {{ID: "ä", Secret: good}},
		"no secret":  {{ID: "a"}},
		"short":      {{ID: "a", Secret: good[:31]}},
		"all zero":   {{ID: "a", Secret: make([]byte, 32)}},
		"same id":    {keyA, {ID: "a", Secret: keyB.Secret}},
		"second bad": {keyA, {ID: "b", Secret: []byte("x")}},
	} {
		s, err := sign.New(keys, nil)
		assert.ErrorIs(t, err, sign.ErrInvalidKey, name)
		assert.Nil(t, s, name)
		assert.NotContains(t, fmt.Sprint(err), string(good), name)
	}
}

// The Signer keeps its own copy of a secret, and a Key tells nobody.
func TestSecretsStayInside(t *testing.T) {
	k := sign.Key{ID: "a", Secret: bytes.Clone(keyA.Secret)}
	s := newSigner(t, k)
	text := token(t, s, claims("42"))
	clear(k.Secret)
	assert.Equal(t, text, token(t, s, claims("42")))

	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("keys", "key", keyA)
	slog.New(slog.NewTextHandler(&log, nil)).Info("keys", "key", keyA)
	for _, out := range []string{log.String(), fmt.Sprint(keyA), fmt.Sprintf("%v %+v %#v %s", keyA, keyA, keyA, []sign.Key{keyA})} {
		assert.Contains(t, out, "sign.Key(a)")
		assert.NotContains(t, out, "0123456789abcdef")
		assert.NotContains(t, out, "48, 49", "bytes as numbers")
		assert.NotContains(t, out, "48 49", "bytes as numbers")
		assert.NotContains(t, out, "MDEyMzQ1", "base64")
	}
}

func TestRotation(t *testing.T) {
	s := newSigner(t, keyA)
	old := token(t, s, claims("42"))
	verify := func(text string) error {
		_, err := s.Verify(text, "42/master.m3u8", home)
		return err
	}
	require.NoError(t, s.SetKeys([]sign.Key{keyA, keyB})) // known everywhere,
	assert.Equal(t, old, token(t, s, claims("42")))
	require.NoError(t, s.SetKeys([]sign.Key{keyB, keyA})) // then used,
	young := token(t, s, claims("42"))
	assert.NotEqual(t, old, young)
	assert.NoError(t, verify(old))
	assert.NoError(t, verify(young))
	require.NoError(t, s.SetKeys([]sign.Key{keyB})) // then alone
	assert.ErrorIs(t, verify(old), sign.ErrSignature)
	assert.NoError(t, verify(young))

	require.ErrorIs(t, s.SetKeys(nil), sign.ErrInvalidKey)
	assert.NoError(t, verify(young), "keys that are not valid change nothing")

	other := newSigner(t, sign.Key{ID: "b", Secret: keyA.Secret})
	_, err := other.Verify(young, "42", home)
	assert.ErrorIs(t, err, sign.ErrSignature, "the same id with another secret")
}
