//go:build linux

package main

// explanations say why a file's playlists are not as long as its header claims. Times
// of packets were read with ffprobe.
var explanations = map[string]string{
	"timing/v300_multiple_segments.mp4":                           "the header claims 3900 s, the packets end at 8.0 s",
	"timing/sample_fragmented.mp4":                                "the header claims 143165 s, the packets end at 1.1 s",
	"timing/bbb_800x640_768kbps_30fps_avc_2b_firstpts_10_sec.mp4": "timestamps start at 10 s and the header counts from 0; 4.0 s are there",
	"common/nasa_13013.mp4":                                       "its subtitles last until 16.6 s, picture and sound until 13.0 s",
	"derived/nasa-2v-2a-2s.mkv":                                   "its subtitles last until 16.7 s, picture and sound until 13.1 s",
	"timing/no_duration.webm":                                     "the header says no duration",
	"geometry/test_res_change.h264":                               "a raw stream says no duration",
}

// readsOthers are files that try to be another one.
var readsOthers = map[string]bool{
	"written/hls-reads-other-upload.mp4":   true,
	"written/ffconcat-reads-neighbour.mp4": true,
	"written/mpd-reads-neighbour.mp4":      true,
	"written/ffconcat-etc-hostname.mp4":    true,
	"written/mpd-ssrf-loopback.mp4":        true,
	"written/sdp-as.mp4":                   true,
}
