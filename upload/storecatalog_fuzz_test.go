package upload_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/internal/memstore"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/upload"
)

// FuzzStoreCatalog starts a catalog over a Store in which the record of its last owner,
// that of an asset, its key and a mark's are of anyone's making. It starts or says why
// not, what is whole is served and handed out, and its end leaves it to the next.
func FuzzStoreCatalog(f *testing.F) {
	s := newStore(f)
	c := upload.NewStoreCatalog(s, nil)
	require.NoError(f, c.Start(f.Context()))
	a := fullAsset()
	a.ID = "bad"
	_, err := c.Put(f.Context(), a, "")
	require.NoError(f, err)
	owner, full := storedBytes(f, s, keysOf(f, s, "catalog/owner/")[0]), storedBytes(f, s, keysOf(f, s, "catalog/assets/")[0])
	require.NoError(f, c.Close(f.Context()))
	released := storedBytes(f, s, keysOf(f, s, "catalog/owner/")[0])
	f.Add(owner, full, "bad.json", "bad.due")
	f.Add(released, bytes.Replace(full, []byte(`"version":1`), []byte(`"version":2`), 1), "bad/0000000003.json", "bad/0000000003.due")
	f.Add([]byte(`{"version":1,"token":"t","interval":-1e300,"beat":9223372036854775807,"pid":-1,"machine":"m"}`),
		[]byte(`{"version":1,"id":"good","status":"READY"}`), "bad.json", "bad.due")
	f.Add([]byte(`null`), []byte(`{"version":1,"id":"bad","status":"COMPLETE","intent":"x","owner":"o","lease":"9999-12-31T23:59:59Z","due":"0001-01-01T00:00:00Z"}`),
		"bad/0000000009.json", "../bad.due")
	f.Add([]byte(`{"interval":1e-300}`), full[:len(full)/2], "bad/9223372036854775807.gone", "bad/01.due")
	f.Fuzz(func(t *testing.T, owner, asset []byte, name, mark string) {
		if strings.HasPrefix(name, "good") || strings.HasPrefix(mark, "good") {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			s := memstore.New()
			s.Set("catalog/owner/0000000007.json", append([]byte{}, owner...))
			s.Set("catalog/assets/"+name, append([]byte{}, asset...))
			s.Set("catalog/due/"+mark, []byte("\n"))
			good, err := json.Marshal(record("good"))
			require.NoError(t, err)
			s.Set("catalog/assets/good.json", good)
			s.Set("catalog/due/good.due", []byte("good\n"))
			checkCatalog(t, s)
		})
	})
}

func checkCatalog(t *testing.T, s storage.Store) {
	t.Helper()
	c := upload.NewStoreCatalog(s, nil)
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	if err := c.Start(t.Context()); err != nil {
		require.True(t, strings.Contains(err.Error(), "cannot be read") || errors.Is(err, upload.ErrVersion), err)
		return
	}
	seen := map[string]bool{}
	for a, err := range c.List(t.Context(), upload.Query{}) {
		if errors.Is(err, upload.ErrVersion) {
			break
		}
		require.NoError(t, err)
		require.False(t, seen[a.ID], "%q is listed twice", a.ID)
		seen[a.ID] = true
	}
	a, _, err := c.Get(t.Context(), "good")
	require.NoError(t, err)
	require.Equal(t, record("good"), a)
	if a, _, err := c.Get(t.Context(), "bad"); err == nil {
		require.Equal(t, "bad", a.ID)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	handed := map[string]bool{}
	for range 3 {
		a, rev, err := c.Claim(ctx, "o", time.Hour)
		if err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			break
		}
		require.False(t, handed[a.ID], "%q is handed out twice", a.ID)
		require.NotEmpty(t, rev)
		require.True(t, a.Unfinished())
		handed[a.ID] = true
	}
	require.True(t, handed["good"], "%v", handed)
	require.NoError(t, c.Close(t.Context()))
	next := upload.NewStoreCatalog(s, nil)
	begun := time.Now()
	require.NoError(t, next.Start(t.Context()))
	require.Zero(t, time.Since(begun), "one that was released is taken at once")
	require.NoError(t, next.Close(t.Context()))
}

func storedBytes(tb testing.TB, s storage.Store, key string) []byte {
	tb.Helper()
	obj, err := s.Open(context.Background(), key, nil)
	require.NoError(tb, err)
	defer obj.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(obj)
	require.NoError(tb, err)
	return b.Bytes()
}
