package encoder_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// keyFunc is a hls.KeyProvider.
type keyFunc func(ctx context.Context, asset, id string) ([]byte, error)

func (f keyFunc) Key(ctx context.Context, asset, id string) ([]byte, error) { return f(ctx, asset, id) }

func TestEncryptOptions(t *testing.T) {
	var none *encoder.EncryptOptions
	require.NoError(t, none.Check())
	assert.Nil(t, none.Encryption("42", "a1"))

	for _, c := range []struct {
		opts encoder.EncryptOptions
		want []string // ids of the keys of segments 0, 1, 2, 3 and 7
	}{
		{encoder.EncryptOptions{}, []string{"1-a1-0", "1-a1-0", "1-a1-0", "1-a1-0", "1-a1-0"}},
		{encoder.EncryptOptions{Generation: "2026b", Rotate: 1}, []string{"2026b-a1-0", "2026b-a1-1", "2026b-a1-2", "2026b-a1-3", "2026b-a1-7"}},
		{encoder.EncryptOptions{Rotate: 3}, []string{"1-a1-0", "1-a1-0", "1-a1-0", "1-a1-1", "1-a1-2"}},
	} {
		require.NoError(t, c.opts.Check())
		e := c.opts.Encryption("42", "a1")
		assert.Equal(t, "42", e.Asset)
		for i, number := range []int{0, 1, 2, 3, 7} {
			assert.Equal(t, c.want[i], e.KeyID(number))
			require.NoError(t, hls.ValidKeyID(e.KeyID(number)))
		}
		b, err := json.Marshal(encoder.Job{Encryption: e})
		require.NoError(t, err)
		var back encoder.Job
		require.NoError(t, json.Unmarshal(b, &back))
		assert.Equal(t, e, back.Encryption)
	}
	for _, bad := range []encoder.EncryptOptions{{Generation: "a-b"}, {Generation: "a/b"}, {Generation: strings.Repeat("a", 33)}, {Rotate: -1}} {
		assert.Error(t, bad.Check(), "%+v", bad)
	}
	b, err := json.Marshal(encoder.Job{})
	require.NoError(t, err)
	assert.NotContains(t, string(b), "encryption")
}

func TestEncryptionKey(t *testing.T) {
	e := &encoder.Encryption{Asset: "42", Keys: "1-a1", Rotate: 2}
	key := []byte("0123456789abcdef")
	id, got, err := e.Key(t.Context(), keyFunc(func(_ context.Context, asset, id string) ([]byte, error) {
		assert.Equal(t, []string{"42", "1-a1-2"}, []string{asset, id})
		return key, nil
	}), 5)
	require.NoError(t, err)
	assert.Equal(t, "1-a1-2", id)
	assert.Equal(t, key, got)

	answer := func(key []byte, err error) hls.KeyProvider {
		return keyFunc(func(context.Context, string, string) ([]byte, error) { return key, err })
	}
	for name, c := range map[string]struct {
		keys      hls.KeyProvider
		begin     string
		permanent bool
	}{
		"no provider": {nil, "1-a1", true},
		"unknown":     {answer(nil, fmt.Errorf("table: %w", fs.ErrNotExist)), "1-a1", true},
		"unavailable": {answer(nil, errors.New("the vault is sealed")), "1-a1", false},
		"short":       {answer(key[:15], nil), "1-a1", true},
		"bad id":      {answer(key, nil), "../a1", true},
	} {
		e := &encoder.Encryption{Asset: "42", Keys: c.begin}
		_, got, err := e.Key(t.Context(), c.keys, 0)
		var failure *encoder.Error
		require.ErrorAs(t, err, &failure, name)
		assert.Equal(t, encoder.CodeKeys, failure.Code, name)
		assert.Equal(t, c.permanent, failure.Permanent, name)
		assert.NotEmpty(t, failure.Message, name)
		assert.NotContains(t, err.Error(), "01234", name)
		assert.Nil(t, got, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = e.Key(ctx, answer(nil, context.Canceled), 0)
	assert.ErrorIs(t, err, context.Canceled)
	var failure *encoder.Error
	assert.False(t, errors.As(err, &failure))
}

// The ids of keys are planned; whoever has the master secret has the keys.
func ExampleEncryptOptions_Encryption() {
	opts := encoder.PlanOptions{Encrypt: &encoder.EncryptOptions{Rotate: 10}}
	job := encoder.Job{Output: "media/42/a1"}
	job.Encryption = opts.Encrypt.Encryption("42", "a1")
	fmt.Println(job.Encryption.KeyID(0), job.Encryption.KeyID(9), job.Encryption.KeyID(10))
	b, _ := json.Marshal(job.Encryption)
	fmt.Println(string(b))
	// Output:
	// 1-a1-0 1-a1-0 1-a1-1
	// {"asset":"42","keys":"1-a1","rotate":10}
}
