package hls_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls"
)

// decrypt is the other direction, as RFC 8216 section 4.3.2.4 has it.
func decrypt(t testing.TB, key []byte, number int, data []byte) []byte {
	t.Helper()
	require.NotEmpty(t, data)
	require.Zero(t, len(data)%16)
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	iv := make([]byte, 16)
	for i := range 8 {
		iv[15-i] = byte(uint64(number) >> (8 * i))
	}
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, data)
	fill := int(out[len(out)-1])
	require.True(t, fill >= 1 && fill <= 16)
	require.Equal(t, bytes.Repeat([]byte{byte(fill)}, fill), out[len(out)-fill:])
	return out[:len(out)-fill]
}

func TestEncryptSegment(t *testing.T) {
	key := []byte("0123456789abcdef")
	for _, size := range []int{0, 1, 15, 16, 17, 1000} {
		for _, number := range []int{0, 1, 255, 256, 1 << 40} {
			clear := bytes.Repeat([]byte{0xa5}, size)
			sealed, err := hls.EncryptSegment(key, number, bytes.Clone(clear))
			require.NoError(t, err)
			assert.Len(t, sealed, size+16-size%16)
			assert.True(t, bytes.Equal(clear, decrypt(t, key, number, sealed)), "%d bytes, number %d", size, number)
		}
	}
	// Memory that there is room in is used.
	data := make([]byte, 100, 200)
	sealed, err := hls.EncryptSegment(key, 0, data)
	require.NoError(t, err)
	assert.Same(t, &data[0], &sealed[0])

	for _, bad := range [][]byte{nil, key[:15], append(key[:16:16], 0), make([]byte, 32)} {
		_, err := hls.EncryptSegment(bad, 0, nil)
		assert.ErrorContains(t, err, "not 16")
		assert.NotContains(t, err.Error(), "0123")
	}
	_, err = hls.EncryptSegment(key, -1, nil)
	assert.Error(t, err)
}

// sealed makes material of encrypted segments, each key for rotate of them.
func sealed(m material, rotate int) material {
	for _, segs := range m.segments {
		for i := range segs {
			segs[i].KeyID = fmt.Sprintf("1-a1-%d", segs[i].Number/rotate)
		}
	}
	return m
}

func TestEncryptedPlaylistsGolden(t *testing.T) {
	s := newMemStore()
	p := newPublisher(t, s, ntsc(), nil)
	m := sealed(encode(ntsc(), 4, 2.5), 2)
	updates := m.updates()
	giveAll(t, s, p, updates[:len(updates)-8]) // all but the last two numbers
	growing := s.text("media/42/a1/v720/event.m3u8")
	giveAll(t, s, p, updates[len(updates)-8:])
	require.NoError(t, p.Finish(t.Context()))
	assert.True(t, strings.HasPrefix(s.text("media/42/a1/v720/event.m3u8"), growing), "it is appended to")
	golden(t, "encrypted-master.m3u8", s.text("media/42/master.m3u8"))
	golden(t, "encrypted-v720.m3u8", s.text("media/42/a1/v720/index.m3u8"))
	golden(t, "encrypted-audio.m3u8", s.text("media/42/a1/audio/index.m3u8"))

	list := parseMedia(t, s.text("media/42/a1/v720/index.m3u8"))
	var uris []string
	for _, seg := range list.GetAllSegments() {
		for _, k := range seg.Keys {
			assert.Equal(t, "AES-128", k.Method)
			assert.Empty(t, k.IV)
			uris = append(uris, path.Join("media/42/a1/v720", k.URI))
		}
	}
	assert.Equal(t, []string{"media/42/keys/1-a1-0.key", "media/42/keys/1-a1-1.key", "media/42/keys/1-a1-2.key"}, uris)

	// What can be fetched from the Store is there, and keys are not looked for in it.
	keys, err := hls.References(t.Context(), s, prefix, []byte(s.text("media/42/master.m3u8")))
	require.NoError(t, err)
	for key := range keys {
		assert.NotContains(t, key, "keys")
		assert.Contains(t, s.objects, key)
	}
	assert.Len(t, keys, 4*(1+1+5))
}

// Playlists that no Handler serves lead to where the keys are.
func TestKeyURI(t *testing.T) {
	s := newMemStore()
	p := newPublisher(t, s, ntsc(), &hls.PublisherOptions{
		KeyURI: func(id string) string { return "https://api.example/k/" + id + "?a=\"\n" },
	})
	giveAll(t, s, p, sealed(encode(ntsc(), 1, 0), 1).updates())
	require.NoError(t, p.Finish(t.Context()))
	text := s.text("media/42/a1/audio/index.m3u8")
	assert.Contains(t, text, "#EXT-X-KEY:METHOD=AES-128,URI=\"https://api.example/k/1-a1-0?a='\"\n")
	parseMedia(t, text)
}

// A presentation may begin or go on without encryption.
func TestClearBesideEncrypted(t *testing.T) {
	m := sealed(encode(ntsc(), 4, 0), 1)
	for _, segs := range m.segments {
		segs[0].KeyID, segs[2].KeyID, segs[3].KeyID = "", "", "1-a1-1"
	}
	s := newMemStore()
	p := newPublisher(t, s, ntsc(), nil)
	giveAll(t, s, p, m.updates())
	require.NoError(t, p.Finish(t.Context()))
	var got []string
	for line := range strings.Lines(s.text("media/42/a1/audio/index.m3u8")) {
		if strings.HasPrefix(line, "#EXT-X-KEY") || !strings.HasPrefix(line, "#") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	key := `#EXT-X-KEY:METHOD=AES-128,URI="../../keys/1-a1-1.key"`
	assert.Equal(t, []string{"0-00.m4s", key, "1-25.m4s", "#EXT-X-KEY:METHOD=NONE", "2-4a.m4s", key, "3-6f.m4s"}, got)
}

func TestEncryptedSegmentsAreRefused(t *testing.T) {
	p := newPublisher(t, newMemStore(), ntsc(), nil)
	good := encode(ntsc(), 1, 0).segments[0][0]
	for name, change := range map[string]func(*hls.Segment){
		"keyframes":  func(s *hls.Segment) { s.Keyframes = []hls.Keyframe{{Size: 1, Duration: 1}} },
		"a bad id":   func(s *hls.Segment) { s.KeyID = "a/b" },
		"a quote":    func(s *hls.Segment) { s.KeyID = `a"` },
		"a new line": func(s *hls.Segment) { s.KeyID = "a\n" },
	} {
		bad := good
		bad.KeyID = "1-a1-0"
		change(&bad)
		assert.ErrorIs(t, p.Segment(t.Context(), bad), hls.ErrInvalidUpdate, name)
	}
	_, err := hls.NewPublisher(newMemStore(), prefix, "keys", ntsc(), nil)
	assert.Error(t, err, "keys have that place")
}

// How fast segments are encrypted: four renditions of 1080p need less than 2 MB a second.
func BenchmarkEncryptSegment(b *testing.B) {
	data := make([]byte, 1_500_000, 1_500_016)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := hls.EncryptSegment([]byte("0123456789abcdef"), 1, data); err != nil {
			b.Fatal(err)
		}
	}
}
