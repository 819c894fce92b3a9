package encodertest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
	"github.com/vodkit/vodkit/internal/memstore"
)

// plan makes the job that a pipeline would make of what the fake probes.
func plan(t testing.TB, fake encoder.Prober, id string) encoder.Job {
	t.Helper()
	media, err := fake.Probe(context.Background(), encoder.Source{})
	require.NoError(t, err)
	grid, tracks, err := encoder.Plan(media, &encoder.PlanOptions{Stills: true})
	require.NoError(t, err)
	return encoder.Job{Version: encoder.JobVersion, ID: id, Output: "media/" + id + "/1", Media: media, Grid: grid, Tracks: tracks}
}

// output is what an encode emitted, by track.
type output struct {
	inits    map[string]hls.Init
	segments map[string][]hls.Segment
	progress []encoder.Progress
}

func encode(ctx context.Context, enc encoder.Encoder, job encoder.Job) (*output, error) {
	o := &output{inits: map[string]hls.Init{}, segments: map[string][]hls.Segment{}}
	err := enc.Encode(ctx, job, func(u encoder.Update) error {
		switch {
		case u.Init != nil:
			o.inits[u.Init.Track] = *u.Init
		case u.Segment != nil:
			o.segments[u.Segment.Track] = append(o.segments[u.Segment.Track], *u.Segment)
		case u.Progress != nil:
			o.progress = append(o.progress, *u.Progress)
		}
		return nil
	})
	return o, err
}

// stream returns a track as one file.
func (o *output) stream(store *memstore.Store, job encoder.Job, track string) []byte {
	b := bytes.Clone(store.Get(job.Output + "/" + o.inits[track].Key))
	for _, s := range o.segments[track] {
		b = append(b, store.Get(job.Output+"/"+s.Key)...)
	}
	return b
}

// The fake's tracks are what package pack would have made of them: same cuts, same
// times, same bytes' count, at any rate and duration.
func TestFakeIsWhatPackMakes(t *testing.T) {
	rates := []hls.Rational{{Num: 25, Den: 1}, {Num: 30000, Den: 1001}, {Num: 24000, Den: 1001}, {Num: 60, Den: 1}, {Num: 25, Den: 2}, {Num: 1, Den: 1}}
	for _, rate := range rates {
		gop := int64(2*rate.Float() + 0.5)
		for _, frames := range []int64{1, gop, 3 * gop, 3*gop + 1, 6*gop - 1, 6 * gop, 11*gop + 7} {
			t.Run(fmt.Sprint(rate, " ", frames), func(t *testing.T) {
				store := memstore.New()
				fake := encodertest.NewFake(store, nil)
				job := plan(t, fake, "a")
				job.Grid = encoder.Grid{FrameRate: rate, GOP: int(gop), Segment: int(3 * gop), Frames: frames}
				o, err := encode(t.Context(), fake, job)
				require.NoError(t, err)
				for _, track := range job.Tracks {
					if track.Kind == hls.Image {
						continue
					}
					init := o.inits[track.ID]
					var segments []hls.Segment
					_, err := pack.Pack(t.Context(), memstore.New(), "out", track.Track, pack.Grid{Segment: job.Grid.SegmentDuration()},
						bytes.NewReader(o.stream(store, job, track.ID)), func(e pack.Event) error {
							if e.Init != nil {
								assert.Equal(t, init.Timescale, e.Init.Timescale)
								assert.Equal(t, init.Codecs, e.Init.Codecs)
							} else {
								segments = append(segments, *e.Segment)
							}
							return nil
						}, nil)
					require.NoError(t, err, track.ID)
					require.Len(t, o.segments[track.ID], len(segments), track.ID)
					for i, s := range o.segments[track.ID] {
						assert.Equal(t, segments[i].Start, s.Start)
						assert.Equal(t, segments[i].Duration, s.Duration)
					}
					last := segments[len(segments)-1]
					want := float64(frames) / rate.Float()
					assert.InDelta(t, want, float64(last.Start+last.Duration)/float64(init.Timescale), 1.0/48000)
				}
				assert.Len(t, o.segments["audio"], len(o.segments["v720"]))
				assert.Equal(t, job.Grid.Duration(), o.progress[len(o.progress)-1].Position)
			})
		}
	}
}

// ffmpeg decodes what the fake wrote without a complaint, and sees every frame.
func TestFakePlays(t *testing.T) {
	for _, tool := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not on PATH")
		}
	}
	store := memstore.New()
	fake := encodertest.NewFake(store, &encodertest.FakeOptions{Duration: 15040 * time.Millisecond})
	job := plan(t, fake, "a")
	o, err := encode(t.Context(), fake, job)
	require.NoError(t, err)
	for track, want := range map[string]struct{ frames, start string }{
		"v720":  {"376", "0.000000"},
		"audio": {"706", "-0.021333"}, // 1024 samples of priming
	} {
		file := filepath.Join(t.TempDir(), track+".mp4")
		require.NoError(t, os.WriteFile(file, o.stream(store, job, track), 0o600))
		out, err := exec.Command("ffmpeg", "-v", "warning", "-xerror", "-i", file, "-f", "null", "-").CombinedOutput()
		require.NoError(t, err, string(out))
		assert.Empty(t, string(out), track)
		out, err = exec.Command("ffprobe", "-v", "error", "-count_packets", "-show_streams", "-of", "json", file).Output()
		require.NoError(t, err)
		var v struct {
			Streams []struct {
				Packets   string `json:"nb_read_packets"`
				StartTime string `json:"start_time"`
			}
		}
		require.NoError(t, json.Unmarshal(out, &v))
		require.Len(t, v.Streams, 1)
		assert.Equal(t, want.frames, v.Streams[0].Packets, track)
		assert.Equal(t, want.start, v.Streams[0].StartTime, track)
	}
}

func TestFakeProbe(t *testing.T) {
	store := memstore.New()
	store.Set("sources/1", []byte("bytes"))
	there := encoder.Source{Parts: []encoder.Part{{Key: "sources/1", Size: 5}}}

	media, err := encodertest.NewFake(store, &encodertest.FakeOptions{Duration: time.Minute}).Probe(t.Context(), there)
	require.NoError(t, err)
	assert.Equal(t, time.Minute, media.Duration)
	require.Len(t, media.Streams, 2)

	mine := encoder.Media{Format: "matroska"}
	media, err = encodertest.NewFake(store, &encodertest.FakeOptions{Media: &mine}).Probe(t.Context(), there)
	require.NoError(t, err)
	assert.Equal(t, mine, media)

	_, err = encodertest.NewFake(store, nil).Probe(t.Context(), encoder.Source{Parts: []encoder.Part{{Key: "sources/2"}}})
	var e *encoder.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, encoder.CodeSourceUnavailable, e.Code)
	assert.False(t, e.Permanent)

	corrupt := &encoder.Error{Code: encoder.CodeCorrupt, Permanent: true}
	_, err = encodertest.NewFake(store, &encodertest.FakeOptions{ProbeErr: corrupt}).Probe(t.Context(), there)
	require.ErrorIs(t, err, corrupt)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = encodertest.NewFake(store, nil).Probe(ctx, there)
	require.ErrorIs(t, err, context.Canceled)
}

func TestFakeFails(t *testing.T) {
	failed := &encoder.Error{Code: encoder.CodeEncoderFailed, Message: "out of luck"}
	for at, want := range map[int]error{0: failed, 1: failed, 2: failed, 3: nil} {
		fake := encodertest.NewFake(memstore.New(), &encodertest.FakeOptions{Err: failed, FailAt: at})
		o, err := encode(t.Context(), fake, plan(t, fake, "a"))
		require.ErrorIs(t, err, want)
		assert.Len(t, o.segments["v720"], min(at, 2))
		assert.Len(t, fake.Jobs(), 1)
	}
}

func TestFakeRefusesJobs(t *testing.T) {
	fake := encodertest.NewFake(memstore.New(), nil)
	for name, spoil := range map[string]func(*encoder.Job){
		"no grid":      func(j *encoder.Job) { j.Grid = encoder.Grid{} },
		"uneven grid":  func(j *encoder.Job) { j.Grid.Segment++ },
		"no tracks":    func(j *encoder.Job) { j.Tracks = nil },
		"unknown kind": func(j *encoder.Job) { j.Tracks[0].Kind = "smell" },
	} {
		job := plan(t, fake, "a")
		spoil(&job)
		_, err := encode(t.Context(), fake, job)
		var e *encoder.Error
		require.ErrorAs(t, err, &e, name)
		assert.True(t, e.Permanent)
	}
}

func TestFakeStoreFails(t *testing.T) {
	store := memstore.New()
	full := errors.New("disk full")
	store.Fail(full)
	fake := encodertest.NewFake(store, nil)
	_, err := encode(t.Context(), fake, plan(t, fake, "a"))
	var e *encoder.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, encoder.CodeStorage, e.Code)
	require.ErrorIs(t, err, full)
}

func TestFakeTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := encodertest.NewFake(memstore.New(), &encodertest.FakeOptions{Delay: 3 * time.Second, Duration: time.Minute})
		begin := time.Now()
		o, err := encode(t.Context(), fake, plan(t, fake, "a"))
		require.NoError(t, err)
		assert.Equal(t, 30*time.Second, time.Since(begin))
		for _, p := range o.progress {
			assert.InDelta(t, 2.0, p.Speed, 0.001)
		}

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begin = time.Now()
		o, err = encode(ctx, fake, plan(t, fake, "b"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 10*time.Second, time.Since(begin))
		assert.Len(t, o.segments["v720"], 3)
	})
}

func TestFakeHook(t *testing.T) {
	stop := errors.New("stop")
	var seen []int
	fake := encodertest.NewFake(memstore.New(), &encodertest.FakeOptions{
		Duration: time.Minute,
		Segment: func(_ context.Context, job encoder.Job, number int) error {
			assert.Equal(t, "a", job.ID)
			if seen = append(seen, number); number == 2 {
				return stop
			}
			return nil
		},
	})
	o, err := encode(t.Context(), fake, plan(t, fake, "a"))
	require.ErrorIs(t, err, stop)
	assert.Equal(t, []int{0, 1, 2}, seen)
	assert.Len(t, o.segments["audio"], 2)
}

func ExampleFake() {
	store := memstore.New() // any storage.Store
	fake := encodertest.NewFake(store, nil)
	media, _ := fake.Probe(context.Background(), encoder.Source{})
	grid, tracks, _ := encoder.Plan(media, &encoder.PlanOptions{MaxRenditions: 1})
	job := encoder.Job{ID: "1", Output: "media/42/1", Media: media, Grid: grid, Tracks: tracks}
	err := fake.Encode(context.Background(), job, func(u encoder.Update) error {
		switch {
		case u.Segment != nil:
			fmt.Println(u.Segment.Track, "segment", u.Segment.Number)
		case u.Progress != nil:
			fmt.Println(u.Progress.Position, "done")
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// v720 segment 0
	// audio segment 0
	// 6s done
	// v720 segment 1
	// audio segment 1
	// 12s done
	// <nil>
}
