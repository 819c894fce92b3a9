package upload_test

import (
	"context"
	"iter"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/upload"
)

func TestEncoderAndProberThatPanic(t *testing.T) {
	for name, bug := range map[string]func(*studio){
		"prober": func(s *studio) { s.probe = func(encoder.Source) (encoder.Media, error) { panic("a bug") } },
		"encoder": func(s *studio) {
			s.encode = func(context.Context, encoder.Job, func(encoder.Update) error) error { panic("a bug") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.studio.set(bug)
			a := b.ended()
			assert.Equal(t, upload.CodeInternal, a.Error.Code)
			assert.False(t, a.Error.Permanent)
			assert.Equal(t, 3, a.Runs)
			b.studio.set(func(s *studio) { s.probe, s.encode = nil, nil })
			assert.Equal(t, progress.Complete, b.ended().Status, "the pipeline goes on")
		})
	}
}

func TestHTTPHooksThatPanic(t *testing.T) {
	for name, o := range map[string]upload.HandlerOptions{
		"Authorize": {Authorize: func(*http.Request, string, string) error { panic("a bug") }},
		"Tenant":    {Tenant: func(*http.Request) string { panic("a bug") }},
		"Prepare":   {Prepare: func(*http.Request, *upload.NewAsset) error { panic("a bug") }},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			h := upload.NewHandler(b.Pipeline, &o)
			a := b.do(h, "POST", "/assets?id=x", strings.NewReader("a video"))
			assert.Equal(t, http.StatusInternalServerError, a.status)
			assert.Equal(t, "internal", a.Error.Code)
			assert.Empty(t, b.kept(), "nothing is done")
			assert.Equal(t, http.StatusAccepted, b.do(upload.NewHandler(b.Pipeline, nil), "POST", "/assets?id=x", strings.NewReader("a video")).status,
				"and nothing stays reserved")
		})
	}
	t.Run("MediaURL", func(t *testing.T) {
		b := newBench(t, nil)
		a := b.ended()
		h := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{MediaURL: func(*http.Request, string) string { panic("a bug") }})
		assert.Equal(t, http.StatusInternalServerError, b.do(h, "GET", "/assets/"+a.ID, nil).status)
		assert.Equal(t, http.StatusInternalServerError, b.do(h, "GET", "/assets", nil).status)
	})
}

// moody is a Catalog that panics when told.
type moody struct {
	upload.Catalog
	op atomic.Value // of string: what panics
}

func (c *moody) check(op string) {
	if c.op.Load() == op {
		panic("a bug in " + op)
	}
}

func (c *moody) Get(ctx context.Context, id string) (upload.Asset, upload.Revision, error) {
	c.check("Get")
	return c.Catalog.Get(ctx, id)
}

func (c *moody) Put(ctx context.Context, a upload.Asset, rev upload.Revision) (upload.Revision, error) {
	c.check("Put")
	return c.Catalog.Put(ctx, a, rev)
}

func (c *moody) Delete(ctx context.Context, id string, rev upload.Revision) error {
	c.check("Delete")
	return c.Catalog.Delete(ctx, id, rev)
}

func (c *moody) Claim(ctx context.Context, owner string, lease time.Duration) (upload.Asset, upload.Revision, error) {
	c.check("Claim")
	return c.Catalog.Claim(ctx, owner, lease)
}

func (c *moody) Start(ctx context.Context) error { return c.Catalog.(upload.Lifecycle).Start(ctx) }
func (c *moody) Close(ctx context.Context) error { return c.Catalog.(upload.Lifecycle).Close(ctx) }

func TestCatalogThatPanics(t *testing.T) {
	for _, op := range []string{"Get", "Put", "Claim"} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newStore(t)
				fake := encodertest.NewFake(store, &encodertest.FakeOptions{Delay: 5 * time.Second})
				c := &moody{Catalog: upload.NewStoreCatalog(store, nil)}
				p, err := upload.New(store, fake, fake, &upload.Options{Catalog: c, Logger: testLog(t)})
				require.NoError(t, err)
				require.NoError(t, p.Start(t.Context()))
				a, err := p.Create(t.Context(), upload.NewAsset{}, strings.NewReader("a video"))
				require.NoError(t, err)
				time.Sleep(time.Second) // it is being encoded
				b, _, err := c.Get(t.Context(), a.ID)
				require.NoError(t, err)
				require.Equal(t, progress.Running, b.Status)
				c.op.Store(op)
				time.Sleep(time.Minute)
				_, err = p.Get(t.Context(), a.ID)
				assert.Equal(t, op == "Get", err != nil)
				c.op.Store("")
				if op == "Claim" {
					_, err = p.Create(t.Context(), upload.NewAsset{}, strings.NewReader("a video"))
					require.NoError(t, err)
				}
				time.Sleep(10 * time.Minute)
				all, err := p.List(t.Context(), upload.Query{})
				require.NoError(t, err)
				for _, a := range all {
					assert.Equal(t, progress.Complete, a.Status, "%+v", a.Error)
				}
				require.NoError(t, p.Shutdown(t.Context()))
			})
		})
	}
}

// touchy is a Store that panics when told.
type touchy struct {
	storage.Store
	bug atomic.Bool
}

func (s *touchy) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	if s.bug.Load() && strings.HasPrefix(prefix, "media/") {
		panic("a bug")
	}
	return s.Store.List(ctx, prefix)
}

func (s *touchy) Open(ctx context.Context, key string, o *storage.OpenOptions) (*storage.Object, error) {
	if s.bug.Load() && strings.HasPrefix(key, "catalog/owner/") {
		panic("a bug")
	}
	return s.Store.Open(ctx, key, o)
}

// A Store that panics where a worker, the sweeper or the heartbeat calls it costs no more
// than that.
func TestStoreThatPanics(t *testing.T) {
	store := &touchy{Store: newStore(t)}
	synctest.Test(t, func(t *testing.T) {
		fake := encodertest.NewFake(store, &encodertest.FakeOptions{Delay: time.Second})
		p, err := upload.New(store, fake, fake, &upload.Options{Workers: 1, SweepEvery: time.Second, Logger: testLog(t)})
		require.NoError(t, err)
		require.NoError(t, p.Start(t.Context()))
		a, err := p.Create(t.Context(), upload.NewAsset{}, strings.NewReader("a video"))
		require.NoError(t, err)
		store.bug.Store(true)
		time.Sleep(10 * time.Minute)
		_, err = p.Sweep(t.Context(), nil)
		require.Error(t, err)
		got, err := p.Get(t.Context(), a.ID)
		require.NoError(t, err)
		assert.NotEqual(t, progress.Complete, got.Status)
		store.bug.Store(false)
		time.Sleep(10 * time.Minute)
		got, err = p.Get(t.Context(), a.ID)
		require.NoError(t, err)
		assert.Equal(t, progress.Complete, got.Status, "%+v", got.Error)
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// deaf blocks in the Store until the context ends.
type deaf struct {
	storage.Store
	prefix string
}

func (s deaf) Open(ctx context.Context, key string, o *storage.OpenOptions) (*storage.Object, error) {
	if strings.HasPrefix(key, s.prefix) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return s.Store.Open(ctx, key, o)
}

func TestContextsAreHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t)
		fake := encodertest.NewFake(store, &encodertest.FakeOptions{Delay: time.Hour})
		slow := deaf{store, "catalog/assets/slow"}
		p, err := upload.New(slow, fake, fake, nil)
		require.NoError(t, err)
		require.NoError(t, p.Start(t.Context()))
		a, err := p.Create(t.Context(), upload.NewAsset{ID: "film"}, strings.NewReader("a video"))
		require.NoError(t, err)

		for name, op := range map[string]func(ctx context.Context) error{
			"Create": func(ctx context.Context) error {
				_, err := p.Create(ctx, upload.NewAsset{ID: "slow"}, strings.NewReader("x"))
				return err
			},
			"Import": func(ctx context.Context) error {
				_, err := p.Import(ctx, upload.NewAsset{ID: "slow"}, a.Source.Parts[0].Key, nil)
				return err
			},
			"Replace": func(ctx context.Context) error {
				_, err := p.Replace(ctx, "slow", upload.NewSource{}, strings.NewReader("x"))
				return err
			},
			"Get":    func(ctx context.Context) error { _, err := p.Get(ctx, "slow"); return err },
			"Retry":  func(ctx context.Context) error { _, err := p.Retry(ctx, "slow"); return err },
			"Cancel": func(ctx context.Context) error { _, err := p.Cancel(ctx, "slow"); return err },
			"Delete": func(ctx context.Context) error { return p.Delete(ctx, "slow") },
			"Snapshot": func(ctx context.Context) error {
				_, err := p.Snapshot(ctx, "slow")
				return err
			},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			begun := time.Now()
			err := op(ctx)
			assert.ErrorIs(t, err, context.DeadlineExceeded, name)
			assert.LessOrEqual(t, time.Since(begun), 2*time.Second, name)
			cancel()
		}

		// Shutdown that cannot wait stops the encode, and is done soon after.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		results := make(chan error, 2)
		go func() { results <- p.Shutdown(ctx) }()
		go func() { results <- p.Shutdown(ctx) }()
		for range 2 {
			if err := <-results; err != nil {
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}
		}
		assert.LessOrEqual(t, time.Since(begun), 2*time.Second)
		got, err := p.Get(t.Context(), a.ID)
		require.NoError(t, err)
		assert.Equal(t, progress.Ready, got.Status, "the next process goes on with it")
	})
}

func TestShutdownWhileStarting(t *testing.T) {
	store := newStore(t)
	inside, goOn := make(chan struct{}), make(chan struct{})
	c := &slowStart{Catalog: upload.NewStoreCatalog(store, nil), inside: inside, goOn: goOn}
	p, err := upload.New(store, &studio{}, &studio{}, &upload.Options{Catalog: c})
	require.NoError(t, err)
	started, stopped := make(chan error, 1), make(chan error, 1)
	go func() { started <- p.Start(context.Background()) }()
	receive(t, inside)
	assert.Error(t, p.Start(context.Background()), "it is being started")
	go func() { stopped <- p.Shutdown(context.Background()) }()
	close(goOn)
	if err := receive(t, started); err != nil {
		assert.ErrorIs(t, err, upload.ErrClosed)
	}
	require.NoError(t, receive(t, stopped))
	require.NoError(t, p.Shutdown(context.Background()))
	_, err = p.Create(context.Background(), upload.NewAsset{}, strings.NewReader("x"))
	assert.ErrorIs(t, err, upload.ErrClosed)
	for range 2 { // and the catalog is free
		next, err := upload.New(store, &studio{}, &studio{}, nil)
		require.NoError(t, err)
		require.NoError(t, next.Start(context.Background()))
		require.NoError(t, next.Shutdown(context.Background()))
	}
}

type slowStart struct {
	upload.Catalog
	inside, goOn chan struct{}
}

func (c *slowStart) Start(ctx context.Context) error {
	close(c.inside)
	<-c.goOn
	return c.Catalog.(upload.Lifecycle).Start(ctx)
}
func (c *slowStart) Close(ctx context.Context) error { return c.Catalog.(upload.Lifecycle).Close(ctx) }
