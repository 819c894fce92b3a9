// Package check validates HLS presentations on their bytes: playlists, initialization
// segments and media segments, against each other and against the standards.
//
// [Run] reads a presentation from a [Source] and applies the [Rules]:
//
//	report, err := check.Run(ctx, check.Store(storage.Prefix(store, "media/42")), "master.m3u8", &check.Options{
//		Expected: probed.Duration,
//	})
//	if err != nil {
//		return err // it could not be checked: try again
//	}
//	if err := report.Err(); err != nil {
//		return err // it must not be called complete
//	}
//
// Rules have one of two profiles. [Conformance] is RFC 8216 and what must be true before
// a presentation is called complete: what the playlists say is what the bytes are. It
// gates, through [Report.Err]. [Authoring] is the rest of Apple's HLS Authoring
// Specification; it reports, and a presentation that is fine may well have findings of
// it, such as that there are no I-frame playlists.
//
// Each segment is read once. In fragmented MP4 the samples are skipped, but for the first
// picture: from a file by seeking, from a bucket or a server by opening the object again
// where that saves a megabyte. Encrypted segments are looked into where Options.Key has
// the key. Of MPEG-TS and packed audio only sizes are checked, and a finding says so.
//
// A presentation that grows (EVENT without EXT-X-ENDLIST) is checked as far as it is.
// Bandwidths are then planned ones: too low is a warning, too high is nothing.
//
// Playlists that are not stored yet can be laid over what is:
//
//	src := check.Overlay(check.Store(store), check.Memory{"master.m3u8": body})
//
// The program examples/hlscheck prints reports of a folder or of any URL.
//
// Input is not trusted: sizes and counts have limits, see [Options]. An [HTTP] source
// goes wherever playlists point.
package check
