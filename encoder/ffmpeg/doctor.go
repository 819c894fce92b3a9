package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	// Sandboxed says that the programs ran in Options.Sandbox.
	Sandboxed bool
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
	neededFilters  = []string{"scale", "setsar", "format", "fps", "tpad", "trim", "split", "null", "framestep", "select", "aresample", "aformat", "apad", "atrim",
		"hflip", "vflip", "transpose", "anullsrc", "asetrate", "asetpts", "setpts", "asettb", "ainterleave", "areverse", "aselect", "premultiply", "alimiter"}
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
	if r.FFmpeg, err = e.version(ctx, e.opts.FFmpeg); err != nil {
		return r, err
	}
	if r.FFprobe, err = e.version(ctx, e.opts.FFprobe); err != nil {
		return r, err
	}
	for name, v := range map[string]string{e.opts.FFmpeg: r.FFmpeg, e.opts.FFprobe: r.FFprobe} {
		if tooOld(v) {
			return r, &encoder.Error{Code: encoder.CodeEncoderMissing, Message: fmt.Sprintf(
				"%s is version %s, which is too old. %s", name, v, howToInstall())}
		}
	}
	r.Sandboxed = e.opts.Sandbox != nil
	if e.opts.MaxMemory > 0 && !canLimit() {
		r.Warnings = append(r.Warnings, "Options.MaxMemory and MaxTemp can't be set here: they need Linux and /bin/sh.")
	}
	have, err := e.find(ctx)
	if err != nil {
		return r, err
	}
	r.Missing = append(have.lacks(have.encoders, neededEncoders), have.lacks(have.filters, neededFilters)...)
	if l := have.lacks(have.filters, hdrFilters); len(l) > 0 {
		r.Warnings = append(r.Warnings, "This ffmpeg lacks "+strings.Join(l, " and ")+": HDR videos will look washed out. Install a build with libzimg.")
	}
	if !have.decoders["libvpx"] || !have.decoders["libvpx-vp9"] {
		r.Warnings = append(r.Warnings, "This ffmpeg lacks libvpx: WebM videos that are partly transparent will show what they hide. Install a build with it.")
	}
	if len(r.Missing) > 0 {
		return r, &encoder.Error{Code: encoder.CodeEncoderMissing, Message: fmt.Sprintf(
			"%s lacks %s. Install a build that has it. %s", e.opts.FFmpeg, strings.Join(r.Missing, ", "), howToInstall())}
	}
	return r, nil
}

// abilities are the names that ffmpeg lists.
type abilities struct{ encoders, decoders, filters map[string]bool }

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

// findAbilities asks ffmpeg until it has answered once.
func (e *Encoder) findAbilities(ctx context.Context) (abilities, error) {
	e.mu.Lock()
	have := e.have
	e.mu.Unlock()
	if have != nil {
		return *have, nil
	}
	a, err := e.find(ctx)
	if err != nil {
		return a, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.have = &a
	return a, nil
}

func (e *Encoder) find(ctx context.Context) (abilities, error) {
	a := abilities{}
	for flag, into := range map[string]*map[string]bool{"-encoders": &a.encoders, "-decoders": &a.decoders, "-filters": &a.filters} {
		out, err := e.ask(ctx, e.opts.FFmpeg, flag)
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
func (e *Encoder) ask(ctx context.Context, program, flag string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var out strings.Builder
	c := e.command(program, nil, []string{"-hide_banner", flag})
	tail, err := output(ctx, c, func(r io.Reader) error {
		_, err := io.Copy(&out, io.LimitReader(r, probeLimit))
		return err
	})
	var known *encoder.Error
	switch {
	case err == nil:
		return out.String(), nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.As(err, &known):
		return "", err
	}
	failed := &encoder.Error{Code: encoder.CodeEncoderMissing, Err: err, Stderr: tail.String(),
		Message: "The program " + program + " cannot be run. " + howToInstall()}
	if e.opts.Sandbox != nil {
		failed.Message = "The program " + program + " cannot be run in the sandbox. See what it said, or run without Options.Sandbox."
	}
	return "", failed
}

var versionLine = regexp.MustCompile(`(?m)^ff(?:mpeg|probe) version (\S+)`)

func (e *Encoder) version(ctx context.Context, program string) (string, error) {
	out, err := e.ask(ctx, program, "-version")
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
