// Package hls writes and serves HTTP Live Streaming (RFC 8216) presentations.
//
// A [Publisher] takes segments as an encoder finishes them and keeps the playlists
// in the Store true: playable and growing from the first segment, final and measured
// at the end. A [Handler] serves all of it to players.
//
//	p, err := hls.NewPublisher(store, "media/42", attempt, job.Presentation(), nil)
//	…
//	err = enc.Encode(ctx, job, func(u encoder.Update) error {
//		switch {
//		case u.Init != nil:
//			return p.Init(ctx, *u.Init)
//		case u.Segment != nil:
//			return p.Segment(ctx, *u.Segment)
//		}
//		return nil
//	})
//	if err != nil {
//		return errors.Join(err, p.Fail(context.WithoutCancel(ctx)))
//	}
//	return p.Finish(ctx)
//
// and beside it, on the host's router:
//
//	http.Handle("/media/", http.StripPrefix("/media", hls.NewHandler(store, nil)))
//
// Package upload does the first part for whole assets.
//
// Keys, under the prefix of an asset (such as "media/42"):
//
//	master.m3u8                           multivariant playlist, the stable URL
//	<attempt>/<track>/event.m3u8          growing media playlist, ENDLIST at the end
//	<attempt>/<track>/index.m3u8          final media playlist (VOD)
//	<attempt>/<track>/iframe.m3u8         I-frame playlist, beside the final one of a video track
//	<attempt>/<track>/index-<run>.m3u8    those of another run of the attempt; iframe-<run>.m3u8
//	<attempt>/<track>/init-<hash>.mp4     initialization segment
//	<attempt>/<track>/<number>-<hash>.m4s media segment; .vtt of subtitles, .jpg of images
//	keys/<id>.key                         no object: where a Handler serves a key, see KeyProvider
//
// Media objects are named by their content and never change. All URIs in playlists are
// relative, so that a presentation can be served from anywhere, a bucket's website
// too.
package hls
