package ffmpeg

import (
	"strconv"
	"strings"

	"github.com/vodkit/vodkit/encoder"
)

// formats are the containers that are opened. ffmpeg goes by content, not by name, and
// some of what it opens are scripts that name other files (HLS and DASH playlists,
// ffconcat, SDP) or pictures: none of those is here.
var formats = strings.Join([]string{
	"mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "flv", "asf", "ogg", "mxf", "rm", "ivf", "dv", "gxf", "wtv",
	"mpeg", "mpegts", "mpegvideo", "gif", "h264", "hevc", "m4v", "obu", "h263", "h261", "vc1",
	"wav", "w64", "mp3", "aac", "flac", "ac3", "eac3", "dts", "dtshd", "truehd", "aiff", "caf", "amr", "amrnb", "amrwb", "au", "ape", "tta", "wv",
}, ",")

// stillPicture says whether the file is a GIF that does not move: the one format here
// in which pictures come, too.
func stillPicture(m encoder.Media) bool {
	return m.Format == "gif" && len(m.Streams) == 1 && m.Streams[0].Packets < 2
}

// inputArgs are the options and the input itself. Two whitelists keep ffmpeg and
// ffprobe to real containers and to the one protocol that reaches our source; larger
// pictures are refused before memory is taken for them.
func (e *Encoder) inputArgs(in *input) []string {
	args := []string{
		"-format_whitelist", formats, "-protocol_whitelist", in.protocols,
		"-max_pixels", strconv.FormatInt(e.opts.MaxPixels, 10), "-max_streams", strconv.Itoa(e.opts.MaxStreams),
	}
	if in.remote {
		args = append(args, "-multiple_requests", "1", "-rw_timeout", "120000000", "-max_redirects", "0")
	}
	return append(args, "-i", in.url)
}
