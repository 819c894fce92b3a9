package upload_test

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/upload"
)

func unmarshal(t testing.TB, text string, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), v), text)
}

// older is a host's catalog that knows the fields of Query's first days.
type older struct{ upload.Catalog }

func (c older) List(ctx context.Context, q upload.Query) iter.Seq2[upload.Asset, error] {
	return c.Catalog.List(ctx, upload.Query{Status: q.Status, Tenant: q.Tenant, After: q.After, Limit: q.Limit})
}

func (c older) Start(ctx context.Context) error { return c.Catalog.(upload.Lifecycle).Start(ctx) }
func (c older) Close(ctx context.Context) error { return c.Catalog.(upload.Lifecycle).Close(ctx) }

func TestHTTPListNarrows(t *testing.T) {
	for _, catalog := range []string{"of today", "that is older"} {
		t.Run(catalog, func(t *testing.T) {
			b := newBench(t, func(b *bench) {
				profiles(b)
				if catalog == "that is older" {
					b.opts.Catalog = older{upload.NewStoreCatalog(b.store, nil)}
				}
			})
			h := upload.NewHandler(b.Pipeline, nil)
			old := b.terminal(b.create(upload.NewAsset{ID: "a", Name: "Film.mp4", Metadata: map[string]string{"album": "summer", "k": ""}}))
			time.Sleep(2 * time.Millisecond)
			now := b.terminal(b.create(upload.NewAsset{ID: "b", Name: "a film.mkv", Profile: "small", Metadata: map[string]string{"album": "winter"}}))
			b.terminal(b.create(upload.NewAsset{ID: "c"}))
			stamp := func(a upload.Asset) string { return url.QueryEscape(a.Created.Format(time.RFC3339Nano)) }
			for query, want := range map[string][]string{
				"name=FILM":                    {"b", "a"},
				"name=film&limit=1":            {"b"},
				"name=film&after=b":            {"a"},
				"name=%25":                     {},
				"profile=small":                {"b"},
				"meta.album=summer":            {"a"},
				"meta.album=x":                 {},
				"meta.k=":                      {"a"},
				"created_before=" + stamp(now): {"a"},
				"created_after=" + stamp(old) + "&created_before=2100-01-01T00:00:00%2B01:00": {"c", "b"},
				"status=complete&name=film&meta.album=winter&profile=small":                   {"b"},
				"unknown=ignored": {"c", "b", "a"},
			} {
				page := b.do(h, "GET", "/assets?"+query, nil)
				require.Equal(t, http.StatusOK, page.status, page.body)
				ids := []string{}
				for _, a := range page.Assets {
					ids = append(ids, a.ID)
				}
				assert.Equal(t, want, ids, query)
				assert.Equal(t, query == "name=film&limit=1", page.Next != nil, query)
			}
			for _, query := range []string{"created_after=today", "created_before=1", "created_after=2026-01-02T03:04:05+01:00"} {
				a := b.do(h, "GET", "/assets?"+query, nil)
				assert.Equal(t, http.StatusUnprocessableEntity, a.status, query)
				assert.Equal(t, "invalid_field", a.Error.Code)
			}
		})
	}
}
