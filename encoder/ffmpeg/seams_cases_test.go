package ffmpeg_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/internal/testmedia"
)

// seamCase is a kind of source.
type seamCase struct {
	name       string
	make       func(*testing.T) string
	windowable bool
	core       bool // compared in make test; the others in make seams
	encoded    bool // and encoded there, too
}

// moving is a picture in which no two frames are alike.
func moving(rate, seconds string) []string {
	return []string{"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=" + rate + ":duration=" + seconds + ",noise=alls=4:allf=t,settb=1/90000"}
}

var x264 = []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "60", "-bf", "3"}

func source(name string, args ...[]string) func(*testing.T) string {
	return func(t *testing.T) string {
		var all []string
		for _, a := range args {
			all = append(all, a...)
		}
		return testmedia.Make(t, name, all...)
	}
}

// again remuxes what another case makes.
func again(name string, from func(*testing.T) string, before []string, after ...string) func(*testing.T) string {
	return func(t *testing.T) string {
		return testmedia.Make(t, name, append(append(append([]string{}, before...), "-i", from(t)), after...)...)
	}
}

// twoSizes is an H.264 stream whose picture becomes smaller in the middle.
func twoSizes(name string) func(*testing.T) string {
	return func(t *testing.T) string {
		raw := filepath.Join(t.TempDir(), "raw.h264")
		var all []byte
		for _, size := range []string{"320x180", "192x108"} {
			data, err := os.ReadFile(testmedia.Make(t, "part.h264", append(testmedia.Video(size, "25", "3"),
				"-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bsf:v", "dump_extra=freq=k", "-f", "h264")...))
			require.NoError(t, err)
			all = append(all, data...)
		}
		require.NoError(t, os.WriteFile(raw, all, 0o600))
		return testmedia.Make(t, name, "-fflags", "+genpts", "-framerate", "25", "-i", raw, "-c", "copy")
	}
}

var (
	drop  = []string{"-vf", "select='not(between(mod(n,7),2,3))+eq(mod(n,5),1)'", "-fps_mode", "vfr"}
	holes = []string{"-vf", "select='lt(t,1.7)+between(t,4.1,4.3)+gt(t,6)'", "-fps_mode", "vfr"}
	slow  = []string{"-vf", "select='eq(mod(n,35),0)'", "-fps_mode", "vfr", "-bf", "3", "-b_strategy", "0", "-g", "4"}
	sound = testmedia.Sound("6")
	hdr10 = []string{"-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc",
		"-x265-params", "log-level=none:keyint=40:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400:" +
			"master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"}
	late = []string{"-itsoffset", "2.5"}
	// between keeps times that are no multiples of a frame.
	between = append(append([]string{}, x264...), "-fps_mode", "passthrough", "-enc_time_base:v", "1/90000")
)

// seamCases are what sources may be like. All are 320x180 and take seconds.
var seamCases = []seamCase{
	{"23.976 mp4", source("a.mp4", moving("24000/1001", "6"), x264), true, false, false},
	{"24 mp4", source("a.mp4", moving("24", "6"), x264), true, false, false},
	{"25 mp4", source("a.mp4", moving("25", "6"), x264), true, false, false},
	{"29.97 mp4", source("a.mp4", moving("30000/1001", "6.1"), x264), true, true, true},
	{"30 mp4", source("a.mp4", moving("30", "6"), x264), true, false, false},
	{"50 mp4", source("a.mp4", moving("50", "6"), x264), true, false, false},
	{"59.94 mp4", source("a.mp4", moving("60000/1001", "6"), x264), true, false, false},
	{"60 mp4", source("a.mp4", moving("60", "6"), x264), true, false, false},
	{"120 mp4, halved", source("a.mp4", moving("120", "4"), x264), true, false, false},
	{"23.976 mkv", source("a.mkv", moving("24000/1001", "6"), x264), true, true, false},
	{"29.97 mkv", source("a.mkv", moving("30000/1001", "6"), x264), true, false, false},
	{"59.94 mkv", source("a.mkv", moving("60000/1001", "6"), x264), true, false, false},
	{"17.3 mov", source("a.mov", moving("173/10", "6"), x264), true, false, false},

	{"frames dropped, mp4", source("a.mp4", moving("30", "8"), x264, drop), true, true, false},
	{"frames dropped, mkv", source("a.mkv", moving("30", "8"), x264, drop), true, false, false},
	{"holes, mp4", source("a.mp4", moving("25", "8"), x264, holes), true, true, false},
	{"holes, mkv", source("a.mkv", moving("25", "8"), x264, holes), true, false, false},
	{"a frame in 1.4 s, mp4", source("a.mp4", moving("25", "24"), x264, slow), true, false, false},
	{"a frame in 1.4 s, mkv", source("a.mkv", moving("25", "24"), x264, slow), true, false, false},

	{"many B-frames", source("a.mp4", moving("25", "6"), x264, []string{"-bf", "8", "-b_strategy", "0", "-x264-params", "b-pyramid=normal"}), true, false, false},
	{"5 a second, B-frames", source("a.mp4", moving("5", "12"), x264, []string{"-bf", "4", "-g", "13"}), true, false, false},
	{"open GOPs, H.264 mp4", source("a.mp4", moving("25", "6"), x264, []string{"-x264-params", "open-gop=1:bframes=4:b-adapt=0:keyint=25"}), true, true, false},
	{"open GOPs, H.264 mkv", source("a.mkv", moving("25", "6"), x264, []string{"-x264-params", "open-gop=1:bframes=4:b-adapt=0:keyint=25"}), true, false, false},
	{"open GOPs, HEVC mp4", source("a.mp4", moving("25", "6"), []string{"-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
		"-x265-params", "log-level=none:open-gop=1:keyint=30:bframes=4:b-adapt=0"}), true, true, false},
	{"open GOPs, HEVC mkv", source("a.mkv", moving("25", "6"), []string{"-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
		"-x265-params", "log-level=none:open-gop=1:keyint=30:bframes=4:b-adapt=0"}), true, false, false},
	{"open GOPs, MPEG-2 mkv", source("a.mkv", moving("25", "6"), []string{"-c:v", "mpeg2video", "-q:v", "4", "-bf", "2", "-g", "15"}), true, false, false},
	{"open GOPs, MPEG-2 mov", source("a.mov", moving("25", "6"), []string{"-c:v", "mpeg2video", "-q:v", "4", "-bf", "2", "-g", "15"}), true, false, false},
	{"one keyframe in 24 s", source("a.mp4", moving("25", "24"), x264, []string{"-g", "9999"}), true, false, false},
	{"one keyframe in 40 s", source("a.mp4", moving("12", "40"), x264, []string{"-g", "9999"}), false, false, false},
	{"intra refresh", source("a.mp4", moving("25", "8"), x264, []string{"-bf", "0", "-x264-params", "intra-refresh=1:keyint=20"}), false, true, false},

	{"starts at 10 s, mp4", again("a.mp4", source("b.mp4", moving("25", "6"), x264), nil, "-c", "copy", "-output_ts_offset", "10"), true, true, false},
	{"starts at 10.7 s, mkv", again("a.mkv", source("b.mp4", moving("25", "6"), x264), nil, "-c", "copy", "-output_ts_offset", "10.7"), true, false, false},
	{"starts at -0.007 s, mkv", source("a.mkv", sound, moving("25", "6"), x264, []string{"-c:a", "libopus"}), true, false, false},
	{"times that Matroska can't hold", again("a.mkv", source("b.mp4", moving("25", "6"), x264), nil, "-c", "copy", "-output_ts_offset", "-3.3", "-avoid_negative_ts", "disabled"), false, false, false},
	{"picture after sound, mp4", source("a.mp4", sound, late, moving("25", "6"), x264), true, true, false},
	{"picture after sound, mkv", source("a.mkv", sound, late, moving("25", "6"), x264), true, false, false},
	{"sound after picture, mp4", source("a.mp4", late, sound, moving("25", "6"), x264), true, false, false},
	{"picture ends early, mp4", source("a.mp4", sound, moving("25", "2.6"), x264), true, false, true},
	{"picture ends early, mkv", source("a.mkv", sound, moving("25", "2.6"), x264), true, false, false},
	{"pictures between frames, mkv", source("a.mkv", sound, []string{"-itsoffset", "0.0187"}, moving("25", "6"), between), true, true, true},
	{"pictures between frames, mp4", source("a.mp4", sound, []string{"-itsoffset", "0.0157"}, moving("25", "6"), between), true, false, false},
	{"a frame in 1.4 s, between frames", source("a.mkv", testmedia.Sound("24"), []string{"-itsoffset", "0.62"}, moving("25", "24"), slow, between), true, false, false},
	{"edit list", again("a.mp4", source("b.mp4", moving("25", "8"), x264), []string{"-ss", "1.3"}, "-c", "copy"), true, true, false},
	{"edit list at the end, too", again("a.mp4", source("b.mp4", moving("25", "8"), x264), []string{"-ss", "3.1"}, "-c", "copy", "-t", "3.7"), true, false, false},
	{"a last segment of one frame", source("a.mp4", moving("24", "2.042"), x264), true, false, true},
	{"a last segment of two frames", source("a.mp4", moving("24", "2.084"), x264), true, false, false},

	{"interlaced, MPEG-2 mkv", source("a.mkv", moving("50", "6"), []string{"-vf", "tinterlace=interleave_top", "-c:v", "mpeg2video", "-q:v", "4", "-flags", "+ildct+ilme", "-top", "1", "-bf", "2", "-g", "15"}), true, true, false},
	{"interlaced, H.264 mp4", source("a.mp4", moving("50", "6"), []string{"-vf", "tinterlace=interleave_top,setfield=tff", "-c:v", "libx264", "-preset", "ultrafast", "-x264-params", "tff=1", "-g", "30"}), true, false, false},
	{"HDR10, mp4", source("a.mp4", moving("25", "4"), hdr10, []string{"-tag:v", "hvc1"}), true, false, true},
	{"HDR10, mkv", source("a.mkv", moving("25", "4"), hdr10), true, false, false},
	{"HLG, mp4", source("a.mp4", moving("25", "4"), []string{"-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le",
		"-x265-params", "log-level=none:keyint=40:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"}), true, false, false},
	{"turned", again("a.mp4", source("b.mp4", moving("25", "6"), x264), nil, "-c", "copy", "-metadata:s:v:0", "rotate=90"), true, true, false},
	{"pixels that are not square", source("a.mkv", moving("25", "5"), x264, []string{"-aspect", "4:3"}), true, false, false},
	{"chapters, title, timecode", source("a.mov", moving("25", "5"), x264, []string{"-timecode", "01:00:00:00", "-metadata", "title=A title"}), true, false, true},
	{"4:4:4 10 bit", source("a.mkv", moving("25", "5"), []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p10le", "-g", "40"}), true, false, false},
	{"two sizes, mp4", twoSizes("a.mp4"), true, false, false},
	{"two sizes, mkv", twoSizes("a.mkv"), true, false, false},

	{"MKV without cues", source("a.mkv", moving("25", "6"), x264, []string{"-live", "1"}), true, true, false},
	{"fMP4 with an index", source("a.mp4", moving("25", "6"), x264, []string{"-movflags", "+frag_keyframe+empty_moov"}), true, true, false},
	{"fMP4 with a sidx", source("a.mp4", moving("25", "6"), x264, []string{"-movflags", "+frag_keyframe+empty_moov+default_base_moof+global_sidx+skip_trailer"}), true, false, false},
	{"fMP4 without an index", source("a.mp4", moving("25", "16"), x264, []string{"-movflags", "+frag_keyframe+empty_moov+skip_trailer+default_base_moof"}), true, false, false},
	{"VP9 webm", source("a.webm", moving("25", "5"), []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "40", "-b:v", "400k"}), true, true, false},
	{"VP9 webm, frames that are not shown", source("a.webm", moving("25", "5"), []string{"-c:v", "libvpx-vp9", "-deadline", "good", "-cpu-used", "5", "-auto-alt-ref", "1", "-lag-in-frames", "16", "-g", "40", "-b:v", "400k"}), true, false, false},
	{"VP8 webm", source("a.webm", moving("25", "5"), []string{"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "40", "-b:v", "400k"}), true, false, false},
	{"AV1 mp4", source("a.mp4", moving("25", "5"), []string{"-c:v", "libsvtav1", "-preset", "12", "-g", "40"}), true, false, false},
	{"AV1 mkv", source("a.mkv", moving("25", "5"), []string{"-c:v", "libsvtav1", "-preset", "12", "-g", "40"}), true, false, false},
	{"MJPEG mov", source("a.mov", moving("25", "5"), []string{"-c:v", "mjpeg", "-pix_fmt", "yuvj420p"}), true, false, false},
	{"ProRes mov", source("a.mov", moving("25", "5"), []string{"-c:v", "prores_ks"}), true, false, false},
	{"H.264 avi, no B-frames", source("a.avi", moving("25", "6"), x264, []string{"-bf", "0"}), true, true, false},
	{"MPEG-4 avi", source("a.avi", moving("25", "6"), []string{"-c:v", "mpeg4", "-q:v", "4", "-g", "50"}), true, false, false},
	{"MPEG-4 avi, B-frames", source("a.avi", moving("25", "6"), []string{"-c:v", "mpeg4", "-q:v", "4", "-g", "50", "-bf", "2"}), false, false, false},
	{"H.264 avi, B-frames", source("a.avi", moving("25", "6"), x264), false, false, false},
	{"FLV1 flv", source("a.flv", moving("25", "6"), []string{"-c:v", "flv1", "-q:v", "4", "-g", "50"}), true, false, false},
	{"H.264 flv, B-frames", source("a.flv", moving("25", "6"), x264), true, true, false},
	{"H.264 flv, index", source("a.flv", moving("25", "6"), x264, []string{"-flvflags", "add_keyframe_index"}), true, false, false},
	{"MPEG-TS", source("a.ts", moving("25", "6"), x264), false, true, false},
	{"MPEG-PS", source("a.mpg", moving("25", "6"), []string{"-c:v", "mpeg2video", "-q:v", "4"}), false, false, false},
	{"raw H.264", source("a.h264", moving("25", "6"), x264), false, false, false},
	{"two moving pictures", source("a.mkv", moving("25", "5"), testmedia.Video("160x90", "25", "5"), []string{"-map", "0", "-map", "1"}, x264), false, false, false},
}
