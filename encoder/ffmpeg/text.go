package ffmpeg

import (
	"context"
	"fmt"
	"io"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/pack"
)

// apart returns the subtitles of a job and the rest of it. Subtitles are read by a
// process of their own, which decodes nothing else and takes as long as reading the
// source does: beside pictures and sound, a line that is spoken in an hour would hold up
// the segments until then.
func apart(job encoder.Job) (text, rest encoder.Job) {
	text, rest = job, job
	text.Tracks, rest.Tracks = nil, nil
	for _, t := range job.Tracks {
		if t.Kind == hls.Subtitle {
			text.Tracks = append(text.Tracks, t)
		} else {
			rest.Tracks = append(rest.Tracks, t)
		}
	}
	return text, rest
}

// textArgs is the command line of a job that has subtitles only: WebVTT, written as
// soon as it is read, into the descriptor that firstOut + a track's place names.
func (e *Encoder) textArgs(job encoder.Job, in *input, progressFD, firstOut int) ([]string, error) {
	args := []string{
		"-nostdin", "-hide_banner", "-nostats", "-v", "error",
		"-progress", fmt.Sprintf("pipe:%d", progressFD), "-stats_period", "0.5",
	}
	args = append(args, e.inputArgs(in)...)
	for i, t := range job.Tracks {
		if _, ok := stream(job.Media, t.Stream); !ok {
			return nil, fmt.Errorf("track %q wants stream %d, which the source does not have", t.ID, t.Stream)
		}
		args = append(args, "-map", fmt.Sprintf("0:%d", t.Stream), "-map_metadata", "-1", "-map_chapters", "-1",
			"-c:s", "webvtt", "-flush_packets", "1", "-f", "webvtt", fmt.Sprintf("pipe:%d", firstOut+i))
	}
	return args, nil
}

// pack makes segments of what a track's pipe brings.
func (r *run) pack(ctx context.Context, store *watchedStore, t encoder.TrackSpec, from io.Reader, opts *pack.Options) error {
	if t.Kind == hls.Subtitle {
		_, err := pack.Text(ctx, store, r.job.Output, t.Track, r.part.cut(r.job), r.job.Grid.Duration(), from, r.packed, opts)
		return err
	}
	if isImage(t) {
		return r.packImages(ctx, store, t, from, opts)
	}
	own := *opts
	own.Frames = places(t, r.job)
	s, err := pack.Pack(ctx, store, r.job.Output, t.Track, r.part.cut(r.job), from, r.packed, &own)
	if s.Filled > 0 || s.Dropped > 0 {
		r.e.log.Warn("The encoder's sound had gaps or overlaps; they were made good.", "job", r.job.ID, "track", t.ID,
			"silent_frames", s.Filled, "dropped_frames", s.Dropped)
	}
	return err
}
