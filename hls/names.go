package hls

import "path"

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

// final says whether the playlist with the key never changes once it is there.
func final(key string) bool {
	name := path.Base(key)
	return name == IndexName || name == IFrameName
}

// playlistType is the media type of playlists (RFC 8216 section 4).
const playlistType = "application/vnd.apple.mpegurl"
