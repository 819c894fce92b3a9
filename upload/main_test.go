package upload_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/progress/progresstest"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newStore returns a Store in memory that the test closes.
func newStore(t testing.TB) storage.Store {
	t.Helper()
	s := blobstore.New(memblob.OpenBucket(nil), nil)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// keysOf returns the keys under prefix.
func keysOf(t testing.TB, s storage.Store, prefix string) []string {
	t.Helper()
	keys := []string{}
	for info, err := range s.List(context.Background(), prefix) {
		require.NoError(t, err)
		keys = append(keys, info.Key)
	}
	return keys
}

// studio is an encoder and prober that a test directs: it emits segments of tiny
// objects that the publisher takes, and does what its fields say.
type studio struct {
	store    storage.Store
	duration time.Duration // of every source, 18 s by default
	version  string        // its fingerprint, "" for an encoder that has none

	mu     sync.Mutex
	probe  func(src encoder.Source) (encoder.Media, error)
	encode func(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error
	jobs   []encoder.Job
}

func (s *studio) set(change func(*studio)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *studio) media() encoder.Media {
	d := s.duration
	if d == 0 {
		d = 18 * time.Second
	}
	return encoder.Media{Format: "mov,mp4", Duration: d, HeaderDuration: d, Streams: []encoder.Stream{
		{Index: 0, Kind: encoder.VideoStream, Codec: "h264", Width: 640, Height: 360, FrameRate: hls.Rational{Num: 25, Den: 1},
			End: d, Packets: 450, PixelFormat: "yuv420p"},
		{Index: 1, Kind: encoder.AudioStream, Codec: "aac", SampleRate: 48000, Channels: 2, End: d, Packets: 843},
	}}
}

func (s *studio) Probe(_ context.Context, src encoder.Source) (encoder.Media, error) {
	s.mu.Lock()
	probe := s.probe
	s.mu.Unlock()
	if probe != nil {
		return probe(src)
	}
	return s.media(), nil
}

func (s *studio) Encode(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
	s.mu.Lock()
	encode := s.encode
	s.jobs = append(s.jobs, job)
	s.mu.Unlock()
	if encode != nil {
		return encode(ctx, job, emit)
	}
	return s.render(ctx, job, emit, -1)
}

func (s *studio) Fingerprint(context.Context) (string, error) {
	if s.version == "" {
		return "", errors.ErrUnsupported
	}
	return s.version, nil
}

// render emits the first n segments of each track, all for a negative n.
func (s *studio) render(ctx context.Context, job encoder.Job, emit func(encoder.Update) error, n int) error {
	const timescale = 12800
	seg := int64(job.Grid.SegmentDuration().Float() * timescale)
	total := int64(job.Grid.Duration().Seconds() * timescale)
	put := func(key string) (int64, error) {
		body := []byte(key)
		_, err := s.store.Put(ctx, job.Output+"/"+key, bytes.NewReader(body), nil)
		return int64(len(body)), err
	}
	for _, t := range job.Tracks {
		codecs := map[hls.Kind]string{hls.Video: "avc1.64001f", hls.Audio: "mp4a.40.2"}[t.Kind]
		key := t.ID + "/init-0.mp4"
		size, err := put(key)
		if err != nil {
			return err
		}
		if err := emit(encoder.Update{Init: &hls.Init{Track: t.ID, Key: key, Size: size, Timescale: timescale, Codecs: codecs}}); err != nil {
			return err
		}
	}
	for i := int64(0); i*seg < total && (n < 0 || i < int64(n)); i++ {
		for _, t := range job.Tracks {
			key := fmt.Sprintf("%s/%d-0.m4s", t.ID, i)
			size, err := put(key)
			if err != nil {
				return err
			}
			sg := hls.Segment{Track: t.ID, Number: int(i), Key: key, Size: size, Start: i * seg, Duration: min(seg, total-i*seg)}
			if err := emit(encoder.Update{Segment: &sg}); err != nil {
				return err
			}
		}
		pos := time.Duration(float64(min(total, (i+1)*seg)) / timescale * float64(time.Second))
		if err := emit(encoder.Update{Progress: &encoder.Progress{Position: pos, Speed: 2}}); err != nil {
			return err
		}
	}
	return nil
}

// hold makes the encoder emit n segments, say so on the first channel, and wait for the
// second to be closed before it goes on to the end.
func (s *studio) hold(n int) (reached <-chan string, goOn chan<- struct{}) {
	at, on := make(chan string, 100), make(chan struct{})
	s.set(func(s *studio) {
		s.encode = func(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
			if err := s.render(ctx, job, emit, n); err != nil {
				return err
			}
			at <- job.Output
			select {
			case <-on:
				return s.render(ctx, job, emit, -1)
			case <-ctx.Done():
				return fmt.Errorf("encode: %w", ctx.Err())
			}
		}
	})
	return at, on
}

// bench is a pipeline in a test, with everything around it.
type bench struct {
	*upload.Pipeline
	t      testing.TB
	ctx    context.Context
	store  storage.Store
	studio *studio
	rec    *progresstest.Recorder
	opts   upload.Options
	made   func(*upload.Pipeline) // called with each pipeline before it is started
}

// newBench starts a pipeline that the test shuts down.
func newBench(t testing.TB, change func(*bench)) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	b := &bench{t: t, ctx: ctx, store: newStore(t), rec: &progresstest.Recorder{}}
	b.studio = &studio{store: b.store}
	b.opts = upload.Options{RetryDelay: time.Millisecond, CheckOff: true, KeepSuperseded: -1, LastWords: 10 * time.Second, Logger: testLog(t)}
	if change != nil {
		change(b)
	}
	b.opts.Sink = b.rec
	b.start()
	t.Cleanup(func() {
		assert.NoError(t, b.rec.CheckInvariants())
	})
	return b
}

// start makes and starts a pipeline over the bench's store.
func (b *bench) start() {
	b.t.Helper()
	var err error
	b.Pipeline, err = upload.New(b.store, b.studio, b.studio, &b.opts)
	require.NoError(b.t, err)
	if b.made != nil {
		b.made(b.Pipeline)
	}
	require.NoError(b.t, b.Start(b.ctx))
	p := b.Pipeline
	b.t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := p.Shutdown(ctx); err != nil {
			require.ErrorIs(b.t, err, context.Canceled)
		}
	})
}

func (b *bench) create(n upload.NewAsset) upload.Asset {
	b.t.Helper()
	a, err := b.Create(b.ctx, n, strings.NewReader("not really a video"))
	require.NoError(b.t, err)
	return a
}

// eventually waits for what cond checks.
func (b *bench) eventually(cond func() bool, msg string) {
	b.t.Helper()
	require.Eventually(b.t, cond, 20*time.Second, 5*time.Millisecond, msg)
}

// receive reads from c, or fails.
func receive[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(logWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

type logWriter struct{ t testing.TB }

func (w logWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// lockedBuffer is a log that many write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// failingStore fails what fail chooses.
type failingStore struct {
	storage.Store
	mu   sync.Mutex
	fail func(op, key string) error
	wait chan struct{} // while it is not nil, nothing is answered before it is closed
}

// hang lets nothing be answered until c is closed, or a caller's context ends.
func (s *failingStore) hang(c chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wait = c
}

func (s *failingStore) answer(ctx context.Context) error {
	s.mu.Lock()
	wait := s.wait
	s.mu.Unlock()
	if wait == nil {
		return nil
	}
	select {
	case <-wait:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *failingStore) set(fail func(op, key string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

func (s *failingStore) check(op, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail == nil {
		return nil
	}
	return s.fail(op, key)
}

func (s *failingStore) Put(ctx context.Context, key string, r io.Reader, o *storage.PutOptions) (storage.Info, error) {
	if err := errors.Join(s.answer(ctx), s.check("put", key)); err != nil {
		return storage.Info{}, err
	}
	return s.Store.Put(ctx, key, r, o)
}

func (s *failingStore) Delete(ctx context.Context, key string) error {
	if err := errors.Join(s.answer(ctx), s.check("delete", key)); err != nil {
		return err
	}
	return s.Store.Delete(ctx, key)
}

func (s *failingStore) Open(ctx context.Context, key string, o *storage.OpenOptions) (*storage.Object, error) {
	if err := errors.Join(s.answer(ctx), s.check("open", key)); err != nil {
		return nil, err
	}
	return s.Store.Open(ctx, key, o)
}

var errBroken = errors.New("the disk is on fire")
