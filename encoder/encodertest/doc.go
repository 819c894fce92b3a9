// Package encodertest helps to test with and against encoders.
//
// [Fake] is an Encoder and a Prober that needs no ffmpeg: it writes real fragmented
// MP4 that players play, made of a small recording in this package, for any ladder and
// any duration, as slowly as asked and with the failures asked for.
//
//	store := blobstore.New(memblob.OpenBucket(nil), nil)
//	fake := encodertest.NewFake(store, nil)
//	// hand fake to what takes an encoder.Encoder or an encoder.Prober
//
// [Run] is the conformance suite for an Encoder of your own. The package imports the
// standard library and vodkit, nothing else.
package encodertest
