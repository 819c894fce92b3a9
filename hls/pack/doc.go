// Package pack cuts one track's fragmented MP4 stream, as an encoder writes it to a
// pipe, into the initialization segment and the media segments of an HLS
// presentation, and keeps them in a Store.
//
// What ffmpeg must be told: for video
//
//	-movflags +frag_keyframe+delay_moov+default_base_moof
//
// (a fragment per GOP), for audio
//
//	-movflags +frag_every_frame+delay_moov+default_base_moof
//
// (a fragment per frame). A stream has exactly one track.
//
// Segment n of a track covers the timeline from n to n+1 nominal segment durations, or
// from one of [Grid]'s Cuts to the next.
// Video is cut between fragments, so that every segment starts with a sync sample:
// a fragment opens segment n when the presentation time of its first sample has
// reached n durations less half a frame. Audio is cut between samples (frames of
// the codec) by the same rule, so that a boundary is at most half a codec frame from
// the grid.
//
// Presentation times are those of the edit list (ISO 14496-12 8.6.6): the priming of
// an audio codec lies before 0 and is not counted. So Segment.Start of a track's
// first segment is 0 and its Duration leaves the priming out, although the priming
// samples are in its bytes; every segment's Start is the end of the one before, and
// the durations of a track sum to what is heard or seen.
//
// Frames of AAC-LC follow one another without a gap, as long as they decode to,
// whatever durations the stream has: where it leaves a gap there are silent frames, and
// a frame that comes too early for its place is left out. So no frame is further than
// half of its length from its time, and a track is as long as its segments say. Other
// codecs are taken as they come.
//
// Subtitles come as WebVTT, and [Text] cuts them on the same grid. Pictures for a poster
// and a storyboard come as raw frames, see [Images].
package pack
