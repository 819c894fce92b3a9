package upload_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

// stuckCatalog lets the first renewal of a lease stand still.
type stuckCatalog struct {
	*upload.StoreCatalog
	once        sync.Once
	stuck, goOn chan struct{}
}

func (c *stuckCatalog) Put(ctx context.Context, a upload.Asset, rev upload.Revision) (upload.Revision, error) {
	if a.Status == progress.Running && a.Stage == progress.StageEncoding {
		c.once.Do(func() {
			close(c.stuck)
			<-c.goOn
		})
	}
	return c.StoreCatalog.Put(ctx, a, rev)
}

// A process that stands still for longer than a lease claims its own asset once more.
func TestStandstillLongerThanALease(t *testing.T) { synctest.Test(t, testStandstill) }

func testStandstill(t *testing.T) {
	c := &stuckCatalog{stuck: make(chan struct{}), goOn: make(chan struct{})}
	begun := make(chan encoder.Job, 10)
	gates := []chan struct{}{make(chan struct{}), make(chan struct{})}
	b := newBench(t, func(b *bench) {
		c.StoreCatalog = upload.NewStoreCatalog(b.store, nil)
		b.opts.Catalog, b.opts.Lease, b.opts.Workers = c, 200*time.Millisecond, 2
		n := 0
		b.studio.encode = func(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
			b.studio.mu.Lock()
			gate := gates[min(n, 1)]
			n++
			b.studio.mu.Unlock()
			begun <- job
			select {
			case <-gate:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			return b.studio.render(ctx, job, emit, -1)
		}
	})
	a := b.create(upload.NewAsset{})
	first := receive(t, begun)
	receive(t, c.stuck)
	second := receive(t, begun)
	assert.Equal(t, first.Output+"-2", second.Output)
	close(c.goOn)
	close(gates[0]) // the first run goes on as if nothing had happened
	time.Sleep(300 * time.Millisecond)
	got, err := b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, progress.Running, got.Status, "the second run is at work")
	close(gates[1])
	_, err = b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	got, err = b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, progress.Complete, got.Status)
	assert.Equal(t, second.Output, got.Published)
	assert.True(t, strings.Contains(b.master(got), second.ID+"/audio/index.m3u8"))
}
