package encoder

// Apple returns options whose output breaks no "must" of Apple's HLS Authoring
// Specification for video on demand that hls/check knows. Change what you like on
// them. Beyond what Plan does anyway they turn on
//
//   - Cellular (9.21, and a second video bit rate for small sources, 9.9),
//   - at most 60 frames a second (1.19).
//
// What Plan, an Encoder and hls.Publisher do anyway: stereo AAC (2.3) apart from H.264 of
// at most High 5.2 (1.3), progressive (1.14) and SDR (1.24); CODECS, RESOLUTION,
// FRAME-RATE, VIDEO-RANGE and both bandwidths of every variant, as measured (9.1 to 9.16, 1.26, 1.27); a
// LANGUAGE and CHANNELS for every rendition (8.10, 9.6); I-frame playlists (6.1); segments
// that start with an IDR picture, on one grid (7.1 to 7.7). Playlists are compressed by hls.Handler
// (10.1).
func Apple() *PlanOptions {
	return &PlanOptions{Cellular: true, MaxFrameRate: 60}
}

// The rendition for cellular networks: what its pictures and its sound have of 192 kb/s,
// in bits per second.
const (
	cellularGroup = "low"
	cellularSide  = 180 // pixels, the shorter side
	cellularRate  = 100_000
	// cellularBuffer, in bits, is small: what a VBV lets through at once counts in the peak
	// of a short clip.
	cellularBuffer     = 60_000
	cellularSound      = 48_000
	cellularSoundAlone = 160_000
)

// cellularVideo plans the rendition that is behind all others.
func cellularVideo(s Stream, g Grid, o PlanOptions) TrackSpec {
	w, h := s.DisplaySize()
	w, h = fit(w, h, min(w, h, cellularSide), cellularSide*32/9)
	t := videoTrack(s.Index, w, h, g, o)
	t.ID, t.Group = "low", cellularGroup
	t.MaxRate, t.BufSize = cellularRate, cellularBuffer
	t.CRF = min(o.CRF+3, 51) // a rendition of the same size must not have the same bit rate
	d := g.SegmentDuration().Float()
	// At 60 frames a second a sample's place in the boxes counts: some 12 bytes each.
	t.PeakBandwidth = int64((cellularRate*d+0.9*cellularBuffer)/d*1.02) + 6_000
	t.AverageBandwidth = cellularRate*102/100 + 6_000
	return t
}

// cellularSounds plans each sound once more: groups have the same members (RFC 8216
// section 4.3.4.1.1).
func cellularSounds(sounds []Stream, o PlanOptions) []TrackSpec {
	o.AudioBitrate = min(o.AudioBitrate, cellularSound)
	tracks := audioTracks(sounds, o)
	for i := range tracks {
		tracks[i].ID = "low-" + tracks[i].ID
		tracks[i].Group = cellularGroup
	}
	return tracks
}
