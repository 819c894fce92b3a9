package hls

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/grafov/m3u8"
)

// protocolVersion is the EXT-X-VERSION of every playlist: 7 is what fragmented MP4
// asks of players in practice.
const protocolVersion = 7

// mediaPlaylist is what a media playlist is written from.
type mediaPlaylist struct {
	track    string
	init     Init
	segments []Segment
	keyURI   func(id string) string
	target   int  // EXT-X-TARGETDURATION in seconds
	vod      bool // VOD, else EVENT
	ended    bool // EXT-X-ENDLIST
	iframes  bool // EXT-X-I-FRAMES-ONLY: the segments' keyframes instead of the segments
}

// encode writes the playlist (RFC 8216 section 4.3.3). grafov/m3u8 writes the segments;
// the tags it gets wrong, or cannot say, are in mediaHeader.
func (m mediaPlaylist) encode() ([]byte, error) {
	segments := m.segments
	if m.iframes {
		segments = keyframes(segments)
	}
	p, err := m3u8.NewMediaPlaylist(0, uint(len(segments)))
	if err != nil {
		return nil, err
	}
	p.SetVersion(protocolVersion)
	p.SetCustomTag(mediaHeader{vod: m.vod})
	p.Iframe = m.iframes
	for i, ms := range extinf(segments, m.init.Timescale) {
		seg := &m3u8.MediaSegment{
			URI:      relativeURI(m.track, segments[i].Key),
			Duration: float64(ms) / 1000,
		}
		if m.iframes {
			k := segments[i].Keyframes[0]
			seg.Limit, seg.Offset = k.Size, k.Offset
		}
		if i == 0 && m.init.Key != "" {
			// On the segment and not on the playlist, where it would precede
			// EXT-X-TARGETDURATION.
			seg.Map = &m3u8.Map{URI: relativeURI(m.track, m.init.Key)}
		}
		if key := segments[i].KeyID; i == 0 && key != "" || i > 0 && key != segments[i-1].KeyID {
			tag := m.keyTag(key)
			seg.Custom = map[string]m3u8.CustomTag{tag.TagName(): tag}
		}
		if err := p.AppendSegment(seg); err != nil {
			return nil, err
		}
	}
	p.TargetDuration = float64(m.target) // AppendSegment may have raised it
	p.Closed = m.ended
	return bytes.Clone(p.Encode().Bytes()), nil
}

// keyTag is an EXT-X-KEY (RFC 8216 section 4.3.2.4) of the segments from one on. It is a
// custom tag because the library's own comes before EXT-X-MAP, which would say that the
// initialization segment is encrypted, too.
type keyTag struct{ attributes string }

var _ m3u8.CustomTag = keyTag{}

// keyTag returns the tag of a key. Without an IV that is the segment's number.
func (m mediaPlaylist) keyTag(id string) keyTag {
	if id == "" {
		return keyTag{"METHOD=NONE"}
	}
	return keyTag{`METHOD=AES-128,URI="` + sanitize(m.keyURI(id)) + `"`}
}

func (keyTag) TagName() string { return "#EXT-X-KEY" }

func (k keyTag) Encode() *bytes.Buffer { return bytes.NewBufferString(k.String()) }

func (k keyTag) String() string { return k.TagName() + ":" + k.attributes }

// keyframes returns a segment for each keyframe, with the size and duration of that.
func keyframes(segments []Segment) []Segment {
	var out []Segment
	for _, s := range segments {
		for _, k := range s.Keyframes {
			out = append(out, Segment{
				Track: s.Track, Number: len(out), Key: s.Key, Size: k.Size, Duration: k.Duration, Keyframes: []Keyframe{k},
			})
		}
	}
	return out
}

// mediaHeader is one custom tag of several lines, because several tags would come in
// random order. It has EXT-X-PLAYLIST-TYPE too: the library's EVENT brings
// EXT-X-ALLOW-CACHE, which protocol version 7 has removed.
type mediaHeader struct{ vod bool }

var _ m3u8.CustomTag = mediaHeader{}

func (mediaHeader) TagName() string { return "#EXT-X-INDEPENDENT-SEGMENTS" }

func (h mediaHeader) Encode() *bytes.Buffer { return bytes.NewBufferString(h.String()) }

func (h mediaHeader) String() string {
	lines := []string{h.TagName(), "#EXT-X-PLAYLIST-TYPE:VOD"}
	if !h.vod {
		// Without EXT-X-START players join a growing playlist near its end.
		lines = []string{h.TagName(), "#EXT-X-PLAYLIST-TYPE:EVENT", "#EXT-X-START:TIME-OFFSET=0"}
	}
	return strings.Join(lines, "\n")
}

// relativeURI returns the URI reference from a playlist in dir to key; both are
// relative to the attempt.
func relativeURI(dir, key string) string {
	rest, ok := strings.CutPrefix(key, dir+"/")
	if !ok {
		rest = "../" + key
	}
	return (&url.URL{Path: rest}).String()
}
