package compare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

const (
	// Rate is how many pictures a second are kept.
	Rate = 8
	// LevelRate is how many levels of sound a second are kept.
	LevelRate = 100

	width, height = 32, 18
	sampleRate    = 11025 // of those that FLV knows
)

// Stream is a stream of a file. One without a path is none.
type Stream struct {
	Path  string
	Index int
}

// Options change how a file is read.
type Options struct {
	// Times takes the times of the file as they are. Without, its earliest is 0, as
	// encoders take a source. Defaults to false.
	Times bool
	// Most is how much of the file is read. Defaults to 15 minutes.
	Most time.Duration
	// FFmpeg is the program. Defaults to "ffmpeg".
	FFmpeg string
}

// Recording is what is seen and heard of a file.
type Recording struct {
	// Pictures are what is on screen, from 0, Rate of them a second: 32x18 grey pixels.
	Pictures [][]byte
	// Levels are the mean power of the sound, from 0, LevelRate of them a second, 1 for
	// full scale. Where there is no sound they are 0.
	Levels []float64
}

// PictureEnd returns the seconds at which the last picture ends.
func (r Recording) PictureEnd() float64 { return float64(len(r.Pictures)) / Rate }

// SoundEnd returns the seconds at which the last sound ends.
func (r Recording) SoundEnd() float64 { return float64(len(r.Levels)) / LevelRate }

// Read decodes a picture and a sound, which may be of one file. What is damaged is read
// as far as ffmpeg does, whatever it says of it. An error is that nothing at all was
// read, or the context's.
func Read(ctx context.Context, picture, sound Stream, opts *Options) (Recording, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Most <= 0 {
		o.Most = 15 * time.Minute
	}
	if o.FFmpeg == "" {
		o.FFmpeg = "ffmpeg"
	}
	var rec Recording
	if picture.Path == "" && sound.Path == "" {
		return rec, errors.New("compare: no stream to be read")
	}
	cmd := exec.CommandContext(ctx, o.FFmpeg, args(picture, sound, o)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	frames, err := cmd.StdoutPipe()
	if err != nil {
		return rec, err
	}
	tags, tagsIn, err := os.Pipe()
	if err != nil {
		return rec, err
	}
	defer func() { _ = tags.Close() }()
	cmd.ExtraFiles = []*os.File{tagsIn}
	err = cmd.Start()
	_ = tagsIn.Close()
	if err != nil {
		return rec, err
	}
	var readers sync.WaitGroup
	var pictureErr, soundErr error
	readers.Go(func() {
		rec.Pictures, pictureErr = readPictures(frames)
		_, _ = io.Copy(io.Discard, frames)
	})
	readers.Go(func() {
		rec.Levels, soundErr = readLevels(tags, o.Most)
		_, _ = io.Copy(io.Discard, tags)
	})
	readers.Wait()
	ended := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return rec, ctx.Err()
	case len(rec.Pictures) == 0 && len(rec.Levels) == 0:
		return rec, fmt.Errorf("compare: nothing to be read: %w: %s", errors.Join(errors.New("ffmpeg has said"), ended), strings.TrimSpace(said.String()))
	}
	return rec, errors.Join(pictureErr, soundErr)
}

// args reads as encoder/ffmpeg does: pictures of another size are scaled on, and one
// input with all its streams is one timeline. round=up takes what is on screen at an
// instant. Colours that no screen shows, which decoders leave where pictures are
// damaged, become those that encoders make of them on their way through RGB.
func args(picture, sound Stream, o Options) []string {
	a := []string{"-nostdin", "-hide_banner", "-v", "error", "-threads", "2", "-reinit_filter:v", "0"}
	if o.Times {
		a = append(a, "-copyts")
	}
	from := 0
	if picture.Path != "" {
		a = append(a, "-protocol_whitelist", "file", "-i", "file:"+picture.Path)
	}
	if sound.Path != "" && sound.Path != picture.Path {
		if picture.Path != "" {
			from = 1
			a = append(a, "-threads", "2")
		}
		a = append(a, "-protocol_whitelist", "file", "-i", "file:"+sound.Path)
	}
	if picture.Path != "" {
		a = append(a, "-filter_complex", fmt.Sprintf("[0:%d]scale=%d:%d:flags=area,format=gbrp,format=gray,fps=%d:start_time=0:round=up,trim=end=%.3f[picture]",
			picture.Index, width, height, Rate, o.Most.Seconds()), "-map", "[picture]", "-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1")
	}
	if sound.Path != "" {
		a = append(a, "-filter_complex", fmt.Sprintf("[%d:%d]aresample=%d,aformat=channel_layouts=stereo,aformat=sample_fmts=s16:channel_layouts=mono[sound]",
			from, sound.Index, sampleRate), "-map", "[sound]", "-c:a", "pcm_s16le", "-ar", fmt.Sprint(sampleRate),
			"-avoid_negative_ts", "disabled", "-flvflags", "no_duration_filesize", "-f", "flv", "pipe:3")
	}
	return a
}

func readPictures(r io.Reader) ([][]byte, error) {
	var pictures [][]byte
	for {
		p := make([]byte, width*height)
		if _, err := io.ReadFull(r, p); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return pictures, nil
		} else if err != nil {
			return pictures, err
		}
		pictures = append(pictures, p)
	}
}
