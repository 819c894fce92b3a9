// Package vodkit is the root of a library that puts video on demand into a service
// that already exists. It holds no code: import the packages that you wire together.
//
// A handful of values make a service:
//
//	store, err := blobstore.Open(ctx, "s3://videos?region=eu-central-1", nil) // bytes by key, in any bucket
//	ff := ffmpeg.New(store, nil)                                              // an encoder.Encoder and encoder.Prober
//	hub := sse.NewHub(&sse.Options{Snapshot: …})                              // progress for browsers
//	enc := encoder.Parallel(encoder.Limit(ff, 2, nil), nil)                   // windows of the timeline, two at once
//	vod, err := upload.New(store, enc, ff, &upload.Options{Sink: hub})        // takes uploads
//	media := hls.NewHandler(store, nil)                                       // serves what was made
//
// Start the pipeline, and mount three handlers on the router that is there:
//
//	err = vod.Start(ctx)
//	mux.Handle("/assets", upload.NewHandler(vod, &upload.HandlerOptions{Events: hub}))
//	mux.Handle("/assets/", upload.NewHandler(vod, &upload.HandlerOptions{Events: hub}))
//	mux.Handle("/media/", http.StripPrefix("/media", media))
//
// POST /assets takes a video and answers 202. GET /assets/{id}/events streams how far
// it is. /media/{id}/master.m3u8 plays it, from the first encoded segment on.
//
// All handlers ask one function of the host's, Authorize(r, action, asset), what a
// request may do; without one everything is open.
//
// # Replacing parts
//
// Everything between the packages is a small interface: storage.Store,
// progress.Sink, encoder.Encoder and encoder.Prober, upload.Catalog. Packages
// storage/storagetest, progress/progresstest and encoder/encodertest have the
// conformance suites for implementations of your own; encodertest also has an
// encoder that needs no ffmpeg and emits a small real video, so that a service's
// tests run anywhere:
//
//	store := blobstore.New(memblob.OpenBucket(nil), nil)
//	fake := encodertest.NewFake(store, nil)
//	vod, err := upload.New(store, fake, fake, &upload.Options{Sink: &recorder})
//
// Or drive the parts without a pipeline: Probe a source, Plan a ladder, Encode with
// an emit function that feeds an hls.Publisher. The documentation of package hls
// shows the loop.
package vodkit
