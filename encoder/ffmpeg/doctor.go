package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/vodkit/vodkit/encoder"
)

// Report is what Doctor found.
type Report struct {
	// FFmpeg and FFprobe are the versions that the programs say, such as
	// "5.1.9-0+deb12u1".
	FFmpeg, FFprobe string
	// Missing are the encoders and filters without which nothing can be encoded.
	Missing []string
	// Warnings are sentences about what will work less well.
	Warnings []string
}

// oldest is the oldest ffmpeg that works: it brought -fps_mode.
const oldestMajor, oldestMinor = 5, 1

// needed are what every encode uses; an encoder or filter each.
var (
	neededEncoders = []string{"libx264", "aac"}
	neededFilters  = []string{"scale", "setsar", "format", "fps", "tpad", "trim", "split", "aresample", "aformat", "apad", "atrim",
		"anullsrc", "asetrate", "asetpts", "asettb", "ainterleave", "aselect"}
	hdrFilters = []string{"zscale", "tonemap"}
)

// Doctor says what the ffmpeg at hand is and lacks. The error, an *encoder.Error,
// is not nil where nothing could be encoded, and says what to install.
func (e *Encoder) Doctor(ctx context.Context) (Report, error) {
	if !supported {
		return Report{}, fmt.Errorf("ffmpeg on this system: %w", errors.ErrUnsupported)
	}
	var r Report
	var err error
	if r.FFmpeg, err = version(ctx, e.opts.FFmpeg); err != nil {
		return r, err
	}
	if r.FFprobe, err = version(ctx, e.opts.FFprobe); err != nil {
		return r, err
	}
	for name, v := range map[string]string{e.opts.FFmpeg: r.FFmpeg, e.opts.FFprobe: r.FFprobe} {
		if tooOld(v) {
			return r, &encoder.Error{Code: encoder.CodeEncoderMissing, Message: fmt.Sprintf(
				"%s is version %s, which is too old. %s", name, v, howToInstall())}
		}
	}
	have, err := find(ctx, e.opts.FFmpeg)
	if err != nil {
		return r, err
	}
	r.Missing = append(have.lacks(have.encoders, neededEncoders), have.lacks(have.filters, neededFilters)...)
	if l := have.lacks(have.filters, hdrFilters); len(l) > 0 {
		r.Warnings = append(r.Warnings, "This ffmpeg lacks "+strings.Join(l, " and ")+": HDR videos will look washed out. Install a build with libzimg.")
	}
	if len(r.Missing) > 0 {
		return r, &encoder.Error{Code: encoder.CodeEncoderMissing, Message: fmt.Sprintf(
			"%s lacks %s. Install a build that has it. %s", e.opts.FFmpeg, strings.Join(r.Missing, ", "), howToInstall())}
	}
	return r, nil
}

// abilities are the names that ffmpeg lists.
type abilities struct{ encoders, filters map[string]bool }

func (abilities) lacks(have map[string]bool, names []string) (missing []string) {
	for _, n := range names {
		if !have[n] {
			missing = append(missing, n)
		}
	}
	return missing
}

// tonemaps says whether HDR can be made SDR.
func (a abilities) tonemaps() bool { return len(a.lacks(a.filters, hdrFilters)) == 0 }

func (e *Encoder) findAbilities() (abilities, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return find(ctx, e.opts.FFmpeg)
}

func find(ctx context.Context, program string) (abilities, error) {
	a := abilities{}
	for flag, into := range map[string]*map[string]bool{"-encoders": &a.encoders, "-filters": &a.filters} {
		out, err := ask(ctx, program, flag)
		if err != nil {
			return a, err
		}
		*into = map[string]bool{}
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); len(f) >= 2 {
				(*into)[f[1]] = true
			}
		}
	}
	return a, nil
}

// ask runs program with one flag and returns what it prints.
func ask(ctx context.Context, program, flag string) (string, error) {
	cmd := exec.CommandContext(ctx, program, "-hide_banner", flag)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", missing(program, err)
	}
	return string(out), nil
}

var versionLine = regexp.MustCompile(`(?m)^ff(?:mpeg|probe) version (\S+)`)

func version(ctx context.Context, program string) (string, error) {
	out, err := ask(ctx, program, "-version")
	if err != nil {
		return "", err
	}
	m := versionLine.FindStringSubmatch(out)
	if m == nil {
		return "", &encoder.Error{Code: encoder.CodeEncoderMissing,
			Message: program + " does not say a version, so it is no ffmpeg. " + howToInstall()}
	}
	return m[1], nil
}

var versionNumber = regexp.MustCompile(`^n?(\d+)\.(\d+)`)

// tooOld knows release versions; a build from the source tree ("N-109468-gd39b34123d")
// is taken to be new enough.
func tooOld(v string) bool {
	m := versionNumber.FindStringSubmatch(v)
	if m == nil {
		return false
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return major < oldestMajor || (major == oldestMajor && minor < oldestMinor)
}
