package ffmpeg

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/memstore"
)

// graph is what a filter graph of ours is made of: nothing that a file says is in it.
var graph = regexp.MustCompile(`^[a-zBNPTS0-9_=:;,./()'*+>\[\]-]*$`)

// FuzzProbe feeds anything as the output of ffprobe: a header in JSON and lines of
// packets. What is made of it makes sense, survives being stored, and is either refused
// with a sentence or gives a plan that can be encoded and published.
func FuzzProbe(f *testing.F) {
	heads, err := filepath.Glob("testdata/probe/*.json")
	require.NoError(f, err)
	require.NotEmpty(f, heads)
	for _, name := range heads {
		head, err := os.ReadFile(name)
		require.NoError(f, err)
		packets, err := os.ReadFile(strings.TrimSuffix(name, "json") + "csv")
		require.NoError(f, err)
		f.Add(head, packets)
	}
	f.Add([]byte(`{"format":{"format_name":"avi","start_time":"-1e9","duration":"nan"},"streams":[{"codec_type":"video","codec_name":"x",
		"width":4294967296,"height":4294967296,"r_frame_rate":"90000/1","sample_aspect_ratio":"9223372036854775807:1",
		"side_data_list":[{"rotation":-9223372036854775808}]}]}`), []byte("0,0,0,1,1000,4096,K_\n0,1,1,1,1000,4096,K_\n"))
	f.Add([]byte(`{"format":{"format_name":"avi"},"streams":[{"codec_type":"video","codec_name":"x","width":64,"height":36,"sample_aspect_ratio":"1:2147483647"}]}`),
		[]byte("0,0,0,1,1000,4096,K_\n"))
	f.Add([]byte(`{"format":{"format_name":"mov"},"streams":[{"codec_type":"video","codec_name":"x","width":64,"height":36,"field_order":"tb",
		"color_transfer":"arib-std-b67","side_data_list":[{"displaymatrix":"\n0: 0 65536 0\n1: -65536 0 0\n2: 0 0 1073741824\n"}]},
		{"index":1,"codec_type":"audio","codec_name":"y","sample_rate":"8000","channels":6,"tags":{"title":"'[in];","language":"\u0000"}}]}`),
		[]byte("0,5,5,1,1000,4096,KD\n1,-30,-30,1,1000,4096,K_\n0,6,6,1,1000,4096,K_\n1,5,5,1,1000,4096,K_\n"))
	f.Fuzz(func(t *testing.T, head, packets []byte) {
		var o probeOutput
		if json.Unmarshal(head, &o) != nil {
			return
		}
		sc := o.scan(64)
		require.NoError(t, sc.read(bytes.NewReader(packets)))
		m := o.media(sc)
		checkMedia(t, m)
		grid, tracks, err := encoder.Plan(m, nil)
		var known *encoder.Error
		if errors.As(err, &known) {
			require.True(t, known.Permanent)
			require.True(t, strings.HasSuffix(known.Message, "."), known.Message)
			return
		}
		require.NoError(t, err)
		checkPlan(t, m, grid, tracks)
	})
}

func checkMedia(t *testing.T, m encoder.Media) {
	t.Helper()
	require.False(t, m.Duration < 0 || m.HeaderDuration < 0, "%+v", m)
	for _, s := range m.Streams {
		require.Contains(t, []encoder.StreamKind{encoder.VideoStream, encoder.AudioStream, encoder.SubtitleStream, encoder.OtherStream}, s.Kind)
		require.Contains(t, []int{0, 90, 180, 270}, s.Rotation)
		require.False(t, s.Start < 0 || s.End < 0 || s.KeyframeGap < 0 || s.Packets < 0, "%+v", s)
		require.Equal(t, s.PixelAspect.Num > 0, s.PixelAspect.Den > 0, "%v", s.PixelAspect)
		if s.Kind == encoder.VideoStream && s.Packets > 0 {
			require.False(t, s.FrameRate.Num <= 0 || s.FrameRate.Den <= 0 || s.FrameRate.Float() > 1000, "%v", s.FrameRate)
		}
	}
	stored, err := json.Marshal(m)
	require.NoError(t, err)
	var again encoder.Media
	require.NoError(t, json.Unmarshal(stored, &again))
	restored, err := json.Marshal(again)
	require.NoError(t, err)
	require.Equal(t, string(stored), string(restored))
}

func checkPlan(t *testing.T, m encoder.Media, g encoder.Grid, tracks []encoder.TrackSpec) {
	t.Helper()
	require.NotEmpty(t, tracks)
	rate := g.FrameRate.Float()
	require.False(t, rate < 1 || rate > 60.001 || g.GOP < 1 || g.Segment != 3*g.GOP || g.Frames < 1, "%+v", g)
	require.True(t, slices.IsSorted(g.Cuts) && (len(g.Cuts) == 0 || g.Cuts[0] > 0 && g.Start(len(g.Cuts)) < g.Frames), "%+v", g)
	require.Less(t, g.Duration().Hours(), 12.01)
	for _, tr := range tracks {
		if tr.Kind != hls.Video {
			continue
		}
		s, ok := stream(m, tr.Stream)
		require.True(t, ok)
		require.LessOrEqual(t, float64(s.Width)*float64(s.Height), 8192.0*4352)
		w, h := s.DisplaySize()
		require.False(t, w <= 0 || h <= 0, "%dx%d", w, h)
		require.Zero(t, tr.Width%2+tr.Height%2, "%dx%d", tr.Width, tr.Height)
		require.False(t, tr.Width > max(2, w) || tr.Height > max(2, h), "%dx%d of %dx%d", tr.Width, tr.Height, w, h)
		require.LessOrEqual(t, tr.Width*tr.Height, 1080*1080*32/9)
		if tr.Copy {
			require.False(t, tr.Bitrate <= 0 || s.Samples.Fault != "" || tr.Width != s.Width || tr.Height != s.Height, "%+v", tr)
			continue
		}
		require.False(t, tr.MaxRate <= 0 || tr.MaxRate > math.MaxInt32 || tr.PeakBandwidth < tr.AverageBandwidth, "%+v", tr)
	}
	job := encoder.Job{Media: m, Grid: g, Tracks: tracks}
	graphs, err := filterGraphs(job, true)
	require.NoError(t, err)
	for _, text := range graphs {
		require.Regexp(t, graph, text)
	}
	_, err = hls.NewPublisher(memstore.New(), "media/x", "a", job.Presentation(), nil)
	require.NoError(t, err)
}
