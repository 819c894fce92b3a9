// Package ffmpeg implements encoder.Encoder and encoder.Prober over ffmpeg
// processes.
//
//	ff := ffmpeg.New(store, nil)
//	if _, err := ff.Doctor(ctx); err != nil {
//		log.Fatal(err) // says what is missing and how to install it
//	}
//	vod, err := upload.New(store, encoder.Limit(ff, 2, nil), ff, nil)
//
// One process decodes a source once and encodes all its renditions and its sound,
// each as fragmented MP4 into a pipe of its own, and package hls/pack makes segments
// of what comes out. The process reads the source from an inherited descriptor where
// the Store has a local file, and otherwise from a range server on a loopback address
// that serves this one source to this one job. It is killed with its whole process
// group when the context ends, and by the kernel when this process dies (on Linux).
//
// Sources are hostile. Only real containers are opened, by content, and only the one
// address of the source; pictures, streams, memory and time are limited (see Options);
// the process has an environment that is empty but for where libraries are, and works
// in an empty folder that is removed behind it. [Bubblewrap] takes the rest of the
// machine from it as well:
//
//	ff := ffmpeg.New(store, &ffmpeg.Options{Sandbox: ffmpeg.Bubblewrap(nil)})
//
// # Disk
//
// Nothing is written but what ends up in the Store: ffmpeg writes into pipes, hls/pack
// keeps the segment of each track that is being filled in memory, and sources of remote
// Stores come through Options.SourceCache, in memory too. A program takes an empty folder
// in os.TempDir and no byte more; on Linux Options.MaxTemp holds it to that. Where there
// is no room for the folder, the probe or encode fails with encoder.CodeNoSpace before
// the program starts. What a job takes of the Store is encoder.Job.MaxOutput at most.
//
// ffmpeg and x264 are separate programs under the GPL: they are run, not linked.
// Works on Linux and macOS; on other systems, whose processes can't inherit pipes,
// every method returns errors.ErrUnsupported.
package ffmpeg
