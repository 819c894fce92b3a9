package pack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

// maxCues bounds the bytes of the cues that one segment of subtitles has to show.
const maxCues = 4 << 20

// Text reads a WebVTT file from r, whose cues come in the order of their starts, and
// puts <output>/<track>/<n>-<hash>.vtt for every segment of the grid up to end: with no
// cue where there is nothing to read, and a cue that lasts longer in each segment that
// shows it. Segments have an X-TIMESTAMP-MAP (RFC 8216 section 3.5) for pictures and sound
// that start at 0. It calls emit after each is durable.
//
// A segment is put as soon as a cue of a later one comes, and the rest at the end of r,
// when Options.Finish agrees. The last segment ends at end. Errors are an *Error around
// one of this package's sentinels, or around what r, store, emit or ctx returned;
// Options.MaxSegment defaults to 4 MiB here.
func Text(ctx context.Context, store storage.Store, output string, track hls.Track, grid Grid, end time.Duration, r io.Reader, emit func(Event) error, opts *Options) (Summary, error) {
	p := newPacker(store, output, track, r, emit, opts)
	t := &textCutter{out: p.out, grid: grid, number: grid.First, end: end.Milliseconds(), limit: maxCues}
	if opts != nil && opts.MaxSegment > 0 {
		t.limit = opts.MaxSegment
	}
	cues := &cueReader{r: newLineReader(r)}
	err := t.run(ctx, cues, p.finish)
	if err == nil {
		return t.out.summary, nil
	}
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return t.out.summary, &Error{Track: track.ID, Offset: cues.r.off, Err: err}
}

// textCutter groups cues into segments.
type textCutter struct {
	out    *output
	grid   Grid
	number int   // of the open segment
	end    int64 // of the timeline, in milliseconds
	limit  int64 // bytes of cues

	cues  []cue // that the open segment or a later one shows
	bytes int64 // of cues
}

func (t *textCutter) run(ctx context.Context, cues *cueReader, finish func(context.Context) error) error {
	if err := t.grid.check(); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		c, err := cues.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = t.add(ctx, c)
		}
		if err != nil {
			return err
		}
	}
	if finish != nil {
		if err := finish(ctx); err != nil {
			return err
		}
	}
	for t.at(t.number) < t.end {
		if err := t.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// at returns when segment n opens, in milliseconds.
func (t *textCutter) at(n int) int64 { return t.grid.millis(n) }

func (t *textCutter) add(ctx context.Context, c cue) error {
	if c.end <= c.start || c.end <= t.at(t.number) || c.start >= t.end {
		return nil // nobody would see it
	}
	for c.start >= t.at(t.number+1) {
		if err := t.flush(ctx); err != nil {
			return err
		}
	}
	if t.bytes += int64(len(c.text)); t.bytes > t.limit {
		return fmt.Errorf("%w: cues of segment %d, at most %d bytes", ErrTooLarge, t.number, t.limit)
	}
	t.cues = append(t.cues, c)
	return nil
}

// flush puts the open segment and opens the next.
func (t *textCutter) flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	start, next := t.at(t.number), t.at(t.number+1)
	var b bytes.Buffer
	b.WriteString("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n")
	later := t.cues[:0]
	t.bytes = 0
	shown := 0
	for _, c := range t.cues {
		fmt.Fprintf(&b, "\n%s --> %s%s\n%s\n", clockTime(c.start), clockTime(min(c.end, t.end)), c.settings, c.text)
		shown++
		if c.end > next {
			later = append(later, c)
			t.bytes += int64(len(c.text))
		}
	}
	t.cues = later
	s := hls.Segment{Number: t.number, Start: start, Duration: min(next, t.end) - start}
	t.number++
	t.out.summary.Samples += int64(shown)
	return t.out.putMedia(ctx, s, ".vtt", "text/vtt", b.Bytes())
}

// cue is what is shown for a while.
type cue struct {
	start, end int64 // milliseconds
	settings   string
	text       string
}

// cueReader reads the cues of a WebVTT file (W3C WebVTT 1 section 6).
type cueReader struct {
	r     *lineReader
	begun bool
}

// next returns the next cue, and io.EOF at the end.
func (c *cueReader) next() (cue, error) {
	if !c.begun {
		line, err := c.r.line()
		switch {
		case errors.Is(err, io.EOF):
			return cue{}, fmt.Errorf("%w: nothing of WebVTT came", ErrNoFragments)
		case err != nil:
			return cue{}, err
		}
		if rest, ok := strings.CutPrefix(strings.TrimPrefix(line, "\ufeff"), "WEBVTT"); !ok || (rest != "" && rest[0] != ' ' && rest[0] != '\t') {
			return cue{}, malformed("%.20q is not the first line of WebVTT", line)
		}
		c.begun = true
	}
	for {
		block, err := c.block()
		if err != nil {
			return cue{}, err
		}
		for i, line := range block[:min(len(block), 2)] { // the first may be an identifier
			if !strings.Contains(line, "-->") {
				continue
			}
			parsed, ok := timing(line)
			if !ok {
				return cue{}, malformed("cue timing %.60q", line)
			}
			parsed.text = strings.ReplaceAll(strings.Join(block[i+1:], "\n"), "-->", "--&gt;")
			if parsed.text != "" {
				return parsed, nil
			}
			break
		}
		// A note, a style, the header's rest, or a cue that shows nothing.
	}
}

// block returns the lines up to an empty one.
func (c *cueReader) block() ([]string, error) {
	var lines []string
	var size int64
	for {
		line, err := c.r.line()
		switch {
		case errors.Is(err, io.EOF) && len(lines) > 0:
			return lines, nil
		case err != nil:
			return nil, err
		case line == "" && len(lines) > 0:
			return lines, nil
		case line == "":
			continue
		}
		if size += int64(len(line)) + 1; size > maxCues {
			return nil, fmt.Errorf("%w: a cue of more than %d bytes", ErrTooLarge, int64(maxCues))
		}
		lines = append(lines, line)
	}
}

// timing reads "00:01.000 --> 00:02.500 align:start".
func timing(line string) (cue, bool) {
	from, rest, _ := strings.Cut(line, "-->")
	to, settings, has := strings.Cut(strings.TrimSpace(rest), " ")
	c := cue{}
	var ok bool
	if c.start, ok = millis(strings.TrimSpace(from)); !ok {
		return c, false
	}
	if c.end, ok = millis(to); !ok {
		return c, false
	}
	if settings = strings.TrimSpace(settings); has && settings != "" {
		c.settings = " " + strings.ReplaceAll(settings, "-->", "")
	}
	return c, true
}

// millis reads "[h…:]mm:ss.mmm".
func millis(s string) (int64, bool) {
	clock, fraction, ok := strings.Cut(s, ".")
	if !ok || len(fraction) != 3 {
		return 0, false
	}
	parts := strings.Split(clock, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return 0, false
	}
	var seconds int64
	for _, p := range parts {
		n, err := strconv.ParseUint(p, 10, 31)
		if err != nil {
			return 0, false
		}
		seconds = seconds*60 + int64(n)
	}
	n, err := strconv.ParseUint(fraction, 10, 31)
	if err != nil || seconds > math.MaxInt64/2000 {
		return 0, false
	}
	return seconds*1000 + int64(n), true
}

// clockTime writes "hh:mm:ss.mmm".
func clockTime(ms int64) string {
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}
