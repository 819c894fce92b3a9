package check_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls/check"
)

// Playlists that are made to take memory or time end with a finding.
func TestHostile(t *testing.T) {
	segment := make([]byte, 188)
	segment[0] = 0x47
	repeat := func(s string, n int) string { return strings.Repeat(s, n) }
	for name, c := range map[string]struct {
		master, media, rule string
	}{
		"variants":   {repeat("#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nm.m3u8\n", 10_000), "", "LIMIT"},
		"renditions": {repeat("#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"z\"\nm.m3u8\n", 500) + repeat("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"b\"\n", 5_000), "", "LIMIT"},
		"no time":    {"", repeat("#EXTINF:0,\ns.ts\n", 5_000), ""},
		"long URIs":  {"#EXT-X-STREAM-INF:BANDWIDTH=1\n" + repeat("d/", 7000) + "m.m3u8\n", repeat("#EXTINF:6,\ns.ts\n", 12_000), "LIMIT"},
		"too long":   {"#EXT-X-STREAM-INF:BANDWIDTH=1\n" + repeat("d/", 1_000_000) + "m.m3u8\n", "", "RFC-4.1"},
		"variables":  {"", "#EXT-X-DEFINE:NAME=\"v\",VALUE=\"" + repeat("x", 15_000) + "\"\n" + repeat("#EXTINF:6,\n{$v}\n", 12_000), "LIMIT"},
		"lists":      {"#EXT-X-STREAM-INF:" + repeat("A=1,", 500_000) + "BANDWIDTH=1,CODECS=\"" + repeat("a,", 500_000) + "\"\nm.m3u8\n", "", "RFC-4.2"},
		"NUL":        {"", repeat("\x00\n", 20_000), "RFC-4.1"},
		"attributes": {"", "#EXTINF:6,\ns.ts\n" + repeat("#EXT-X-DATERANGE:"+repeat("A", 1000)+"\n", 3000), "RFC-4.2"},
	} {
		t.Run(name, func(t *testing.T) {
			media := c.media
			if media == "" {
				media = "#EXTINF:6,\ns.ts\n"
			}
			media = "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n" + media + "#EXT-X-ENDLIST\n"
			objs := check.Memory{"m.m3u8": []byte(media), "s.ts": segment, repeat("d/", 7000) + "m.m3u8": []byte(media), repeat("d/", 7000) + "s.ts": segment}
			start := "m.m3u8"
			if c.master != "" {
				start = "master.m3u8"
				objs[start] = []byte("#EXTM3U\n#EXT-X-VERSION:8\n" + c.master)
			}
			r, err := check.Run(t.Context(), objs, start, nil)
			require.NoError(t, err)
			if c.rule != "" {
				assert.Contains(t, rules(r), c.rule, "%.1000s", fmt.Sprint(r.Findings))
			}
			for _, f := range r.Findings {
				assert.Less(t, len(f.Message), 100_000)
			}
		})
	}
}
