// Package progresstest helps to test what reports and what receives progress.
//
// [Recorder] is a Sink that keeps events, waits for some, and checks that a producer
// keeps the promises of progress.Event:
//
//	rec := &progresstest.Recorder{}
//	pipeline, err := upload.New(store, encoder, prober, &upload.Options{Sink: rec})
//	…
//	end, err := rec.WaitTerminal(ctx, asset.ID)
//	err = rec.CheckInvariants()
//
// [RunSink] is the conformance suite for a Sink of one's own. The package needs nothing
// but the standard library.
package progresstest
