// Package compare holds what was made of a file to the file itself: both are decoded by
// ffmpeg into small grey pictures and levels of sound, with their times, and laid side
// by side.
//
//	source, err := compare.Read(ctx, compare.Stream{Path: "a.mkv", Index: 0}, compare.Stream{Path: "a.mkv", Index: 1}, nil)
//	output, err := compare.Read(ctx, compare.Stream{Path: "v.mp4"}, compare.Stream{Path: "a.mp4"}, &compare.Options{Times: true})
//	faults := compare.Compare(source, output).Faults
//
// It finds what a viewer would: pictures or sound that are missing, others than the
// source's, or at other times. It is not a measure of quality: what encoders, tone
// mapping and downmixing change is let through.
package compare

import (
	"fmt"
	"math"
)

// Result is what Compare found.
type Result struct {
	// Instants are how many pictures were compared, Different how many of them are not
	// the source's.
	Instants, Different int
	// Error is the mean difference of the pictures, in levels of 255.
	Error float64
	// Windows are the tenths of a second of sound that were compared, Missing those that
	// have much less sound than the source, Added those that have much more.
	Windows, Missing, Added int
	// Lag is how many seconds the sound is behind the source's, NaN where it cannot be
	// told; where it changes, the largest.
	Lag float64
	// Faults say in words what is wrong, none where nothing is.
	Faults []string
}

// Header names the columns that Columns gives.
const Header = "pictures\tdifferent\tdifference\tsound_windows\tmissing\tadded\tlag_s"

// Columns returns the figures with tabs between them.
func (r Result) Columns() string {
	lag := "-"
	if r.Windows > 0 && !math.IsNaN(r.Lag) {
		lag = fmt.Sprintf("%.2f", r.Lag)
	}
	return fmt.Sprintf("%d\t%d\t%.1f\t%d\t%d\t%d\t%s", r.Instants, r.Different, r.Error, r.Windows, r.Missing, r.Added, lag)
}

// slack is how much of an end may be missing or made up, in seconds: as much as
// encoder/ffmpeg makes good.
const slack = 1.0

// Compare lays an output beside its source.
func Compare(source, output Recording) Result {
	r := Result{Lag: math.NaN()}
	fault := func(format string, args ...any) { r.Faults = append(r.Faults, fmt.Sprintf(format, args...)) }
	ends(source, output, fault)
	r.pictures(source.Pictures, output.Pictures, fault)
	r.sound(source.Levels, output.Levels, fault)
	return r
}

// ends compares how long the recordings are.
func ends(source, output Recording, fault func(string, ...any)) {
	for _, t := range []struct {
		what           string
		source, output float64
	}{
		{"picture", source.PictureEnd(), output.PictureEnd()},
		{"sound", source.SoundEnd(), output.SoundEnd()},
	} {
		switch {
		case t.source > 0 && t.output == 0:
			fault("no %s, the source has %.2f s", t.what, t.source)
		case t.output < t.source-slack:
			fault("%s of %.2f s, the source has %.2f s", t.what, t.output, t.source)
		}
	}
	have, want := max(output.PictureEnd(), output.SoundEnd()), max(source.PictureEnd(), source.SoundEnd())
	if have > want+slack {
		fault("%.2f s, the source has %.2f s", have, want)
	}
}
