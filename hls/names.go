package hls

import (
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Names of the playlists within a presentation's keys; see the package documentation.
const (
	MasterName = "master.m3u8" // multivariant playlist
	EventName  = "event.m3u8"  // growing media playlist of a track
	IndexName  = "index.m3u8"  // final media playlist of a track
	IFrameName = "iframe.m3u8" // I-frame playlist of a video track, beside the final one
)

// MasterKey returns the key of the multivariant playlist of the asset whose objects
// are under prefix, such as "media/42".
func MasterKey(prefix string) string { return path.Join(prefix, MasterName) }

// ofRun returns the name of a final playlist of a run of the attempt: index.m3u8,
// index-2.m3u8, and so on.
func ofRun(name string, run int) string {
	if run <= 1 {
		return name
	}
	return strings.TrimSuffix(name, ".m3u8") + "-" + strconv.Itoa(run) + ".m3u8"
}

var finalName = regexp.MustCompile(`^(?:index|iframe)(?:-[0-9]+)?\.m3u8$`)

// final says whether the playlist with the key never changes once it is there.
func final(key string) bool { return finalName.MatchString(path.Base(key)) }

// playlistType is the media type of playlists (RFC 8216 section 4).
const playlistType = "application/vnd.apple.mpegurl"
