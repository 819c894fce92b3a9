package hls_test

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

func TestReferences(t *testing.T) {
	s := newMemStore()
	p := newPublisher(t, s, ntsc(), nil)
	m := encode(ntsc(), 3, 2.5)
	giveAll(t, s, p, m.updates())
	growing := s.text(p.Playlist())
	require.NoError(t, p.Finish(t.Context()))

	var media []string
	for _, u := range m.updates() {
		switch u := u.(type) {
		case hls.Init:
			media = append(media, path.Join(prefix, attempt, u.Key))
		case hls.Segment:
			media = append(media, path.Join(prefix, attempt, u.Key))
		}
	}
	for name, master := range map[string]string{hls.EventName: growing, hls.IndexName: s.text(p.Playlist())} {
		want := slices.Clone(media)
		for _, track := range ntsc().Tracks {
			want = append(want, path.Join(prefix, attempt, track.ID, name))
		}
		got, err := hls.References(t.Context(), s, prefix, []byte(master))
		require.NoError(t, err)
		assert.ElementsMatch(t, want, slices.Collect(maps.Keys(got)))
	}
	_, err := hls.References(t.Context(), s, "media/elsewhere", []byte(growing))
	assert.ErrorIs(t, err, storage.ErrNotExist)
}

func TestEndGrowing(t *testing.T) {
	s := newMemStore()
	s.check = consistent(t)
	p := newPublisher(t, s, ntsc(), nil)
	giveAll(t, s, p, encode(ntsc(), 3, 0).updates())
	before := map[string]string{}
	for _, track := range ntsc().Tracks {
		key := path.Join(prefix, attempt, track.ID, hls.EventName)
		before[key] = s.text(key)
		require.NotContains(t, before[key], "ENDLIST")
	}
	require.Len(t, before, 4)
	for range 2 { // the second time changes nothing
		require.NoError(t, hls.EndGrowing(t.Context(), s, prefix, []byte(s.text(p.Playlist()))))
		for key, text := range before {
			assert.Equal(t, text+"#EXT-X-ENDLIST\n", s.text(key))
		}
	}
	s.fail = func(op, key string) error {
		if strings.HasSuffix(key, hls.EventName) {
			return errStore
		}
		return nil
	}
	assert.ErrorIs(t, hls.EndGrowing(t.Context(), s, prefix, []byte(s.text(p.Playlist()))), errStore)
}

// A Publisher that goes on after another ends what that has published, also where
// nothing new comes, and its final playlists have names of their own.
func TestRunsOfAnAttempt(t *testing.T) {
	for name, end := range map[string]string{"finish": "finish", "fail": "fail"} {
		t.Run(name, func(t *testing.T) {
			s := newMemStore()
			s.check = consistent(t)
			m := encode(ntsc(), 3, 0)
			giveAll(t, s, newPublisher(t, s, ntsc(), nil), m.updates())

			p := newPublisher(t, s, ntsc(), &hls.PublisherOptions{Run: 2})
			var segs []hls.Segment
			for _, of := range m.segments {
				segs = append(segs, of...)
			}
			require.NoError(t, p.Restore(m.inits, segs))
			if end == "fail" {
				require.NoError(t, p.Fail(t.Context()))
			} else {
				require.NoError(t, p.Finish(t.Context()))
				master := parseMaster(t, s.text(p.Playlist()))
				for _, v := range master.Variants {
					assert.Equal(t, "index-2.m3u8", path.Base(v.URI))
					assert.NotEmpty(t, s.text(path.Join(prefix, v.URI)))
				}
			}
			for _, track := range ntsc().Tracks {
				assert.Contains(t, s.text(path.Join(prefix, attempt, track.ID, hls.EventName)), "#EXT-X-ENDLIST")
				assert.Empty(t, s.text(path.Join(prefix, attempt, track.ID, hls.IndexName)))
			}
		})
	}
}

// A name that reads like an attribute is none.
func TestReferencesOfOddNames(t *testing.T) {
	s := newMemStore()
	s.put("media/42/a/index.m3u8", "#EXTM3U\n#EXTINF:6,\n0.m4s\n")
	keys, err := hls.References(t.Context(), s, "media/42", []byte("#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,NAME=\"x,URI=\",LANGUAGE=\"en\",URI=\"a/index.m3u8\"\n"))
	require.NoError(t, err)
	assert.Equal(t, map[string]bool{"media/42/a/index.m3u8": true, "media/42/a/0.m4s": true}, keys)
}
