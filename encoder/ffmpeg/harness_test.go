package ffmpeg_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/testmedia"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

func memStore(t *testing.T) storage.Store {
	t.Helper()
	s := blobstore.New(memblob.OpenBucket(nil), nil)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func fileStore(t *testing.T) storage.Store {
	t.Helper()
	s, err := blobstore.OpenFile(t.TempDir(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// put stores the file at path as a source of one part.
func put(t *testing.T, store storage.Store, path string) encoder.Source {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	info, err := store.Put(t.Context(), "sources/a/0", f, nil)
	require.NoError(t, err)
	return encoder.Source{Parts: []encoder.Part{{Key: info.Key, Size: info.Size, ETag: info.ETag}}}
}

// output is what an encode emitted and stored.
type output struct {
	store    storage.Store
	job      encoder.Job
	media    encoder.Media
	inits    map[string]hls.Init
	segments map[string][]hls.Segment
	progress []encoder.Progress
}

// encode probes, plans and encodes src.
func encode(t *testing.T, ff *ffmpeg.Encoder, store storage.Store, src encoder.Source, opts *encoder.PlanOptions) output {
	t.Helper()
	m, err := ff.Probe(t.Context(), src)
	require.NoError(t, err)
	grid, tracks, err := encoder.Plan(m, opts)
	require.NoError(t, err)
	return encodeJob(t, ff, store, encoder.Job{Version: encoder.JobVersion, ID: "j", Output: "media/a/1", Source: src, Media: m, Grid: grid, Tracks: tracks})
}

// encodeJob encodes the job; its segments are in order however they came.
func encodeJob(t *testing.T, enc encoder.Encoder, store storage.Store, job encoder.Job) output {
	t.Helper()
	out := output{store: store, media: job.Media, inits: map[string]hls.Init{}, segments: map[string][]hls.Segment{}, job: job}
	err := enc.Encode(t.Context(), out.job, func(u encoder.Update) error {
		switch {
		case u.Init != nil:
			out.inits[u.Init.Track] = *u.Init
		case u.Segment != nil:
			out.segments[u.Segment.Track] = append(out.segments[u.Segment.Track], *u.Segment)
		case u.Progress != nil:
			out.progress = append(out.progress, *u.Progress)
		}
		return nil
	})
	require.NoError(t, err)
	for _, segments := range out.segments {
		slices.SortFunc(segments, func(a, b hls.Segment) int { return cmp.Compare(a.Number, b.Number) })
	}
	return out
}

// file writes the track's init and media segments as one file.
func (o output) file(t *testing.T, track string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), track+".mp4")
	f, err := os.Create(path)
	require.NoError(t, err)
	keys := []string{o.inits[track].Key}
	for _, s := range o.segments[track] {
		keys = append(keys, s.Key)
	}
	for _, k := range keys {
		obj, err := o.store.Open(t.Context(), o.job.Output+"/"+k, nil)
		require.NoError(t, err)
		_, err = io.Copy(f, obj)
		require.NoError(t, err)
		require.NoError(t, obj.Close())
	}
	require.NoError(t, f.Close())
	return path
}

// duration returns the seconds that the track's segments sum to.
func (o output) duration(track string) float64 {
	var ticks int64
	for _, s := range o.segments[track] {
		ticks += s.Duration
	}
	return float64(ticks) / float64(o.inits[track].Timescale)
}

// probed is what ffprobe says of the first stream of a file.
type probed struct {
	Codec     string `json:"codec_name"`
	Profile   string `json:"profile"`
	Width     int    `json:"width"`
	Height    int    `json:"height"`
	PixFmt    string `json:"pix_fmt"`
	SAR       string `json:"sample_aspect_ratio"`
	RFrame    string `json:"r_frame_rate"`
	Frames    string `json:"nb_read_frames"`
	Start     string `json:"start_time"`
	Channels  int    `json:"channels"`
	ColorSpc  string `json:"color_space"`
	ColorTrc  string `json:"color_transfer"`
	SideData  []any  `json:"side_data_list"`
	SampleHz  string `json:"sample_rate"`
	ColorRnge string `json:"color_range"`
}

func probeFile(t *testing.T, path string) probed {
	t.Helper()
	raw := testmedia.Run(t, "ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", path)
	var out struct{ Streams []probed }
	require.NoError(t, json.Unmarshal([]byte(raw), &out))
	require.Len(t, out.Streams, 1)
	return out.Streams[0]
}

// pixel returns the colour at a place, in fractions of the size, of the frame at a time.
func pixel(t *testing.T, path string, at, x, y float64) color.RGBA {
	t.Helper()
	crop := fmt.Sprintf("crop=2:2:(iw-2)*%f:(ih-2)*%f,format=rgb24", x, y)
	raw := []byte(testmedia.Run(t, "ffmpeg", "-v", "error", "-i", path, "-vf", crop+",trim=start="+strconv.FormatFloat(at, 'f', 3, 64),
		"-frames:v", "1", "-f", "rawvideo", "-"))
	require.GreaterOrEqual(t, len(raw), 3)
	return color.RGBA{raw[0], raw[1], raw[2], 255}
}

func near(t *testing.T, want, got color.RGBA, msg string) {
	t.Helper()
	d := func(a, b uint8) float64 { return math.Abs(float64(a) - float64(b)) }
	assert.Less(t, max(d(want.R, got.R), d(want.G, got.G), d(want.B, got.B)), 40.0, "%s: want %v, got %v", msg, want, got)
}

func fast(store storage.Store) *ffmpeg.Encoder {
	return ffmpeg.New(store, &ffmpeg.Options{Preset: "ultrafast"})
}
