package ffmpeg_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/internal/testmedia"
)

// crafted is an input that names the canary.
type crafted struct {
	name  string
	key   string // in the store; "" for sources/a/0
	video bool   // it is a video of its own all the same, and is encoded as one
	data  []byte
}

// craft returns inputs that name c in all the ways that ffmpeg's demuxers, players and
// tools know. own is a video that some of them are built on.
func craft(t *testing.T, c *canary, own string) []crafted {
	t.Helper()
	all := append(playlists(c), scripts(c)...)
	all = append(all, references(t, c, own)...)
	all = append(all, disguised(t, c, own)...)
	// Names that mean something to ffmpeg; the content is an ordinary video.
	for _, key := range []string{"img%03d.png", "concat:canary.ts|canary.ts", "-i", "file:canary.mp4", "subfile,,start,0,end,9999,,:canary.ts", "|cat canary.txt"} {
		all = append(all, crafted{"name " + key, "sources/a/" + key, true, read(t, own)})
	}
	return all
}

func playlists(c *canary) []crafted {
	file := filepath.Join(c.dir, "canary.ts")
	hls := func(name, uri string) crafted { return crafted{name: "hls " + name, data: []byte(hlsOf(uri))} }
	text := func(name, s string) crafted {
		return crafted{name: name, data: []byte(strings.NewReplacer("URL", c.url, "DIR", c.dir).Replace(s))}
	}
	return []crafted{
		hls("http", c.url+"/canary.ts"),
		hls("file", "file://"+file),
		hls("absolute path", file),
		hls("neighbour", "canary.ts"),
		hls("up and down", "../a/canary.ts"),
		hls("concat", "concat:"+c.url+"/canary.ts|"+file),
		hls("subfile", "subfile,,start,0,end,9999,,:"+file),
		hls("crypto", "crypto:"+c.url+"/canary.ts"),
		hls("cache", "cache:"+file),
		hls("async", "async:"+c.url+"/canary.ts"),
		hls("tcp", "tcp://"+strings.TrimPrefix(c.url, "http://")),
		hls("gopher", "gopher://"+strings.TrimPrefix(c.url, "http://")+"/1canary.ts"),
		hls("own descriptor", "/proc/self/environ"),
		hls("data uri", "data:application/vnd.apple.mpegurl;base64,"+base64.StdEncoding.EncodeToString([]byte(hlsOf(c.url+"/canary.ts")))),
		text("hls map and key", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI=\"URL/canary.txt\"\n#EXT-X-MAP:URI=\"DIR/canary.mp4\"\n#EXTINF:2,\nURL/canary.mp4\n"),
		text("hls multivariant", "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\",URI=\"URL/canary.m3u8\"\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nURL/canary.m3u8\n"),
		text("hls behind a mark", "\ufeff#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nURL/canary.ts\n"),
		text("m3u", "#EXTM3U\nURL/canary.mp4\nDIR/canary.mp4\n"),
		text("m3u bare", "URL/canary.mp4\n"),
		text("ffconcat http", "ffconcat version 1.0\nfile 'URL/canary.mp4'\nduration 2\n"),
		text("ffconcat file", "ffconcat version 1.0\nfile 'DIR/canary.mp4'\nfile canary.mp4\n"),
		text("ffconcat options", "ffconcat version 1.0\nfile canary.mp4\noption protocol_whitelist file,http,tcp\noption safe 0\n"),
		text("mpd base url", `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>URL/canary.mp4</BaseURL><SegmentBase/></Representation></AdaptationSet></Period></MPD>`),
		text("mpd template", `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:isoff-live:2011"><Period><AdaptationSet mimeType="video/mp4"><SegmentTemplate timescale="1" duration="2" initialization="DIR/canary.mp4" media="URL/canary.mp4?$Number$"/><Representation id="1" bandwidth="1"/></AdaptationSet></Period></MPD>`),
		text("smooth streaming", `<?xml version="1.0"?><SmoothStreamingMedia MajorVersion="2" Duration="20000000"><StreamIndex Type="video" Url="URL/canary.mp4"><QualityLevel Bitrate="1"/></StreamIndex></SmoothStreamingMedia>`),
		text("f4m", `<?xml version="1.0"?><manifest xmlns="http://ns.adobe.com/f4m/1.0"><media url="URL/canary.mp4"/></manifest>`),
		text("sdp", "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\na=control:URL/canary.ts\r\nm=video 5004 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"),
		text("rtsp text", "RTSPtext\nrtsp://127.0.0.1/canary\n"),
		text("asx", `<ASX VERSION="3.0"><ENTRY><REF HREF="URL/canary.mp4"/></ENTRY></ASX>`),
		text("ram", "URL/canary.mp4\nfile://DIR/canary.mp4\n--stop--\n"),
		text("asf reference", "[Reference]\nRef1=URL/canary.mp4?MSWMExt=.asf\n"),
		text("pls", "[playlist]\nNumberOfEntries=1\nFile1=URL/canary.mp4\n"),
		text("xspf", `<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList><track><location>URL/canary.mp4</location></track></trackList></playlist>`),
		text("smil", `<smil><body><video src="URL/canary.mp4"/></body></smil>`),
		text("wpl", `<?wpl version="1.0"?><smil><body><seq><media src="DIR/canary.mp4"/></seq></body></smil>`),
		text("internet shortcut", "[InternetShortcut]\nURL=URL/canary.mp4\n"),
		text("imf", `<?xml version="1.0"?><AssetMap xmlns="http://www.smpte-ra.org/schemas/429-9/2007/AM"><AssetList><Asset><ChunkList><Chunk><Path>DIR/canary.mp4</Path></Chunk></ChunkList></Asset></AssetList></AssetMap>`),
	}
}

func scripts(c *canary) []crafted {
	text := func(name, s string) crafted {
		return crafted{name: name, data: []byte(strings.NewReplacer("URL", c.url, "DIR", c.dir).Replace(s))}
	}
	return []crafted{
		text("svg", `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="160" height="120"><image width="160" height="120" xlink:href="DIR/img001.png"/><image xlink:href="URL/img001.png"/></svg>`),
		text("xml entity", `<?xml version="1.0"?><!DOCTYPE MPD [<!ENTITY x SYSTEM "file://DIR/canary.txt"><!ENTITY % y SYSTEM "URL/canary.txt"> %y;]><MPD>&x;</MPD>`),
		text("html", `<!doctype html><meta http-equiv="refresh" content="0;url=URL/"><video src="URL/canary.mp4"></video>`),
		text("cue", "FILE \"DIR/canary.mp4\" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n"),
		text("ffmetadata", ";FFMETADATA1\ntitle=x\n[STREAM]\nfile=DIR/canary.mp4\n"),
		text("avisynth", "DirectShowSource(\"DIR/canary.mp4\")\nImport(\"URL/canary.txt\")\n"),
		text("vapoursynth", "import vapoursynth as vs\nvs.core.ffms2.Source('DIR/canary.mp4').set_output()\n"),
		text("lavfi", "movie=DIR/canary.mp4[out0]"),
		text("mpv edl", "# mpv EDL v0\nDIR/canary.mp4,0,2\n"),
		text("jacosub", "#TIMERES 30\n#INCLUDE DIR/canary.txt\n0:00:00.00 0:00:01.00 D x\n"),
		text("ass", "[Script Info]\nScriptType: v4.00+\nAudio File: DIR/canary.mp4\nVideo File: URL/canary.mp4\n\n[V4+ Styles]\n[Events]\nDialogue: 0,0:00:00.00,0:00:01.00,,,0,0,0,,x\n"),
		text("srt", "1\n00:00:00,000 --> 00:00:01,000\n<img src=\"URL/canary.txt\">\n"),
		text("vtt", "WEBVTT\n\nSTYLE\n@import url(\"URL/canary.txt\");\n\n00:00.000 --> 00:01.000\nx\n"),
		text("sami", "<SAMI><HEAD><STYLE>@import url(URL/canary.txt)</STYLE></HEAD><BODY><SYNC Start=0><P>x</BODY></SAMI>"),
		text("shell", "#!/bin/sh\ncat DIR/canary.txt\n"),
		text("postscript", "%!PS-Adobe-3.0 EPSF-3.0\n(DIR/canary.txt) (r) file 100 string readstring pop print\n"),
		text("image magick", "push graphic-context\nviewbox 0 0 160 120\nfill 'url(URL/img001.png)'\npop graphic-context\n"),
	}
}

// references are QuickTime movies whose media is elsewhere.
func references(t *testing.T, c *canary, own string) []crafted {
	t.Helper()
	file := filepath.Join(c.dir, "canary.mp4")
	raw := read(t, own)
	dref := func(name string, entry []byte) crafted {
		payload := append([]byte{0, 0, 0, 0, 0, 0, 0, 1}, entry...)
		return crafted{name: "dref " + name, data: inBox(t, raw, payload, "moov", "trak", "mdia", "minf", "dinf", "dref")}
	}
	reference := func(name, kind, target string) crafted {
		rdrf := append([]byte{0, 0, 0, 0}, kind...)
		rdrf = append(binary.BigEndian.AppendUint32(rdrf, uint32(len(target)+1)), target+"\x00"...)
		return crafted{name: "reference movie " + name, data: append(box("ftyp", []byte("qt  \x00\x00\x00\x00qt  ")),
			box("moov", box("rmra", box("rmda", box("rdrf", rdrf))))...)}
	}
	return []crafted{
		dref("http", box("url ", append([]byte{0, 0, 0, 0}, c.url+"/canary.mp4\x00"...))),
		dref("file", box("url ", append([]byte{0, 0, 0, 0}, "file://"+file+"\x00"...))),
		dref("alias", box("alis", append([]byte{0, 0, 0, 0}, alias(file)...))),
		dref("resource alias", box("rsrc", append([]byte{0, 0, 0, 0}, alias("canary.mp4")...))),
		reference("http", "url ", c.url+"/canary.mp4"),
		reference("file", "url ", "file://"+file),
		reference("alias", "alis", file),
	}
}

// alias is a Macintosh alias record with the absolute path.
func alias(path string) []byte {
	rec := bytes.Repeat([]byte{0}, 150)
	rec[5] = 150 // length
	rec[7] = 2   // version
	rec[10] = 3
	copy(rec[11:37], "vol")
	name := filepath.Base(path)
	rec[50] = byte(len(name))
	copy(rec[51:114], name)
	binary.BigEndian.PutUint16(rec[130:], 1) // levels from
	binary.BigEndian.PutUint16(rec[132:], 1) // levels to
	entry := func(kind uint16, s string) {
		rec = binary.BigEndian.AppendUint16(rec, kind)
		rec = binary.BigEndian.AppendUint16(rec, uint16(len(s)))
		rec = append(rec, s...)
		if len(s)%2 == 1 {
			rec = append(rec, 0)
		}
	}
	entry(2, "vol:"+strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", ":"))
	entry(18, path)
	entry(0xffff, "")
	return rec
}

// disguised are videos that carry playlists and links, and playlists in video's clothes.
func disguised(t *testing.T, c *canary, own string) []crafted {
	t.Helper()
	raw := read(t, own)
	link := c.url + "/canary.mp4"
	moov := bytes.LastIndex(raw, []byte("moov")) - 4
	list := []byte(hlsOf(c.url + "/canary.ts"))
	listFile := filepath.Join(t.TempDir(), "list.m3u8")
	require.NoError(t, os.WriteFile(listFile, list, 0o600))
	ftyp := box("ftyp", []byte("isom\x00\x00\x02\x00isomavc1"))
	all := []crafted{
		{name: "playlist in a free box", video: true, data: append(append(append([]byte(nil), raw[:moov]...), box("free", list)...), raw[moov:]...)},
		{name: "playlist behind the video", video: true, data: append(append([]byte(nil), raw...), list...)},
		{name: "playlist behind ftyp", data: append(append([]byte(nil), ftyp...), list...)},
		{name: "playlist in mdat", data: append(append([]byte(nil), ftyp...), box("mdat", list)...)},
		{name: "playlist behind a tag", data: append(id3("TIT2", append([]byte{3}, "x"...)), list...)},
		{name: "playlist before the video", data: append(append([]byte(nil), list...), raw...)},
		{name: "playlist in transport packets", data: transport(list)},
		{name: "playlist in gzip's clothes", data: append([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3}, list...)},
		{name: "video with links", video: true, data: read(t, testmedia.Make(t, "a.mp4", "-i", own, "-c", "copy",
			"-metadata", "title="+link, "-metadata", "comment="+link, "-metadata", "encoder=file://"+c.dir+"/canary.txt"))},
		{name: "matroska with a playlist attached", video: true, data: read(t, testmedia.Make(t, "a.mkv", "-i", own, "-attach", listFile, "-c", "copy",
			"-metadata:s:t", "mimetype=application/x-mpegurl", "-metadata:s:t", "filename="+link))},
		{name: "matroska with a linked font", video: true, data: read(t, testmedia.Make(t, "a.mkv", "-i", own, "-attach", listFile, "-c", "copy",
			"-metadata:s:t", "mimetype=application/x-truetype-font", "-metadata:s:t", "filename=../.."+filepath.Join(c.dir, "canary.txt")))},
		{name: "transport stream with links", video: true, data: read(t, testmedia.Make(t, "a.ts", "-i", own, "-c", "copy",
			"-metadata", "service_name="+link, "-metadata", "service_provider=file://"+c.dir+"/canary.txt"))},
		{name: "wrapped in wtv's name", data: append([]byte("\xb7\xd8\x00\x20\x37\x49\xda\x11\xa6\x4e\x00\x07\xe9\x5e\xad\x8d"), list...)},
	}
	ass := filepath.Join(t.TempDir(), "a.ass")
	require.NoError(t, os.WriteFile(ass, fmt.Appendf(nil, "[Script Info]\nScriptType: v4.00+\nVideo File: %s\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\nDialogue: 0,0:00:00.00,0:00:01.00,,,0,0,0,,{\\1img(%s)}x\n", link, filepath.Join(c.dir, "img001.png")), 0o600))
	all = append(all, crafted{name: "matroska with linking subtitles", video: true, data: read(t, testmedia.Make(t, "a.mkv", "-i", own, "-i", ass, "-c", "copy", "-map", "0", "-map", "1"))})
	// Sound that names its cover: "-->" says that the picture is a link.
	song := read(t, testmedia.Make(t, "a.mp3", append(testmedia.Sound("2"), "-c:a", "libmp3lame", "-id3v2_version", "0", "-write_xing", "0")...))
	for name, frame := range map[string][]byte{
		"mp3 with a linked cover": id3("APIC", append([]byte("\x00-->\x00\x03\x00"), link...)),
		"mp3 with a linked page":  id3("WXXX", append([]byte("\x00x\x00"), link...)),
		"mp3 with a linked frame": id3("LINK", append([]byte("TIT2"), "file://"+c.dir+"/canary.txt\x00"...)),
	} {
		all = append(all, crafted{name: name, data: append(frame, song...)})
	}
	return all
}

// id3 is an ID3v2.3 tag with one frame.
func id3(id string, payload []byte) []byte {
	frame := append(binary.BigEndian.AppendUint32([]byte(id), uint32(len(payload))), 0, 0)
	frame = append(frame, payload...)
	n := len(frame)
	return append([]byte{'I', 'D', '3', 3, 0, 0, byte(n >> 21 & 127), byte(n >> 14 & 127), byte(n >> 7 & 127), byte(n & 127)}, frame...)
}

// transport pads data into MPEG-TS packets.
func transport(data []byte) []byte {
	var out bytes.Buffer
	for i := 0; len(data) > 0 || i < 40; i++ {
		n := min(len(data), 184)
		out.Write([]byte{0x47, 0x40, 0x20, 0x10 | byte(i&15)})
		out.Write(data[:n])
		out.Write(bytes.Repeat([]byte{0xff}, 184-n))
		data = data[n:]
	}
	return out.Bytes()
}

func box(kind string, payload []byte) []byte {
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(len(payload)+8)), kind...), payload...)
}

// inBox replaces what is in the first box at the path.
func inBox(t *testing.T, boxes, payload []byte, path ...string) []byte {
	t.Helper()
	for at := 0; at+8 <= len(boxes); {
		size := int(binary.BigEndian.Uint32(boxes[at:]))
		require.GreaterOrEqual(t, size, 8)
		if string(boxes[at+4:at+8]) == path[0] {
			if len(path) > 1 {
				payload = inBox(t, boxes[at+8:at+size], payload, path[1:]...)
			}
			return append(append(append([]byte(nil), boxes[:at]...), box(path[0], payload)...), boxes[at+size:]...)
		}
		at += size
	}
	require.Fail(t, "no box", path[0])
	return nil
}
