package check_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/check"
)

// fault is something wrong, planted in a good presentation.
type fault struct {
	name  string
	rule  string
	also  []string // rules that a fault of this kind cannot but break too
	plant func(p *presentation)
	opts  *check.Options
	grid  func(job *encoder.Job) // another job than the usual one
}

// declare writes the measured bit rates into the multivariant playlist.
func (p *presentation) declare() {
	p.t.Helper()
	for _, v := range p.run(nil).Variants {
		require.NotZero(p.t, v.Peak)
		lines := p.lines(master)
		for i := v.Line - 1; ; {
			l := strings.Replace(lines[i], fmt.Sprintf(":BANDWIDTH=%d,", v.Bandwidth), fmt.Sprintf(":BANDWIDTH=%d,", v.Peak), 1)
			lines[i] = strings.Replace(l, fmt.Sprintf("AVERAGE-BANDWIDTH=%d,", v.AverageBandwidth), fmt.Sprintf("AVERAGE-BANDWIDTH=%d,", v.Average), 1)
			break
		}
		p.setLines(master, lines)
	}
}

// each edits all segments of a track.
func (p *presentation) each(playlist string, f func([]byte) []byte) {
	for _, s := range p.segments(playlist) {
		p.edit(s, f)
	}
}

// subtitle adds a rendition of WebVTT segments.
func (p *presentation) subtitle(duration string, segment string) {
	p.insert(master, "#EXT-X-STREAM-INF", `#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="English",LANGUAGE="en",URI="a1/subs.m3u8"`)
	p.sub(master, `AUDIO="audio"`, `AUDIO="audio",SUBTITLES="subs"`)
	p.objs["a1/subs.m3u8"] = []byte("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:21\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:" + duration + ",\nsubs.vtt\n#EXT-X-ENDLIST\n")
	p.objs["a1/subs.vtt"] = []byte(segment)
}

const cues = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n00:01.000 --> 00:02.000\nHello\n"

// iframes adds an I-frame playlist of the first pictures of the segments of high; at is
// added to the offsets.
func (p *presentation) iframes(tag string, every float64, at int) {
	p.insert(master, "#EXT-X-STREAM-INF", `#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=20000,CODECS="avc1.4d400b",RESOLUTION=128x72,URI="a1/high/iframes.m3u8"`)
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n%s#EXT-X-MAP:URI=%q\n", tag, path.Base(p.init(high)))
	for _, s := range p.segments(high) {
		first := p.objs[s]
		start := bytes.Index(first, []byte("moof")) - 4
		size := int(binary.BigEndian.Uint32(first[start:]))
		fmt.Fprintf(&b, "#EXTINF:%.3f,\n#EXT-X-BYTERANGE:%d@%d\n%s\n", every, size+2000, start+at, path.Base(s))
	}
	b.WriteString("#EXT-X-ENDLIST\n")
	p.objs["a1/high/iframes.m3u8"] = []byte(b.String())
}

// ts is the start of an MPEG-TS segment.
func ts() []byte { return bytes.Repeat(append([]byte{0x47}, make([]byte, 187)...), 71) }

// second returns a copy of an initialization segment under another name.
func (p *presentation) second(playlist, name string) string {
	p.objs[name] = bytes.Clone(p.objs[p.init(playlist)])
	return name
}

func TestFaults(t *testing.T) {
	whole := newPresentation(t)
	hit := map[string]bool{}
	for _, f := range slices.Concat(playlistFaults(t), byteFaults(t), authoringFaults(t)) {
		t.Run(f.rule+" "+f.name, func(t *testing.T) {
			p := whole.clone(t)
			if f.grid != nil {
				job := plan(501)
				f.grid(&job)
				p = newGrid(t, job)
			}
			p.t = t
			f.plant(p)
			r := p.run(f.opts)
			want := append([]string{f.rule}, f.also...)
			slices.Sort(want)
			assert.Equal(t, want, rules(r, authoring...), "%v", r.Findings)
			for _, found := range r.Findings {
				assert.NotEmpty(t, found.Message)
				assert.Regexp(t, `[.!]$`, found.Message)
				if found.Rule == f.rule {
					hit[f.rule] = true
				}
			}
		})
	}
	for _, r := range append(authoring, "M8.18", "M10.1", "S10.4") { // the last are in source_http_test.go
		hit[r] = true
	}
	for _, r := range check.Rules() {
		assert.True(t, hit[r.ID], "no fault is planted for rule %s", r.ID)
	}
}

func playlistFaults(t *testing.T) []fault {
	return []fault{
		{name: "segment missing", rule: "READ", plant: func(p *presentation) { delete(p.objs, p.segments(high)[1]) }},
		{name: "init missing", rule: "READ", plant: func(p *presentation) { delete(p.objs, p.init(low)) }},
		{name: "playlist missing", rule: "READ", plant: func(p *presentation) { delete(p.objs, audio) }},
		{name: "segment empty", rule: "READ", plant: func(p *presentation) { p.objs[p.segments(low)[0]] = nil }},
		{name: "segment too large", rule: "LIMIT", plant: func(p *presentation) {}, opts: &check.Options{MaxSegment: 37_800}},
		{name: "too many playlists", rule: "LIMIT", plant: func(p *presentation) {}, opts: &check.Options{MaxPlaylists: 2}},
		{name: "too many segments", rule: "LIMIT", plant: func(p *presentation) {}, opts: &check.Options{MaxSegments: 11}},
		{name: "playlist too large", rule: "LIMIT", plant: func(p *presentation) {
			p.insert(low, "#EXTINF", "# "+strings.Repeat("x", 1000))
		}, opts: &check.Options{MaxPlaylist: 1000}},
		{name: "no EXTM3U", rule: "RFC-4.3.1.1", plant: func(p *presentation) { p.sub(high, "#EXTM3U\n", "") }},
		{name: "no EXTM3U in master", rule: "RFC-4.3.1.1", plant: func(p *presentation) { p.sub(master, "#EXTM3U\n", "\n") }},
		{name: "byte order mark", rule: "RFC-4.1", plant: func(p *presentation) { p.sub(high, "#EXTM3U", "\ufeff#EXTM3U") }},
		{name: "control character", rule: "RFC-4.1", plant: func(p *presentation) { p.sub(master, `"English"`, "\"Eng\x01lish\"") }},
		{name: "not UTF-8", rule: "RFC-4.1", plant: func(p *presentation) { p.sub(master, `"English"`, "\"Eng\xfflish\"") }},
		{name: "white space", rule: "RFC-4.1", plant: func(p *presentation) { p.sub(low, ".m4s", ".m4s ") }},
		{name: "both kinds", rule: "RFC-4.1", plant: func(p *presentation) { p.insert(master, "#EXT-X-MEDIA", "#EXT-X-TARGETDURATION:6") }},
		{name: "two versions", rule: "RFC-4.3.1.2", plant: func(p *presentation) { p.insert(high, "#EXT-X-VERSION", "#EXT-X-VERSION:7") }},
		{name: "version a word", rule: "RFC-4.3.1.2", plant: func(p *presentation) { p.sub(high, "VERSION:7", "VERSION:seven") }},
		{name: "low version", rule: "RFC-7", plant: func(p *presentation) { p.sub(high, "VERSION:7", "VERSION:5") }},
		{name: "no version", rule: "RFC-7", plant: func(p *presentation) { p.sub(high, "#EXT-X-VERSION:7\n", "") }},
		{name: "version 6", rule: "RFC-7", plant: func(p *presentation) { p.sub(high, "VERSION:7", "VERSION:6") }},
		{name: "no EXTINF", rule: "RFC-4.3.2.1", plant: func(p *presentation) { p.sub(high, "#EXTINF:2.040,\n", "") }},
		{name: "EXTINF a word", rule: "RFC-4.3.2.1", plant: func(p *presentation) { p.sub(high, "#EXTINF:2.040,", "#EXTINF:two,") }},
		{name: "cut off", rule: "RFC-4.3.2.1", plant: func(p *presentation) { p.insert(low, "#EXT-X-ENDLIST", "#EXTINF:6.000,") }},
		{name: "range without offset", rule: "RFC-4.3.2.2", plant: func(p *presentation) { p.insert(high, "#EXTINF", "#EXT-X-BYTERANGE:13385") }},
		{name: "range behind the end", rule: "RFC-4.3.2.2", plant: func(p *presentation) { p.insert(high, "#EXTINF", "#EXT-X-BYTERANGE:13385@1") }},
		{name: "key without method", rule: "RFC-4.3.2.4", plant: func(p *presentation) { p.insert(high, "#EXTINF", `#EXT-X-KEY:URI="key"`) }},
		{name: "key without URI", rule: "RFC-4.3.2.4", also: []string{"ENCRYPTED"}, plant: func(p *presentation) { p.insert(high, "#EXTINF", `#EXT-X-KEY:METHOD=AES-128`) }},
		{name: "no key with URI", rule: "RFC-4.3.2.4", plant: func(p *presentation) { p.insert(high, "#EXTINF", `#EXT-X-KEY:METHOD=NONE,URI="key"`) }},
		{name: "wrong key", rule: "RFC-4.3.2.4", plant: func(p *presentation) { p.insert(high, "#EXTINF", `#EXT-X-KEY:METHOD=AES-128,URI="key"`) },
			opts: &check.Options{Key: func(context.Context, string) ([]byte, error) { return make([]byte, 16), nil }}},
		{name: "encrypted", rule: "ENCRYPTED", plant: func(p *presentation) { p.insert(high, "#EXTINF", `#EXT-X-KEY:METHOD=AES-128,URI="key"`) }},
		{name: "sampled", rule: "SAMPLED", plant: func(p *presentation) {}, opts: &check.Options{Sample: 2}},
		{name: "live", rule: "LIVE", plant: func(p *presentation) {
			p.sub(high, "#EXT-X-PLAYLIST-TYPE:VOD\n", "")
			p.sub(high, "#EXT-X-ENDLIST\n", "")
		}},
		{name: "TS", rule: "FORMAT", plant: func(p *presentation) { p.each(low, func([]byte) []byte { return ts() }); p.declare() }},
		{name: "map without URI", rule: "RFC-4.3.2.5", plant: func(p *presentation) { p.sub(high, "#EXT-X-MAP:URI", "#EXT-X-MAP:URN") }},
		{name: "encrypted init without IV", rule: "RFC-4.3.2.5", also: []string{"ENCRYPTED"}, plant: func(p *presentation) {
			p.insert(high, "#EXT-X-MAP", `#EXT-X-KEY:METHOD=AES-128,URI="key"`)
		}},
		{name: "clear init behind a key", rule: "RFC-4.3.2.5", plant: func(p *presentation) {
			p.insert(high, "#EXT-X-MAP", `#EXT-X-KEY:METHOD=AES-128,URI="key",IV=0x1`)
			p.insert(high, "#EXTINF", `#EXT-X-KEY:METHOD=NONE`)
		}, opts: &check.Options{Key: func(context.Context, string) ([]byte, error) { return make([]byte, 16), nil }}},
		{name: "date", rule: "RFC-4.3.2.6", plant: func(p *presentation) { p.insert(high, "#EXTINF", "#EXT-X-PROGRAM-DATE-TIME:yesterday") }},
		{name: "two types", rule: "RFC-4.3.3", plant: func(p *presentation) { p.insert(high, "#EXT-X-MAP", "#EXT-X-PLAYLIST-TYPE:VOD") }},
		{name: "target too low", rule: "RFC-4.3.3.1", also: []string{"S7.5"}, plant: func(p *presentation) {
			for _, n := range []string{high, low, audio} {
				p.sub(n, "DURATION:6", "DURATION:5")
			}
		}},
		{name: "target missing", rule: "RFC-4.3.3.1", plant: func(p *presentation) { p.sub(audio, "#EXT-X-TARGETDURATION:6\n", "") }},
		{name: "target 0", rule: "RFC-4.3.3.1", plant: func(p *presentation) { p.sub(audio, "DURATION:6", "DURATION:0") }},
		{name: "sequence behind segments", rule: "RFC-4.3.3.2", plant: func(p *presentation) {
			p.sub(high, "#EXT-X-MEDIA-SEQUENCE:0\n", "")
			p.insert(high, "#EXT-X-ENDLIST", "#EXT-X-MEDIA-SEQUENCE:0")
		}},
		{name: "type", rule: "RFC-4.3.3.5", plant: func(p *presentation) { p.sub(high, "TYPE:VOD", "TYPE:DVD") }},
		{name: "media without name", rule: "RFC-4.3.4.1", plant: func(p *presentation) { p.sub(master, `NAME="English",`, "") }},
		{name: "subtitles without URI", rule: "RFC-4.3.4.1", plant: func(p *presentation) {
			p.insert(master, "#EXT-X-STREAM-INF", `#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="English",LANGUAGE="en"`)
		}},
		{name: "default not selected", rule: "RFC-4.3.4.1", plant: func(p *presentation) { p.sub(master, "AUTOSELECT=YES", "AUTOSELECT=NO") }},
		{name: "captions without instream", rule: "RFC-4.3.4.1", plant: func(p *presentation) {
			p.insert(master, "#EXT-X-STREAM-INF", `#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="c",NAME="English",LANGUAGE="en"`)
		}},
		{name: "two names", rule: "RFC-4.3.4.1.1", plant: func(p *presentation) {
			p.insert(master, "#EXT-X-STREAM-INF", `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="English",LANGUAGE="fr",CHANNELS="2",URI="a1/audio/index.m3u8"`)
		}},
		{name: "two defaults", rule: "RFC-4.3.4.1.1", plant: func(p *presentation) {
			p.insert(master, "#EXT-X-STREAM-INF", `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="French",LANGUAGE="fr",DEFAULT=YES,CHANNELS="2",URI="a1/audio/index.m3u8"`)
		}},
		{name: "no bandwidth", rule: "RFC-4.3.4.2", plant: func(p *presentation) {
			lines := p.lines(master)
			lines[4] = strings.Replace(lines[4], "BANDWIDTH=69653,", "", 1)
			p.setLines(master, lines)
		}},
		{name: "variant without URI", rule: "RFC-4.3.4.2", plant: func(p *presentation) {
			lines := p.lines(master)
			p.setLines(master, lines[:len(lines)-1])
		}},
		{name: "URI without variant", rule: "RFC-4.3.4.2", plant: func(p *presentation) { p.insert(master, "a1/low", "a1/low/index.m3u8") }},
		{name: "variant is a master", rule: "RFC-4.3.4.2", plant: func(p *presentation) {
			p.objs["b.m3u8"] = bytes.Clone(p.objs[master])
			p.sub(master, "a1/low/index.m3u8", "b.m3u8")
		}},
		{name: "I-frames without URI", rule: "RFC-4.3.4.3", plant: func(p *presentation) {
			p.insert(master, "#EXT-X-STREAM-INF", `#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1000,CODECS="avc1.4d400b",RESOLUTION=128x72`)
		}},
		{name: "group missing", rule: "RFC-4.3.4.2.1", plant: func(p *presentation) { p.sub(master, `,AUDIO="audio"`, `,AUDIO="sound"`) }},
		{name: "independent twice", rule: "RFC-4.3.5", plant: func(p *presentation) { p.insert(high, "#EXT-X-MAP", "#EXT-X-INDEPENDENT-SEGMENTS") }},
		{name: "start without offset", rule: "RFC-4.3.5.2", plant: func(p *presentation) { p.insert(high, "#EXT-X-MAP", "#EXT-X-START:PRECISE=YES") }},
		{name: "unquoted string", rule: "RFC-4.2", plant: func(p *presentation) { p.sub(master, `LANGUAGE="en"`, `LANGUAGE=en`) }},
		{name: "quoted number", rule: "RFC-4.2", plant: func(p *presentation) { p.sub(master, "FRAME-RATE=25.000", `FRAME-RATE="25.000"`) }},
		{name: "space", rule: "RFC-4.2", plant: func(p *presentation) { p.sub(master, ",CHANNELS", ", CHANNELS") }},
		{name: "last comma", rule: "RFC-4.2", plant: func(p *presentation) { p.sub(master, `AUDIO="audio"`, `AUDIO="audio",`) }},
		{name: "quote in string", rule: "RFC-4.2", plant: func(p *presentation) { p.sub(master, `"English"`, `"The "English" one"`) }},
		{name: "attribute twice", rule: "RFC-4.2", plant: func(p *presentation) { p.sub(master, ",VIDEO-RANGE=SDR", ",VIDEO-RANGE=SDR,VIDEO-RANGE=SDR") }},
		{name: "resolution", rule: "RFC-4.2", plant: func(p *presentation) { p.sub(master, "128x72", "128X72") }},
		{name: "enumeration", rule: "RFC-4.2", plant: func(p *presentation) { p.sub(master, "DEFAULT=YES", "DEFAULT=yes") }},
		{name: "variable", rule: "RFC8216BIS-4.3", plant: func(p *presentation) {
			p.sub(master, "VERSION:7", "VERSION:8")
			p.insert(master, "#EXT-X-MEDIA", `#EXT-X-DEFINE:NAME="a",VALUE="b"`)
			p.sub(master, `"English"`, `"{$b}"`)
		}},
		{name: "VOD without end", rule: "M8.6", plant: func(p *presentation) { p.sub(high, "#EXT-X-ENDLIST\n", "") }},
		{name: "end without VOD", rule: "M8.6", plant: func(p *presentation) { p.sub(high, "#EXT-X-PLAYLIST-TYPE:VOD\n", "") }},
		{name: "growing without start", rule: "M8.6", plant: func(p *presentation) {
			p.sub(high, "#EXT-X-ENDLIST\n", "")
			p.sub(high, "TYPE:VOD", "TYPE:EVENT")
		}},
		{name: "no map", rule: "RFC-3.3", plant: func(p *presentation) {
			lines := p.lines(high)
			p.setLines(high, slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "#EXT-X-MAP") }))
		}},
		{name: "another encoding", rule: "RFC-4.3.2.3", plant: func(p *presentation) {
			name := p.second(high, "a1/high/other.mp4")
			p.edit(name, change(t, "avcC", 0, func(b []byte) []byte { b[3] = 12; return b }))
			p.insert(high, "#EXTINF:2.040", `#EXT-X-MAP:URI="other.mp4"`)
		}},
		{name: "other targets", rule: "M8.2", also: []string{"S7.5"}, plant: func(p *presentation) { p.sub(audio, "DURATION:6", "DURATION:7") }},
		{name: "one discontinuity", rule: "M8.13", plant: func(p *presentation) { p.insert(high, "#EXTINF:2.040", "#EXT-X-DISCONTINUITY") }},
		{name: "one EXTINF", rule: "M8.1", plant: func(p *presentation) { p.sub(high, "2.040", "2.100") }},
		{name: "EXTINF drifts", rule: "M8.1", plant: func(p *presentation) { p.sub(high, "6.000", "6.030") }},
		{name: "audio ends early", rule: "M8.3", plant: func(p *presentation) {
			lines := p.lines(audio)
			p.setLines(audio, append(lines[:len(lines)-3], "#EXT-X-ENDLIST"))
		}},
		{name: "low bandwidth", rule: "M9.13", plant: func(p *presentation) { p.sub(master, ":BANDWIDTH=69653", ":BANDWIDTH=66000") }},
		{name: "high bandwidth", rule: "M1.27", plant: func(p *presentation) { p.sub(master, ":BANDWIDTH=69653", ":BANDWIDTH=79000") }},
		{name: "low average", rule: "M1.26", plant: func(p *presentation) { p.sub(master, "AVERAGE-BANDWIDTH=68840", "AVERAGE-BANDWIDTH=60000") }},
		{name: "high average", rule: "M1.26", plant: func(p *presentation) { p.sub(master, "AVERAGE-BANDWIDTH=68840", "AVERAGE-BANDWIDTH=76000") }},
		{name: "codec", rule: "RFC-6381", plant: func(p *presentation) { p.sub(master, "avc1.4d400b", "avc1.640028") }},
		{name: "codec of audio missing", rule: "RFC-6381", plant: func(p *presentation) { p.sub(master, ",mp4a.40.2", "") }},
		{name: "codec too many", rule: "RFC-6381", plant: func(p *presentation) { p.sub(master, ",mp4a.40.2", ",mp4a.40.2,ac-3") }},
		{name: "too short", rule: "COVERAGE", plant: func(p *presentation) {}, opts: &check.Options{Expected: 27 * time.Second}},
	}
}

func byteFaults(t *testing.T) []fault {
	segment := func(n int, f func([]byte) []byte) func(p *presentation) {
		return func(p *presentation) { p.edit(p.segments(high)[n], f) }
	}
	initial := func(f func([]byte) []byte) func(p *presentation) {
		return func(p *presentation) { p.edit(p.init(high), f) }
	}
	return []fault{
		{name: "cut off", rule: "ISO-4.2", plant: segment(1, func(b []byte) []byte { return b[:len(b)-1] })},
		{name: "rubbish", rule: "ISO-4.2", plant: segment(1, func(b []byte) []byte { return bytes.Repeat([]byte("<html>"), 1000) })},
		{name: "rubbish behind", rule: "ISO-4.2", plant: segment(1, func(b []byte) []byte { return append(b, 1, 2, 3) })},
		{name: "traf larger than moof", rule: "ISO-4.2", plant: segment(1, func(b []byte) []byte {
			i := bytes.Index(b, []byte("traf"))
			binary.BigEndian.PutUint32(b[i-4:], 1<<20)
			return b
		})},
		{name: "init cut off", rule: "ISO-4.2", plant: initial(func(b []byte) []byte { return b[:len(b)-20] })},
		{name: "init without mvex", rule: "RFC-3.3", plant: initial(rename(t, "mvex", "free"))},
		{name: "init without moov", rule: "RFC-3.3", plant: initial(rename(t, "moov", "free"))},
		{name: "absolute offsets", rule: "RFC-3.3", plant: segment(1, change(t, "tfhd", 0, func(b []byte) []byte {
			flags := binary.BigEndian.Uint32(b)
			binary.BigEndian.PutUint32(b, flags&^0x20000|1)
			return slices.Insert(b, 8, make([]byte, 8)...)
		}))},
		{name: "no moof", rule: "ISO-8.8.4", plant: segment(2, func(b []byte) []byte { return b[:bytes.Index(b, []byte("moof"))-4] })},
		{name: "no traf", rule: "ISO-8.8.4", plant: segment(2, rename(t, "traf", "free"))},
		{name: "other track", rule: "ISO-8.8.7", plant: segment(2, change(t, "tfhd", 1, func(b []byte) []byte { b[7] = 9; return b }))},
		{name: "data offset", rule: "ISO-8.8.8", plant: segment(2, change(t, "trun", 1, func(b []byte) []byte {
			binary.BigEndian.PutUint32(b[8:], 1_000_000)
			return b
		}))},
		{name: "data offset before mdat", rule: "ISO-8.8.8", plant: segment(0, change(t, "trun", 0, func(b []byte) []byte {
			binary.BigEndian.PutUint32(b[8:], 0)
			return b
		}))},
		{name: "no tfdt", rule: "ISO-8.8.12", plant: segment(3, rename(t, "tfdt", "free"))},
		{name: "gap", rule: "M7.1", plant: segment(2, shift(t, 5))},
		{name: "gap inside", rule: "M7.1", plant: segment(2, change(t, "tfdt", 1, func(b []byte) []byte { b[len(b)-1]++; return b }))},
		{name: "swapped", rule: "M7.1", plant: func(p *presentation) {
			lines := p.lines(high)
			lines[10], lines[12] = lines[12], lines[10]
			p.setLines(high, lines)
		}},
		{name: "not a sync sample", rule: "M7.4", also: []string{"S1.13"}, plant: segment(1, change(t, "trun", 0, func(b []byte) []byte {
			flags := binary.BigEndian.Uint32(b)
			require.NotZero(t, flags&4, "the fixture has first-sample-flags")
			b[12] |= 1
			b[13] |= 1
			return b
		}))},
		{name: "not an IDR picture", rule: "M7.4", plant: segment(1, change(t, "mdat", 0, func(b []byte) []byte {
			for at := 0; at < len(b); at += 4 + int(binary.BigEndian.Uint32(b[at:])) {
				if b[at+4]&31 == 5 {
					b[at+4] = b[at+4]&^31 | 1
					return b
				}
			}
			require.Fail(t, "no IDR picture")
			return b
		}))},
		{name: "half a second over", rule: "M7.7", also: []string{"S1.13"},
			grid: func(job *encoder.Job) {
				job.Grid.GOP, job.Grid.Segment, job.Grid.Frames = 163, 163, 213
				job.Tracks = job.Tracks[:2] // audio has other boundaries
			},
			plant: func(p *presentation) {
				for _, n := range []string{high, low} {
					p.sub(n, "6.520", "6.490")
					p.sub(n, "DURATION:7", "DURATION:6")
				}
				p.declare()
			}},
		{name: "starts late", rule: "M8.7", plant: func(p *presentation) { p.each(low, shift(t, 25)) }},
	}
}

func authoringFaults(t *testing.T) []fault {
	without := func(attributes ...string) func(p *presentation) {
		return func(p *presentation) {
			for _, a := range attributes {
				p.sub(master, a, "")
			}
		}
	}
	codec := func(from, to string) func(p *presentation) {
		return func(p *presentation) { p.sub(master, from, to) }
	}
	both := func(p *presentation, f func([]byte) []byte) {
		p.edit(p.init(high), f)
		p.edit(p.init(low), f)
	}
	parameters := func(interlaced bool, transfer uint32) func(p *presentation) {
		return func(p *presentation) {
			both(p, change(t, "avcC", 0, func([]byte) []byte { return avcC(sps(interlaced, transfer)) }))
		}
	}
	return []fault{
		{name: "no codecs", rule: "M9.1", plant: without(`,CODECS="avc1.4d400b,mp4a.40.2"`)},
		{name: "no resolution", rule: "M9.2", plant: without(",RESOLUTION=128x72")},
		{name: "other resolution", rule: "M9.2", plant: codec("128x72", "1280x720")},
		{name: "no average", rule: "M9.14", plant: without(",AVERAGE-BANDWIDTH=68840")},
		{name: "no frame rate", rule: "M9.15", plant: without(",FRAME-RATE=25.000")},
		{name: "other frame rate", rule: "M9.15", plant: codec("FRAME-RATE=25.000", "FRAME-RATE=30.000")},
		{name: "HDR not told", rule: "M9.16", plant: func(p *presentation) {
			parameters(false, 16)(p)
			p.sub(master, ",VIDEO-RANGE=SDR", "")
			p.sub(master, "avc1.4d400b", "avc1.4d400b")
		}},
		{name: "HDR told wrong", rule: "M9.16", plant: parameters(false, 18)},
		{name: "only HDR", rule: "M1.24", plant: func(p *presentation) {
			parameters(false, 16)(p)
			p.sub(master, "VIDEO-RANGE=SDR", "VIDEO-RANGE=PQ")
		}},
		{name: "interlaced", rule: "M1.14", plant: parameters(true, 1)},
		{name: "nothing for cellular", rule: "M9.21", plant: func(p *presentation) {
			p.each(high, pad(300_000))
			p.each(low, pad(300_000))
			p.declare()
		}},
		{name: "not independent", rule: "M9.12", plant: without("#EXT-X-INDEPENDENT-SEGMENTS\n")},
		{name: "a peak", rule: "S1.30", plant: func(p *presentation) {
			p.edit(p.segments(high)[1], pad(200_000))
			lines := p.lines(master)
			lines[4], lines[5], lines[6], lines[7] = lines[6], lines[7], lines[4], lines[5]
			p.declare()
		}},
		{name: "the lowest first", rule: "S1.32", plant: func(p *presentation) {
			p.each(low, pad(300_000))
			p.declare()
		}},
		{name: "two shapes", rule: "S1.33", also: []string{"M9.2"}, plant: func(p *presentation) {
			lines := p.lines(master)
			lines[4] = strings.Replace(lines[4], "128x72", "128x96", 1)
			p.setLines(master, lines)
		}},
		{name: "muxed", rule: "S9.5", plant: func(p *presentation) {
			trak := box("trak", rebuild(t, find(t, p.objs[p.init(audio)], "trak"), renumber(2))...)
			trex := box("trex", find(t, p.objs[p.init(audio)], "trex")...)
			trex[15] = 2
			p.edit(p.init(high), change(t, "moov", 0, func(b []byte) []byte { return append(b, trak...) }))
			p.edit(p.init(high), change(t, "mvex", 0, func(b []byte) []byte { return append(b, trex...) }))
		}},
		{name: "two sounds", rule: "M2.17", plant: func(p *presentation) {
			trak := box("trak", rebuild(t, find(t, p.objs[p.init(audio)], "trak"), renumber(2))...)
			trex := box("trex", find(t, p.objs[p.init(audio)], "trex")...)
			trex[15] = 2
			p.edit(p.init(audio), change(t, "moov", 0, func(b []byte) []byte { return append(b, trak...) }))
			p.edit(p.init(audio), change(t, "mvex", 0, func(b []byte) []byte { return append(b, trex...) }))
		}},
		{name: "no language", rule: "M8.10", plant: without(`,LANGUAGE="en"`)},
		{name: "no channels", rule: "M9.6", plant: without(`,CHANNELS="2"`)},
		{name: "other channels", rule: "M9.6", plant: codec(`CHANNELS="2"`, `CHANNELS="6"`)},
		{name: "four seconds", rule: "S7.6", also: []string{"S7.5"}, grid: func(job *encoder.Job) { job.Grid.Segment = 100 }, plant: func(p *presentation) {}},
		{name: "seven seconds", rule: "S7.5", plant: func(p *presentation) {
			for _, n := range []string{high, low, audio} {
				p.sub(n, "DURATION:6", "DURATION:7")
			}
		}},
		{name: "other boundaries", rule: "S8.22", also: []string{"S7.6"}, plant: func(p *presentation) {
			job := plan(501)
			job.Grid.Segment = 100
			for key, b := range newGrid(p.t, job).objs {
				if strings.HasPrefix(key, "a1/low/") {
					p.objs[key] = b
				}
			}
			p.sub(low, "DURATION:4", "DURATION:6")
			p.declare()
		}},
		{name: "level 6.1", rule: "M1.3", also: []string{"S1.11"}, plant: func(p *presentation) {
			both(p, change(t, "avcC", 0, func(b []byte) []byte { b[3] = 61; return b }))
			p.sub(master, "avc1.4d400b", "avc1.4d403d")
		}},
		{name: "level 3.1", rule: "S1.11", plant: func(p *presentation) {
			both(p, change(t, "avcC", 0, func(b []byte) []byte { b[3] = 31; return b }))
			p.sub(master, "avc1.4d400b", "avc1.4d401f")
		}},
		{name: "HEVC in TS", rule: "M1.5", also: []string{"FORMAT"}, plant: func(p *presentation) {
			p.each(low, func([]byte) []byte { return ts() })
			p.sub(low, "#EXT-X-MAP:URI=\""+path.Base(p.init(low))+"\"\n", "")
			p.declare()
			lines := p.lines(master)
			lines[6] = strings.Replace(lines[6], "avc1.4d400b", "hvc1.1.6.L93.B0", 1)
			p.setLines(master, lines)
		}},
		{name: "100 frames", rule: "M1.19", plant: func(p *presentation) {}, grid: func(job *encoder.Job) {
			rate := hls.Rational{Num: 100, Den: 1}
			job.Grid = encoder.Grid{FrameRate: rate, GOP: 200, Segment: 600, Frames: 2000}
			job.Tracks[0].FrameRate, job.Tracks[1].FrameRate = rate, rate
		}},
		{name: "avc3", rule: "S1.10", plant: func(p *presentation) {
			both(p, rename(t, "avc1", "avc3"))
			p.sub(master, "avc1.", "avc3.")
		}},
		{name: "long GOP", rule: "S1.13", plant: func(p *presentation) {}, grid: func(job *encoder.Job) { job.Grid.GOP = 150 }},
		{name: "surround", rule: "M2.3", plant: func(p *presentation) {
			p.edit(p.init(audio), asc(t, 2, 6))
			p.sub(master, `CHANNELS="2"`, `CHANNELS="6"`)
		}},
		{name: "fat HE-AAC", rule: "S2.4", plant: func(p *presentation) {
			p.edit(p.init(audio), asc(t, 5, 2))
			p.sub(master, "mp4a.40.2", "mp4a.40.5")
			p.each(audio, pad(20_000))
			p.declare()
		}},
		{name: "subtitles are text", rule: "M5.2", also: []string{"FORMAT"}, plant: func(p *presentation) { p.subtitle("20.04", "1\n00:01 --> 00:02\nHello\n") }},
		{name: "no timestamp map", rule: "M5.3", plant: func(p *presentation) {
			p.subtitle("20.04", strings.Replace(cues, "X-TIMESTAMP-MAP", "NOTE", 1))
		}},
		{name: "subtitles end", rule: "M5.5", plant: func(p *presentation) {
			p.subtitle("8.04", cues)
			p.sub("a1/subs.m3u8", "DURATION:21", "DURATION:8")
		}},
		{name: "whole segments", rule: "M6.8", plant: func(p *presentation) {
			p.iframes("", 1, 0)
			p.objs["a1/high/iframes.m3u8"] = bytes.Clone(p.objs[high])
		}},
		{name: "range without moof", rule: "M6.10", plant: func(p *presentation) { p.iframes("#EXT-X-I-FRAMES-ONLY\n", 1, 30) }},
		{name: "I-frames apart", rule: "S6.2", plant: func(p *presentation) { p.iframes("#EXT-X-I-FRAMES-ONLY\n", 6, 0) }},
	}
}

// renumber gives a trak another ID.
func renumber(id byte) func(kind string, payload []byte) []byte {
	return func(kind string, payload []byte) []byte {
		if kind == "tkhd" {
			payload[15] = id
			if payload[0] == 1 {
				payload[15], payload[23] = 0, id
			}
		}
		return box(kind, payload...)
	}
}

// asc changes the AudioSpecificConfig in esds: object type and channels at 48 kHz.
func asc(t testing.TB, object, channels byte) func([]byte) []byte {
	return change(t, "esds", 0, func(b []byte) []byte {
		i := bytes.Index(b, []byte{0x11, 0x90}) // AAC-LC, 48 kHz, 2 channels
		require.Positive(t, i)
		b[i], b[i+1] = object<<3|1, 1<<7|channels<<3
		return b
	})
}

func TestGoodWithMore(t *testing.T) {
	p := newPresentation(t)
	p.subtitle("20.04", cues)
	p.iframes("#EXT-X-I-FRAMES-ONLY\n", 1, 0)
	r := p.run(nil)
	assert.Equal(t, []string{"M9.9"}, rules(r), "%v", r.Findings)
	assert.Len(t, r.Tracks, 5)
}
