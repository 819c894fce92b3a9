package s3test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/s3blob"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/s3test/crowd"
	"github.com/vodkit/vodkit/internal/s3test/gateway"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

// viewers is how many arrive together.
const viewers = 1000

// serve starts a Handler over a Cache over what stands at url.
func serve(t *testing.T, url, bucket string, transport http.RoundTripper) (base string, cache *storage.Cache) {
	t.Helper()
	b, err := s3blob.OpenBucket(t.Context(), gateway.Client(url, transport), bucket, nil)
	require.NoError(t, err)
	store := blobstore.New(b, &blobstore.Options{ETag: gateway.ETag})
	cache = storage.NewCache(store, nil)
	srv := httptest.NewServer(http.StripPrefix("/media", hls.NewHandler(cache, nil)))
	t.Cleanup(func() {
		srv.Close()
		require.NoError(t, cache.Close())
		require.NoError(t, store.Close())
	})
	return srv.URL, cache
}

// once checks that each object was read once, and no other.
func once(t *testing.T, p *crowd.Presentation, gets map[string]int, bucket string) {
	t.Helper()
	assert.NotEmpty(t, gets)
	for path, n := range gets {
		assert.Equal(t, 1, n, path)
	}
	assert.Len(t, gets, p.Watched(viewers))
	assert.Equal(t, 1, gets["/"+bucket+"/"+p.Master])
}

// A thousand viewers who arrive together cost the bucket one GET of each object.
func TestCrowd(t *testing.T) {
	store, bucket := open(t, nil)
	p, err := crowd.Publish(t.Context(), store, "42", 20_000)
	require.NoError(t, err)
	counter := &crowd.Counter{Transport: transport}
	base, cache := serve(t, serverURL, bucket, counter)
	result := p.Watch(t.Context(), base, viewers)
	require.NoError(t, result.Err)
	assert.Equal(t, viewers, result.Right)
	once(t, p, counter.Gets(), bucket)
	assert.EqualValues(t, p.Watched(viewers), cache.Stats().Loads)
}

// The same with a bucket that is slow, fails one request of twenty and breaks off as many
// bodies.
func TestCrowdOnFailingBucket(t *testing.T) {
	store, bucket := open(t, nil)
	p, err := crowd.Publish(t.Context(), store, "42", 20_000)
	require.NoError(t, err)
	proxy := crowd.NewProxy(serverURL, 1)
	proxy.Delay, proxy.Fail = 200*time.Millisecond, 20
	srv := httptest.NewServer(proxy)
	defer proxy.Close()
	defer srv.Close()
	base, cache := serve(t, srv.URL, bucket, transport)
	result := p.Watch(t.Context(), base, viewers)
	require.NoError(t, result.Err)
	assert.Equal(t, viewers, result.Right)
	once(t, p, proxy.Gets(), bucket)
	t.Logf("%d requests were made again", cache.Stats().Retries)
}
