package pack_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
	"github.com/vodkit/vodkit/internal/memstore"
)

// rotation has a key for every n segments.
func rotation(n int) func(context.Context, int) (string, []byte, error) {
	return func(_ context.Context, number int) (string, []byte, error) {
		return fmt.Sprintf("k%d", number/n), keyOf(number / n), nil
	}
}

func keyOf(n int) []byte { return bytes.Repeat([]byte{byte(n + 1)}, 16) }

// opened decrypts a segment as players do.
func opened(t testing.TB, key []byte, number int, data []byte) []byte {
	t.Helper()
	require.NotEmpty(t, data)
	require.Zero(t, len(data)%aes.BlockSize)
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	iv := make([]byte, aes.BlockSize)
	binary.BigEndian.PutUint64(iv[8:], uint64(number))
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, data)
	fill := int(out[len(out)-1])
	require.True(t, fill >= 1 && fill <= aes.BlockSize)
	return out[:len(out)-fill]
}

// What is decrypted are the bytes that the same stream makes without encryption.
func TestEncrypt(t *testing.T) {
	for name, c := range map[string]struct {
		kind hls.Kind
		grid pack.Grid
	}{
		"video.mp4": {hls.Video, pack.Grid{Segment: hls.Rational{Num: 2, Den: 10}}},
		"audio.mp4": {hls.Audio, pack.Grid{Segment: hls.Rational{Num: 1, Den: 10}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, first := range []int{0, 5} { // a window, too
				grid := c.grid
				grid.First, grid.Offset = first, hls.Rational{Num: int64(first) * grid.Segment.Num, Den: grid.Segment.Den}
				stream := fixture(t, name)
				clear := must(t, c.kind, grid, stream)
				sealed, err := run(t, t.Context(), c.kind, grid, bytes.NewReader(stream), &pack.Options{Encrypt: rotation(2)})
				require.NoError(t, err)
				require.GreaterOrEqual(t, len(clear.segments), 4)
				require.Len(t, sealed.segments, len(clear.segments))
				assert.Equal(t, clear.init, sealed.init, "the init segment stays clear")
				assert.Equal(t, clear.store.Get("out/"+clear.init.Key), sealed.store.Get("out/"+sealed.init.Key))
				for i, s := range sealed.segments {
					want := clear.segments[i]
					assert.Equal(t, fmt.Sprintf("k%d", s.Number/2), s.KeyID)
					assert.Nil(t, s.Keyframes)
					assert.NotEqual(t, want.Key, s.Key, "the name is that of the bytes")
					assert.Equal(t, want.Size+16-want.Size%16, s.Size)
					assert.Equal(t, []int64{want.Start, want.Duration}, []int64{s.Start, s.Duration})
					plain := opened(t, keyOf(s.Number/2), s.Number, sealed.store.Get("out/"+s.Key))
					assert.True(t, bytes.Equal(clear.store.Get("out/"+want.Key), plain), "segment %d", s.Number)
				}
				assert.Equal(t, clear.summary.Samples, sealed.summary.Samples)
				again, err := run(t, t.Context(), c.kind, grid, bytes.NewReader(stream), &pack.Options{Encrypt: rotation(2)})
				require.NoError(t, err)
				assert.Equal(t, sealed.segments, again.segments, "the same once more has the same names")
			}
		})
	}
}

func TestEncryptText(t *testing.T) {
	const vtt = "WEBVTT\n\n00:01.000 --> 00:02.000\nOne\n\n00:07.000 --> 00:08.000\nTwo\n"
	want, bodies, err := text(t, vtt, 13*time.Second, nil)
	require.NoError(t, err)
	got, sealed, err := text(t, vtt, 13*time.Second, &pack.Options{Encrypt: rotation(1)})
	require.NoError(t, err)
	require.Len(t, got, 3)
	for i, s := range got {
		assert.Equal(t, fmt.Sprintf("k%d", i), s.KeyID)
		assert.Equal(t, []int64{want[i].Start, want[i].Duration}, []int64{s.Start, s.Duration})
		assert.Equal(t, bodies[i], string(opened(t, keyOf(i), i, []byte(sealed[i]))))
	}
}

func TestEncryptImages(t *testing.T) {
	store := memstore.New()
	track := hls.Track{ID: "stills", Kind: hls.Image, Width: 2, Height: 2, Interval: hls.Rational{Num: 2, Den: 1}}
	pics := pack.Pictures{Width: 4, Height: 4, End: 4 * time.Second}
	var segments []hls.Segment
	_, err := pack.Images(t.Context(), store, "out", track, sixes, pics, bytes.NewReader(make([]byte, 2*4*4*3/2)), func(e pack.Event) error {
		segments = append(segments, *e.Segment)
		return nil
	}, &pack.Options{Encrypt: rotation(1)})
	require.NoError(t, err)
	require.Len(t, segments, 1)
	assert.Empty(t, segments[0].KeyID)
	assert.True(t, strings.HasPrefix(string(store.Get("out/"+segments[0].Key)), "\xff\xd8\xff"), "a clear JPEG")
}

// A segment whose key cannot be had is not stored, nor what comes behind it.
func TestEncryptWithoutKey(t *testing.T) {
	sealed := errors.New("the vault is sealed")
	for name, encrypt := range map[string]func(context.Context, int) (string, []byte, error){
		"sealed": func(ctx context.Context, n int) (string, []byte, error) {
			if n == 2 {
				return "", nil, sealed
			}
			return rotation(1)(ctx, n)
		},
		"short": func(_ context.Context, n int) (string, []byte, error) {
			return "k", keyOf(n)[:16-n/2], nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := run(t, t.Context(), hls.Video, pack.Grid{Segment: hls.Rational{Num: 2, Den: 10}}, bytes.NewReader(fixture(t, "video.mp4")), &pack.Options{Encrypt: encrypt})
			var e *pack.Error
			require.ErrorAs(t, err, &e)
			if name == "sealed" {
				require.ErrorIs(t, err, sealed)
			}
			assert.Len(t, p.segments, 2)
			assert.Len(t, p.store.Keys(), 3)
		})
	}
}
