package compare_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/internal/corpus/compare"
	"github.com/vodkit/vodkit/internal/testmedia"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source makes twelve seconds of moving picture and of sound that comes and goes.
func source(t *testing.T) string {
	t.Helper()
	return testmedia.Make(t, "source.mkv", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=12",
		"-f", "lavfi", "-i", "aevalsrc='0.4*sin(2*PI*440*t)*gt(sin(2*PI*0.9*t)+sin(2*PI*2.3*t*t/9),0.2)':s=48000:d=12",
		"-c:v", "libx264", "-preset", "ultrafast", "-c:a", "pcm_s16le")
}

func read(t *testing.T, path string) compare.Recording {
	t.Helper()
	r, err := compare.Read(t.Context(), compare.Stream{Path: path}, compare.Stream{Path: path, Index: 1}, &compare.Options{Times: true})
	require.NoError(t, err)
	return r
}

// What is planted is found, by the fault that says so, and nothing else is.
func TestCompare(t *testing.T) {
	testmedia.Need(t, "ffmpeg")
	path := source(t)
	want := read(t, path)
	require.Len(t, want.Pictures, 12*compare.Rate)
	require.Len(t, want.Levels, 12*compare.LevelRate)
	const still = "trim=end=6,tpad=stop_mode=clone:stop_duration=6"
	for name, tc := range map[string]struct {
		video, audio string
		args         []string
		faults       []string // what each says, in their order
	}{
		"as it is":            {},
		"encoded small":       {video: "scale=64:36", args: []string{"-crf", "35", "-b:a", "48k"}},
		"at another rate":     {video: "fps=10"},
		"at a higher rate":    {video: "fps=60000/1001"},
		"brighter":            {video: "lutyuv=y='80+val*0.6'"},
		"with another gamma":  {video: "lutyuv=y=gammaval(1.8)"},
		"quieter":             {audio: "volume=-6dB"},
		"40 ms late":          {audio: "adelay=40,atrim=end=12"},
		"the last half":       {args: []string{"-t", "6"}, faults: []string{"picture of 6", "sound of 6"}},
		"pictures that end":   {video: "trim=end=8", faults: []string{"picture of 8"}},
		"sound that ends":     {audio: "atrim=end=8", faults: []string{"sound of 8"}},
		"no sound at all":     {args: []string{"-an"}, faults: []string{"no sound"}},
		"black":               {video: "lutyuv=y=16:u=128:v=128", faults: []string{"of 96 pictures are not the source's, the first at 0.00 s"}},
		"still from 6 s on":   {video: still, faults: []string{"of 96 pictures are not the source's, the first at 6."}},
		"upside down":         {video: "vflip", faults: []string{"pictures are not"}},
		"mirrored":            {video: "hflip", faults: []string{"pictures are not"}},
		"half a second late":  {video: "tpad=start=13,trim=end=12", faults: []string{"pictures are not"}},
		"a grey third":        {video: "drawbox=c=gray:t=fill:enable='between(t,4,8)'", faults: []string{"pictures are not the source's, the first at 4."}},
		"silent":              {audio: "volume=0", faults: []string{"sound are missing"}},
		"silent from 6 s on":  {audio: "volume=0:enable='gt(t,6)'", faults: []string{"sound are missing"}},
		"sound 0.5 s late":    {audio: "adelay=500,atrim=end=12", faults: []string{"sound are missing", "sound are not in the source", "sound is 0.50 s late"}},
		"sound 0.5 s early":   {audio: "atrim=start=0.5,asetpts=PTS-STARTPTS", faults: []string{"sound are missing", "sound are not in the source", "sound is -0.50 s late"}},
		"sound 0.2 s late":    {audio: "adelay=200,atrim=end=12", faults: []string{"sound are missing", "sound are not in the source", "sound is 0.20 s late"}},
		"sound that is noise": {audio: "aeval=random(0)-0.5:c=same", faults: []string{"sound are not in the source"}},
		"three seconds more":  {video: "tpad=stop_mode=clone:stop_duration=3", faults: []string{"15.00 s, the source has 12.00 s"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := []string{"-i", path, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"}
			if tc.video != "" {
				args = append(args, "-vf", tc.video)
			}
			if tc.audio != "" {
				args = append(args, "-af", tc.audio)
			}
			output := testmedia.Make(t, "output.mp4", append(args, tc.args...)...)
			sound := compare.Stream{Path: output, Index: 1}
			if name == "no sound at all" {
				sound = compare.Stream{}
			}
			have, err := compare.Read(t.Context(), compare.Stream{Path: output}, sound, &compare.Options{Times: true})
			require.NoError(t, err)
			r := compare.Compare(want, have)
			found := strings.Join(r.Faults, "; ")
			for _, f := range tc.faults {
				assert.Contains(t, found, f)
			}
			assert.Len(t, r.Faults, len(tc.faults), "%s (%+v)", found, r)
		})
	}
}

// A file is read as encoders take it: its earliest time is 0, and sound keeps its place
// where it starts late, has gaps or changes its channels.
func TestRead(t *testing.T) {
	testmedia.Need(t, "ffmpeg")
	path := testmedia.Make(t, "late.ts", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=4", "-itsoffset", "1.5",
		"-f", "lavfi", "-i", "sine=frequency=440:duration=2", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "ac3", "-output_ts_offset", "100")
	r, err := compare.Read(t.Context(), compare.Stream{Path: path}, compare.Stream{Path: path, Index: 1}, nil)
	require.NoError(t, err)
	assert.InDelta(t, 4, r.PictureEnd(), 0.2)
	assert.InDelta(t, 3.5, r.SoundEnd(), 0.06)
	first := 0
	for r.Levels[first] < 1e-4 {
		first++
	}
	assert.InDelta(t, 1.5, float64(first)/compare.LevelRate, 0.04)

	short, err := compare.Read(t.Context(), compare.Stream{Path: path}, compare.Stream{Path: path, Index: 1}, &compare.Options{Most: 2 * time.Second})
	require.NoError(t, err)
	assert.InDelta(t, 2, short.PictureEnd(), 0.01)
	assert.InDelta(t, 2, short.SoundEnd(), 0.01)
}

func TestReadNothing(t *testing.T) {
	testmedia.Need(t, "ffmpeg")
	_, err := compare.Read(t.Context(), compare.Stream{Path: "none.mp4"}, compare.Stream{}, nil)
	require.ErrorContains(t, err, "none.mp4: No such file")
	_, err = compare.Read(t.Context(), compare.Stream{}, compare.Stream{}, nil)
	require.Error(t, err)
}

// A file of one picture has one, however short it is shown.
func TestReadOnePicture(t *testing.T) {
	testmedia.Need(t, "ffmpeg")
	path := testmedia.Make(t, "one.mp4", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-frames:v", "1", "-c:v", "libx264")
	r, err := compare.Read(t.Context(), compare.Stream{Path: path}, compare.Stream{}, nil)
	require.NoError(t, err)
	assert.Len(t, r.Pictures, 1)
}
