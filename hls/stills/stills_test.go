package stills_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/stills"
	"github.com/vodkit/vodkit/internal/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// track has a picture every 2.002 s, three to a segment.
var track = hls.Track{ID: "stills", Kind: hls.Image, Width: 32, Height: 18, Interval: hls.Rational{Num: 2002, Den: 1000}}

// shade is the brightness of the n-th picture.
func shade(n int) byte { return byte(30 + n*23%200) }

// strips stores n pictures in segments of three, and returns those.
func strips(t testing.TB, store *memstore.Store, n int) (segments []hls.Segment) {
	t.Helper()
	for first := 0; first < n; first += 3 {
		count := min(3, n-first)
		strip := image.NewYCbCr(image.Rect(0, 0, 32*count, 18), image.YCbCrSubsampleRatio420)
		for x := range 32 * count {
			for y := range 18 {
				strip.Y[strip.YOffset(x, y)] = shade(first + x/32)
			}
		}
		for i := range strip.Cb {
			strip.Cb[i], strip.Cr[i] = 128, 128
		}
		var b bytes.Buffer
		require.NoError(t, jpeg.Encode(&b, strip, nil))
		s := hls.Segment{Track: "stills", Number: first / 3, Key: fmt.Sprintf("stills/%d-0.jpg", first/3), Size: int64(b.Len()),
			Start: int64(first) * 2002, Duration: int64(count) * 2002}
		_, err := store.Put(context.Background(), "media/a/1/"+s.Key, &b, nil)
		require.NoError(t, err)
		segments = append(segments, s)
	}
	return segments
}

func read(t testing.TB, store *memstore.Store, key string) []byte {
	t.Helper()
	obj, err := store.Open(context.Background(), key, nil)
	require.NoError(t, err)
	defer obj.Close()
	b, err := io.ReadAll(obj)
	require.NoError(t, err)
	return b
}

// shown is a cue of a storyboard.
type shown struct {
	start, end time.Duration
	sheet      string
	at         image.Rectangle
}

var cueLines = regexp.MustCompile(`(?m)^(\d{2}):(\d{2}):(\d{2})\.(\d{3}) --> (\d{2}):(\d{2}):(\d{2})\.(\d{3})\n([^#\n]+)#xywh=(\d+),(\d+),(\d+),(\d+)$`)

// parse reads a storyboard, of which it must understand every line.
func parse(t testing.TB, text string) (cues []shown) {
	t.Helper()
	rest, ok := strings.CutPrefix(text, "WEBVTT\n")
	require.True(t, ok)
	for _, block := range strings.Split(strings.TrimSpace(rest), "\n\n") {
		m := cueLines.FindStringSubmatch(block)
		require.NotNil(t, m, block)
		var n [13]int
		for i, s := range m[1:] {
			n[i], _ = strconv.Atoi(s)
		}
		at := func(n []int) time.Duration {
			return time.Duration(n[0])*time.Hour + time.Duration(n[1])*time.Minute + time.Duration(n[2])*time.Second + time.Duration(n[3])*time.Millisecond
		}
		cues = append(cues, shown{at(n[:4]), at(n[4:8]), m[9], image.Rect(n[9], n[10], n[9]+n[11], n[10]+n[12])})
	}
	return cues
}

func TestPublish(t *testing.T) {
	for _, n := range []int{1, 3, 4, 25, 26, 61} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			store := memstore.New()
			segments := strips(t, store, n)
			end := time.Duration(n)*2002*time.Millisecond - 700*time.Millisecond
			r, err := stills.Publish(t.Context(), store, "media/a/1", track, segments, end, nil)
			require.NoError(t, err)
			assert.Empty(t, r.Poster)
			cues := parse(t, string(read(t, store, "media/a/1/"+r.Storyboard)))
			require.Len(t, cues, n)
			var before time.Duration
			sheets := map[string]image.Image{}
			for i, c := range cues {
				assert.Equal(t, before, c.start, "without a gap")
				assert.Greater(t, c.end, c.start)
				before = c.end
				key := path.Join(path.Dir("media/a/1/"+r.Storyboard), c.sheet)
				if sheets[key] == nil {
					sheets[key], err = jpeg.Decode(bytes.NewReader(read(t, store, key)))
					require.NoError(t, err)
				}
				assert.True(t, c.at.In(sheets[key].Bounds()), "%v in %v", c.at, sheets[key].Bounds())
				got := color.GrayModel.Convert(sheets[key].At(c.at.Min.X+16, c.at.Min.Y+9)).(color.Gray).Y
				assert.InDelta(t, shade(i), got, 4, "picture %d", i)
			}
			assert.Equal(t, end, before)
			assert.Len(t, sheets, (n+24)/25)

			again, err := stills.Publish(t.Context(), store, "media/a/1", track, segments, end, nil)
			require.NoError(t, err)
			assert.Equal(t, r, again)
		})
	}
}

// What is behind the end of the presentation is left out.
func TestPublishEndsEarly(t *testing.T) {
	store := memstore.New()
	r, err := stills.Publish(t.Context(), store, "media/a/1", track, strips(t, store, 9), 7*time.Second, &stills.Options{Columns: 2, Rows: 1})
	require.NoError(t, err)
	cues := parse(t, string(read(t, store, "media/a/1/"+r.Storyboard)))
	require.Len(t, cues, 4)
	assert.Equal(t, 7*time.Second, cues[3].end)
	assert.NotEqual(t, cues[0].sheet, cues[3].sheet)
	assert.Equal(t, image.Rect(32, 0, 64, 18), cues[3].at)

	r, err = stills.Publish(t.Context(), store, "media/a/1", track, nil, 7*time.Second, nil)
	require.NoError(t, err)
	assert.Equal(t, stills.Result{}, r)
}

func TestChoose(t *testing.T) {
	segment := func(q float64) hls.Segment { return hls.Segment{Poster: &hls.Poster{Key: fmt.Sprint(q), Quality: q}} }
	for want, in := range map[string][]hls.Segment{
		"1":    {segment(0), {}, segment(0.5), segment(1), segment(9)},
		"0.7":  {segment(0.1), segment(0.7), segment(0.3)},
		"0":    {{}, segment(0), segment(0)},
		"none": {{}, {}},
	} {
		p, ok := stills.Choose(in)
		assert.Equal(t, want != "none", ok)
		if ok {
			assert.Equal(t, want, p.Key)
		}
	}
}

func TestPublishErrors(t *testing.T) {
	store := memstore.New()
	segments := strips(t, store, 6)
	var odd bytes.Buffer
	require.NoError(t, jpeg.Encode(&odd, image.NewGray(image.Rect(0, 0, 33, 18)), nil))
	whole := read(t, store, "media/a/1/stills/1-0.jpg")
	for name, b := range map[string][]byte{"no JPEG": []byte("no JPEG"), "odd size": odd.Bytes(), "truncated": whole[:len(whole)-len(whole)/4]} {
		_, err := store.Put(t.Context(), "media/a/1/stills/1-0.jpg", bytes.NewReader(b), nil)
		require.NoError(t, err)
		_, err = stills.Publish(t.Context(), store, "media/a/1", track, segments, time.Minute, nil)
		require.ErrorIs(t, err, stills.ErrMalformed, name)
		assert.ErrorContains(t, err, "stills/1-0.jpg")
	}
	require.NoError(t, store.Delete(t.Context(), "media/a/1/stills/1-0.jpg"))
	_, err := stills.Publish(t.Context(), store, "media/a/1", track, segments, time.Minute, nil)
	require.Error(t, err)
	assert.NotErrorIs(t, err, stills.ErrMalformed)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = stills.Publish(ctx, store, "media/a/1", track, segments[:1], time.Minute, nil)
	require.ErrorIs(t, err, context.Canceled)
}

// Any JPEG will do, also one in shades of grey or of an odd size.
func TestPublishOtherJPEG(t *testing.T) {
	store := memstore.New()
	odd := track
	odd.Width, odd.Height = 15, 9
	grey := image.NewGray(image.Rect(0, 0, 45, 9))
	for i := range grey.Pix {
		grey.Pix[i] = 200
	}
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, grey, nil))
	_, err := store.Put(t.Context(), "media/a/1/stills/0-0.jpg", &b, nil)
	require.NoError(t, err)
	r, err := stills.Publish(t.Context(), store, "media/a/1", odd, []hls.Segment{{Key: "stills/0-0.jpg", Duration: 6006}}, 6006*time.Millisecond, nil)
	require.NoError(t, err)
	cues := parse(t, string(read(t, store, "media/a/1/"+r.Storyboard)))
	require.Len(t, cues, 3)
	img, err := jpeg.Decode(bytes.NewReader(read(t, store, "media/a/1/stills/"+cues[2].sheet)))
	require.NoError(t, err)
	assert.Equal(t, image.Rect(0, 0, 45, 9), img.Bounds())
	assert.InDelta(t, 200, color.GrayModel.Convert(img.At(44, 8)).(color.Gray).Y, 4)
}

func ExamplePublish() {
	ctx := context.Background()
	store := memstore.New()                      // any storage.Store
	segments := strips(new(testing.B), store, 4) // what an encoder has emitted of the track
	r, err := stills.Publish(ctx, store, "media/a/1", track, segments, 8*time.Second, nil)
	fmt.Println(path.Dir(r.Storyboard), path.Ext(r.Storyboard), err)
	// Output:
	// stills .vtt <nil>
}
