package upload_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/upload"
)

// quotas are what tenants may have, minus what is recorded.
func (b *bench) quotas(most map[string]int64) {
	b.opts.Quota = func(ctx context.Context, tenant string) (int64, error) {
		left, ok := most[tenant]
		if !ok {
			left = 1 << 40
		}
		assets, err := b.List(ctx, upload.Query{Tenant: tenant})
		for _, a := range assets {
			left -= a.Size
		}
		return left, err
	}
}

func TestQuota(t *testing.T) {
	b := newBench(t, func(b *bench) { b.quotas(map[string]int64{"small": 10, "none": 0, "debt": -5}) })
	try := func(tenant string, announced int64, r io.Reader) error {
		_, err := b.Create(b.ctx, upload.NewAsset{Tenant: tenant, Size: announced}, r)
		return err
	}
	require.NoError(t, try("large", 0, strings.NewReader(strings.Repeat("x", 1000))))
	kept := len(keysOf(t, b.store, "sources/"))
	require.ErrorIs(t, try("small", 11, unread{t}), upload.ErrQuota)
	require.ErrorIs(t, try("none", 0, unread{t}), upload.ErrQuota)
	require.ErrorIs(t, try("debt", 0, unread{t}), upload.ErrQuota)
	err := try("small", 0, strings.NewReader(strings.Repeat("x", 11)))
	require.ErrorIs(t, err, upload.ErrQuota)
	require.NotErrorIs(t, err, upload.ErrTooLarge)
	require.Len(t, keysOf(t, b.store, "sources/"), kept, "nothing is left")

	require.NoError(t, try("small", 6, strings.NewReader("123456")))
	require.ErrorIs(t, try("small", 5, unread{t}), upload.ErrQuota)
	require.NoError(t, try("small", 0, strings.NewReader("1234")), "to the last byte")
	require.ErrorIs(t, try("small", 0, unread{t}), upload.ErrQuota)
}

// Uploads of a tenant that come at once see one another, whether they say their size or not.
func TestQuotaOfManyAtOnce(t *testing.T) {
	for _, announced := range []int64{0, 4} {
		t.Run(fmt.Sprint("announced ", announced), func(t *testing.T) {
			b := newBench(t, func(b *bench) { b.quotas(map[string]int64{"t": 10}) })
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					pr, pw := io.Pipe()
					go func() { // in two halves
						_, _ = pw.Write([]byte("ab"))
						time.Sleep(time.Millisecond)
						_, _ = pw.Write([]byte("cd"))
						_ = pw.Close()
					}()
					_, err := b.Create(b.ctx, upload.NewAsset{Tenant: "t", Size: announced}, pr)
					_ = pr.Close()
					if err != nil {
						assert.ErrorIs(t, err, upload.ErrQuota)
					}
				})
			}
			wg.Wait()
			assets, err := b.List(b.ctx, upload.Query{Tenant: "t"})
			require.NoError(t, err)
			assert.LessOrEqual(t, len(assets), 2, "eight of ten bytes")
			assert.Len(t, keysOf(t, b.store, "sources/"), len(assets))
			_, err = b.Create(b.ctx, upload.NewAsset{Tenant: "t", Size: 10 - int64(4*len(assets))}, strings.NewReader(strings.Repeat("x", 10-4*len(assets))))
			require.NoError(t, err, "what was refused counts no more")
		})
	}
}

// What sessions have announced counts from request to request, and from process to process.
func TestQuotaOfSessions(t *testing.T) {
	b := newBench(t, func(b *bench) { b.quotas(map[string]int64{"t": 10}) })
	small := upload.NewAsset{Tenant: "t", Size: 4}
	first := b.begin(small, nil)
	later := b.begin(upload.NewAsset{Tenant: "t"}, nil)
	_, err := b.BeginSession(b.ctx, upload.NewAsset{Tenant: "t", Size: 7}, nil)
	require.ErrorIs(t, err, upload.ErrQuota)
	later.New.Size = 7
	_, err = b.SaveSession(b.ctx, later)
	require.ErrorIs(t, err, upload.ErrQuota)
	later.New.Size = 6
	later, err = b.SaveSession(b.ctx, later)
	require.NoError(t, err)
	_, err = b.BeginSession(b.ctx, upload.NewAsset{Tenant: "t", Size: 1}, nil)
	require.ErrorIs(t, err, upload.ErrQuota)
	require.NoError(t, b.AbandonSession(b.ctx, later.ID))
	_, err = b.Create(b.ctx, upload.NewAsset{Tenant: "t", Size: 7}, unread{t})
	require.ErrorIs(t, err, upload.ErrQuota)

	b.put(first.PartKey(0), "abcd")
	_, err = b.FinishSession(b.ctx, first.ID, nil)
	require.NoError(t, err)
	_, err = b.Create(b.ctx, upload.NewAsset{Tenant: "t", Size: 6}, strings.NewReader("abcdef"))
	require.NoError(t, err, "it counts once")
	_, err = b.BeginSession(b.ctx, upload.NewAsset{Tenant: "t"}, nil)
	require.ErrorIs(t, err, upload.ErrQuota)
	other := b.begin(upload.NewAsset{Tenant: "u"}, nil)
	require.NoError(t, b.AbandonSession(b.ctx, other.ID))
}

// Who never says how much there is, is told at the end.
func TestQuotaOfASessionWithoutASize(t *testing.T) {
	b := newBench(t, func(b *bench) { b.quotas(map[string]int64{"t": 5}) })
	s := b.begin(upload.NewAsset{Tenant: "t"}, nil)
	b.put(s.PartKey(0), "abcdef")
	for range 2 {
		_, err := b.FinishSession(b.ctx, s.ID, nil)
		require.ErrorIs(t, err, upload.ErrQuota)
	}
	require.NoError(t, b.AbandonSession(b.ctx, s.ID))
	s = b.begin(upload.NewAsset{Tenant: "t"}, nil)
	b.put(s.PartKey(0), "abcde")
	_, err := b.FinishSession(b.ctx, s.ID, nil)
	require.NoError(t, err)
}

// The next process counts the sessions that it finds, and what others have ended no more.
func TestQuotaOfSessionsOfOthers(t *testing.T) {
	b := newBench(t, func(b *bench) { b.quotas(map[string]int64{"t": 10}) })
	b.begin(upload.NewAsset{Tenant: "t", Size: 8}, nil)
	require.NoError(t, b.Shutdown(b.ctx))
	b.start()
	b.eventually(func() bool {
		c, err := b.BeginSession(b.ctx, upload.NewAsset{Tenant: "t", Size: 3}, nil)
		if err == nil {
			require.NoError(t, b.AbandonSession(b.ctx, c.ID))
		}
		return err != nil
	}, "it is found")
	for _, key := range keysOf(t, b.store, "uploads/") { // as another process would
		require.NoError(t, b.store.Delete(b.ctx, key))
	}
	b.begin(upload.NewAsset{Tenant: "t", Size: 10}, nil)
}
