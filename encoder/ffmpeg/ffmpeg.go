package ffmpeg

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/storage"
)

// Options change how ffmpeg is run.
type Options struct {
	// FFmpeg and FFprobe are the programs: names to be looked up on PATH, or paths.
	// Default to "ffmpeg" and "ffprobe".
	FFmpeg, FFprobe string
	// Preset is x264's: "ultrafast" to "veryslow". Defaults to "veryfast".
	Preset string
	// Threads caps the threads of the decoder and of each video encoder; windows that run side
	// by side have no more than their share of the processors. A 1080p ladder of
	// four takes about 540 MB with 3. Defaults to the number of processors, at most 8.
	Threads int
	// InputArgs are added before the input, VideoArgs to every video output, AudioArgs to
	// every audio output; nothing checks them. Default to none.
	InputArgs, VideoArgs, AudioArgs []string
	// StallTimeout ends an encode that has given no sign of life for so long, or that
	// reports but has not got further for five times as long, while nothing on our side
	// held it up. Defaults to two minutes.
	StallTimeout time.Duration
	// ProbeTimeout ends a probe that takes longer than this and a second for every 4 MiB
	// of the source. Defaults to five minutes.
	ProbeTimeout time.Duration
	// MaxPixels refuses sources with larger pictures before memory is taken for one,
	// wherever in the file they are: where encoder.PlanOptions.MaxSourcePixels is raised,
	// raise this too. Defaults to 8192x4352.
	MaxPixels int64
	// MaxStreams refuses sources with more streams while their header is read: where
	// encoder.PlanOptions.MaxStreams is raised, raise this too. Defaults to 128.
	MaxStreams int
	// MaxWallTime ends an encode that takes longer than this and what its timeline takes
	// at MinSpeed (encoded time over wall time). The time that the Store or emit hold it
	// up does not count. Default to 30 minutes and 1/30.
	MaxWallTime time.Duration
	MinSpeed    float64
	// MaxMemory caps the data of each process in bytes (RLIMIT_DATA; Linux only). A file
	// that needs more fails with encoder.CodeTooLarge. Negative sets no cap. Defaults to
	// 6 GiB; the largest pictures that MaxPixels lets through take up to 4 GiB with eight
	// threads, and 2.5 GiB with two.
	MaxMemory int64
	// MaxTemp caps, in bytes, each file that a program writes (RLIMIT_FSIZE; Linux only): it
	// is killed there. The programs that are run write none, so this is for arguments of
	// your own, and for bugs. Negative sets no cap. Defaults to 1 MiB.
	MaxTemp int64
	// Sandbox confines the programs further: see Bubblewrap. Defaults to nil, none.
	Sandbox Sandbox
	// Env are variables ("name=value") for the programs, such as a graphics driver's, or
	// PATH for a script. Of this process's environment they see nothing but where
	// libraries are (LD_LIBRARY_PATH and its like). Defaults to none.
	Env []string
	// SourceCache bounds, in bytes, the blocks of a source that are kept in memory for
	// each job whose source is not a local file. Defaults to 32 MiB.
	SourceCache int64
	// Keys has the keys of jobs with an Encryption. Without it they fail with
	// encoder.CodeKeys. Defaults to nil.
	Keys hls.KeyProvider
	// Logger is told of each process. Defaults to nil, silent.
	Logger *slog.Logger
}

// Encoder runs ffmpeg. Make one with New; its methods may be called concurrently,
// and each call of Encode runs a process of its own: see encoder.Limit.
type Encoder struct {
	store storage.Store
	opts  Options
	log   *slog.Logger
	// able is what the ffmpeg at hand can do.
	able func(context.Context) (abilities, error)
	mu   sync.Mutex
	have *abilities // nil until an ffmpeg has told
}

var (
	_ encoder.Encoder = (*Encoder)(nil)
	_ encoder.Prober  = (*Encoder)(nil)
)

// New returns an Encoder that reads sources from store and puts segments there. It
// starts nothing and looks for nothing yet: see Doctor.
func New(store storage.Store, opts *Options) *Encoder {
	e := &Encoder{store: store}
	if opts != nil {
		e.opts = *opts
	}
	o := &e.opts
	orString(&o.FFmpeg, "ffmpeg")
	orString(&o.FFprobe, "ffprobe")
	orString(&o.Preset, "veryfast")
	if o.Threads <= 0 {
		o.Threads = min(runtime.NumCPU(), 8)
	}
	if o.StallTimeout <= 0 {
		o.StallTimeout = 2 * time.Minute
	}
	if o.ProbeTimeout <= 0 {
		o.ProbeTimeout = 5 * time.Minute
	}
	if o.MaxPixels <= 0 {
		o.MaxPixels = 8192 * 4352
	}
	if o.MaxStreams <= 0 {
		o.MaxStreams = 128
	}
	if o.MaxWallTime <= 0 {
		o.MaxWallTime = 30 * time.Minute
	}
	if o.MinSpeed <= 0 {
		o.MinSpeed = 1.0 / 30
	}
	if o.MaxMemory == 0 {
		o.MaxMemory = 6 << 30
	}
	if o.MaxTemp == 0 {
		o.MaxTemp = 1 << 20
	}
	if o.SourceCache <= 0 {
		o.SourceCache = 32 << 20
	}
	e.log = o.Logger
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.able = e.findAbilities
	return e
}

// command returns the command that runs program over in, or over nothing.
func (e *Encoder) command(program string, in *input, args []string) command {
	return command{
		program: program, args: args, env: e.opts.Env, log: e.log, network: in != nil && in.remote,
		confine: confinement{memory: max(0, e.opts.MaxMemory), temp: max(0, e.opts.MaxTemp), sandbox: e.opts.Sandbox},
	}
}

func orString(p *string, v string) {
	if *p == "" {
		*p = v
	}
}
