package storage

import (
	"path"
	"strings"
)

// ContentType is the media type that a key's extension stands for, whatever its case:
// the types of HLS (RFC 8216), its segments, subtitles and images, and of common video
// sources. It is "application/octet-stream" for all others, and for those that a browser
// would run as a page or a script.
func ContentType(key string) string {
	switch strings.ToLower(path.Ext(key)) {
	case ".m3u8":
		return "application/vnd.apple.mpegurl"
	case ".mpd":
		return "application/dash+xml"
	case ".mp4", ".m4v", ".cmfv":
		return "video/mp4"
	case ".m4s":
		return "video/iso.segment"
	case ".m4a", ".cmfa":
		return "audio/mp4"
	case ".ts":
		return "video/mp2t"
	case ".mov":
		return "video/quicktime"
	case ".mkv":
		return "video/matroska"
	case ".webm":
		return "video/webm"
	case ".aac":
		return "audio/aac"
	case ".mp3":
		return "audio/mpeg"
	case ".vtt":
		return "text/vtt"
	case ".json":
		return "application/json"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".png":
		return "image/png"
	case ".webp":
		return "image/webp"
	case ".avif":
		return "image/avif"
	case ".gif":
		return "image/gif"
	}
	return "application/octet-stream"
}
