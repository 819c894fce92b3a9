package encoder

import "github.com/vodkit/vodkit/hls"

// fixedOutput is what a track takes beside its samples' share: its init segment,
// playlists, and what an encoder may exceed a cap by in a short track; in bytes.
const fixedOutput = 128 << 10

// MaxOutput returns how many bytes the job's objects and playlists take in the Store at
// most, where its encoder keeps to MaxRate and Bitrate. It is 0 where the duration of the
// timeline is unknown.
func (j Job) MaxOutput() int64 {
	d := j.Grid.Duration().Seconds()
	if d <= 0 {
		return 0
	}
	var n int64
	for _, t := range j.Tracks {
		bits := float64(t.Bitrate) * d * 1.1 // AAC keeps to it on average only
		if t.Kind == hls.Video && !t.Copy {
			bits = float64(t.MaxRate)*d + float64(t.BufSize)
		}
		if t.Kind == hls.Image { // its segments, the sheets that are made of them, and posters
			bits = 2*float64(t.PeakBandwidth)*d + 8*float64(t.PosterWidth*t.PosterHeight)
		}
		n += int64(bits/8*1.02) + fixedOutput // boxes add two per cent
	}
	return n
}
