package upload_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

func TestUpdate(t *testing.T) {
	b := newBench(t, nil)
	a := b.terminal(b.create(upload.NewAsset{Name: "a.mp4", Metadata: map[string]string{"k": "v"}}))
	got, err := b.Update(b.ctx, a.ID, func(e *upload.Edit) error {
		assert.Equal(t, upload.Edit{Name: "a.mp4", Metadata: map[string]string{"k": "v"}}, *e)
		e.Name, e.Priority = "folder/b\x00.mp4", 7
		e.Metadata["l"] = "w"
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, "b.mp4", got.Name)
	assert.Equal(t, map[string]string{"k": "v", "l": "w"}, got.Metadata)
	assert.Equal(t, 7, got.Priority)
	assert.False(t, got.Edited.IsZero())
	again, err := b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, got, again)
	a.Name, a.Metadata, a.Priority, a.Edited = got.Name, got.Metadata, got.Priority, got.Edited
	assert.Equal(t, a, again, "nothing else")

	same, err := b.Update(b.ctx, a.ID, func(*upload.Edit) error { return nil })
	require.NoError(t, err)
	assert.Equal(t, again, same, "nothing is written")
	_, err = b.Update(b.ctx, a.ID, func(e *upload.Edit) error { e.Name = "no"; return errBroken })
	require.ErrorIs(t, err, errBroken)
	_, err = b.Update(b.ctx, a.ID, func(e *upload.Edit) error { e.Metadata = map[string]string{"": "x"}; return nil })
	require.ErrorIs(t, err, upload.ErrInvalid)
	again, err = b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, same, again)
	_, err = b.Update(b.ctx, "nobody", func(*upload.Edit) error { return nil })
	require.ErrorIs(t, err, upload.ErrNotFound)
}

// A run keeps what is changed while it works, and is not disturbed.
func TestUpdateWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(b *bench) { b.opts.Lease = 30 * time.Millisecond }) // the keeper writes every 10 ms
		reached, goOn := b.studio.hold(2)
		a := b.create(upload.NewAsset{})
		<-reached
		var wg sync.WaitGroup
		for who := range 4 {
			wg.Go(func() {
				for i := range 10 {
					_, err := b.Update(b.ctx, a.ID, func(e *upload.Edit) error {
						if e.Metadata == nil {
							e.Metadata = map[string]string{}
						}
						e.Metadata[fmt.Sprintf("%d-%d", who, i)] = "x"
						return nil
					})
					assert.NoError(t, err)
					time.Sleep(5 * time.Millisecond)
				}
			})
		}
		wg.Wait()
		close(goOn)
		synctest.Wait()
		got, err := b.Get(b.ctx, a.ID)
		require.NoError(t, err)
		assert.Equal(t, progress.Complete, got.Status)
		assert.Equal(t, 1, got.Runs)
		assert.Len(t, got.Metadata, 40)
	})
}

// The last words of a run may be in the record although their answer was lost. A change
// that comes then does not hide them.
func TestUpdateBehindLastWordsWhoseAnswerWasLost(t *testing.T) {
	var b *bench
	catalog := &liar{}
	b = newBench(t, func(b *bench) {
		catalog.Catalog = upload.NewStoreCatalog(b.store, nil)
		b.opts.Catalog = catalog
	})
	catalog.behind = func(id string) {
		_, err := b.Update(b.ctx, id, func(e *upload.Edit) error { e.Name = "changed"; return nil })
		assert.NoError(t, err)
	}
	a := b.create(upload.NewAsset{})
	e, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, progress.Complete, e.Status)
	a, err = b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, "changed", a.Name)
}

// liar is a catalog that loses the answer of the first COMPLETE.
type liar struct {
	upload.Catalog
	lied   atomic.Bool
	behind func(id string)
}

func (c *liar) Put(ctx context.Context, a upload.Asset, rev upload.Revision) (upload.Revision, error) {
	rev, err := c.Catalog.Put(ctx, a, rev)
	if err == nil && a.Status == progress.Complete && !c.lied.Swap(true) {
		c.behind(a.ID)
		err = errors.New("connection reset")
	}
	return rev, err
}

func (c *liar) Start(ctx context.Context) error { return c.Catalog.(upload.Lifecycle).Start(ctx) }
func (c *liar) Close(ctx context.Context) error { return c.Catalog.(upload.Lifecycle).Close(ctx) }

// Who waits changes places.
func TestUpdateOfThePriority(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.Workers = 1 })
	reached, goOn := b.studio.hold(0)
	b.create(upload.NewAsset{})
	receive(t, reached)
	first, second := b.create(upload.NewAsset{}), b.create(upload.NewAsset{})
	place := func(a upload.Asset) int {
		e, err := b.Snapshot(b.ctx, a.ID)
		require.NoError(t, err)
		return e.Queue
	}
	b.eventually(func() bool { return place(first) == 1 && place(second) == 2 }, "in order")
	_, err := b.Update(b.ctx, second.ID, func(e *upload.Edit) error { e.Priority = 1; return nil })
	require.NoError(t, err)
	b.eventually(func() bool { return place(second) == 1 && place(first) == 2 }, "the other way round")
	close(goOn)
	b.terminal(first)
	assert.Contains(t, b.studio.jobs[1].Output, second.ID)
	assert.Equal(t, 1, b.studio.jobs[1].Priority)
}

func TestHTTPPatch(t *testing.T) {
	b := newBench(t, nil)
	var actions []string
	h := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{
		Authorize: func(_ *http.Request, action, asset string) error {
			actions = append(actions, action+" "+asset)
			return nil
		},
	})
	a := b.terminal(b.create(upload.NewAsset{Name: "a.mp4", Priority: 1, Metadata: map[string]string{"k": "v", "l": "w"}}))
	target := "/assets/" + a.ID
	patch := func(body string, headers ...string) answer {
		return b.do(h, "PATCH", target, strings.NewReader(body), append([]string{"Content-Type", "application/merge-patch+json"}, headers...)...)
	}
	got := patch(`{"name": "b/c.mp4", "metadata": {"k": null, "m": "x"}, "priority": -2}`)
	require.Equal(t, http.StatusOK, got.status, got.body)
	assert.Equal(t, []string{"update " + a.ID}, actions)
	assert.Equal(t, "c.mp4", got.Name)
	assert.Equal(t, -2, got.Priority)
	assert.Equal(t, map[string]string{"l": "w", "m": "x"}, got.Metadata)
	assert.Equal(t, got.body, b.do(h, "GET", target, nil).body)

	got = patch(`{"metadata": null, "priority": null}`)
	assert.Nil(t, got.Metadata)
	assert.Zero(t, got.Priority)
	assert.Equal(t, "c.mp4", got.Name, "what is left out stays")
	got = patch(`{"metadata": {"a": "1"}}`, "Content-Type", "application/json")
	assert.Equal(t, map[string]string{"a": "1"}, got.Metadata)
	before := b.do(h, "GET", target, nil).body
	for body, want := range map[string]struct {
		status int
		code   string
	}{
		"":                              {400, "bad_request"},
		"{":                             {400, "bad_request"},
		"[]":                            {422, "invalid_field"},
		"null":                          {422, "invalid_field"},
		`{"name": 1}`:                   {422, "invalid_field"},
		`{"priority": "1"}`:             {422, "invalid_field"},
		`{"priority": 1.5}`:             {422, "invalid_field"},
		`{"priority": 1e99}`:            {422, "invalid_field"},
		`{"metadata": "x"}`:             {422, "invalid_field"},
		`{"metadata": {"x": 1}}`:        {422, "invalid_field"},
		`{"metadata": {"x": {"y": 1}}}`: {422, "invalid_field"},
		`{"metadata": {"": "x"}}`:       {422, "invalid_field"},
		`{"status": "READY"}`:           {422, "invalid_field"},
		`{"name": "` + strings.Repeat("x", 2<<20) + `"}`: {422, "invalid_field"},
	} {
		got := patch(body)
		assert.Equal(t, want.status, got.status, "%.40s", body)
		assert.Equal(t, want.code, got.Error.Code, "%.40s", body)
	}
	got = patch(`{"name": "x"}`, "Content-Type", "text/plain")
	assert.Equal(t, http.StatusUnsupportedMediaType, got.status)
	assert.Equal(t, "application/merge-patch+json", got.header.Get("Accept-Patch"))
	assert.Equal(t, before, b.do(h, "GET", target, nil).body)
	assert.Equal(t, http.StatusUnsupportedMediaType, b.do(h, "PATCH", target, strings.NewReader(`{}`)).status)
	assert.Equal(t, http.StatusNotFound, b.do(h, "PATCH", "/assets/nobody", strings.NewReader(`{}`)).status)
}

func TestHTTPPatchHooks(t *testing.T) {
	b := newBench(t, nil)
	a := b.terminal(b.create(upload.NewAsset{Priority: 1, Tenant: "t"}))
	h := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{
		Tenant: func(r *http.Request) string { return r.Header.Get("Tenant") },
		PrepareUpdate: func(_ *http.Request, is upload.Asset, e *upload.Edit) error {
			e.Priority = is.Priority
			if e.Name == "bad" {
				return &upload.Refusal{Status: 422, Code: "language", Message: "Choose another name."}
			}
			return nil
		},
	})
	got := b.do(h, "PATCH", "/assets/"+a.ID, strings.NewReader(`{"name": "x", "priority": 9}`), "Tenant", "t", "Content-Type", "application/json")
	require.Equal(t, http.StatusOK, got.status)
	assert.Equal(t, 1, got.Priority)
	got = b.do(h, "PATCH", "/assets/"+a.ID, strings.NewReader(`{"name": "bad"}`), "Tenant", "t", "Content-Type", "application/json")
	assert.Equal(t, 422, got.status)
	assert.Equal(t, "language", got.Error.Code)
	assert.Equal(t, http.StatusNotFound, b.do(h, "PATCH", "/assets/"+a.ID, strings.NewReader(`{}`), "Tenant", "u").status)
}

// Of two who change what both have read, the second is told.
func TestHTTPIfMatch(t *testing.T) {
	b := newBench(t, nil)
	n := 0
	h := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{
		MediaURL: func(_ *http.Request, key string) string { n++; return fmt.Sprint("https://cdn/", key, "?token=", n) },
	})
	a := b.terminal(b.create(upload.NewAsset{}))
	target := "/assets/" + a.ID
	tag := b.do(h, "GET", target, nil).header.Get("ETag")
	require.Regexp(t, `^"[A-Za-z0-9_-]+"$`, tag)
	assert.Equal(t, tag, b.do(h, "GET", target, nil).header.Get("ETag"), "whatever the token")
	got := b.do(h, "PATCH", target, strings.NewReader(`{"name": "first"}`), "Content-Type", "application/json", "If-Match", `"other", `+tag)
	require.Equal(t, http.StatusOK, got.status)
	next := got.header.Get("ETag")
	assert.NotEqual(t, tag, next)
	assert.Equal(t, next, b.do(h, "GET", target, nil).header.Get("ETag"))
	got = b.do(h, "PATCH", target, strings.NewReader(`{"name": "second"}`), "Content-Type", "application/json", "If-Match", tag)
	assert.Equal(t, http.StatusPreconditionFailed, got.status)
	assert.Equal(t, "modified", got.Error.Code)
	assert.Equal(t, http.StatusPreconditionFailed, b.do(h, "PATCH", target, strings.NewReader(`{}`), "Content-Type", "application/json", "If-Match", "W/"+next).status, "it compares strongly")
	assert.Equal(t, http.StatusOK, b.do(h, "PATCH", target, strings.NewReader(`{"name": "second"}`), "Content-Type", "application/json", "If-Match", next).status)
	assert.Equal(t, http.StatusOK, b.do(h, "PATCH", target, strings.NewReader(`{"name": "third"}`), "Content-Type", "application/json", "If-Match", "*").status)
}

// FuzzMergePatch holds patches to RFC 7396 section 2.
func FuzzMergePatch(f *testing.F) {
	f.Add(`{"name":"x","metadata":{"a":null,"b":"c"},"priority":3}`)
	f.Add(`{"metadata":null}`)
	f.Add(`{"metadata":{}}`)
	f.Add(`{"name":null,"name":"x"}`)
	f.Add(`[{"name":"x"}]`)
	f.Add(`{"metadata":{"a":{"b":null}}}`)
	f.Fuzz(func(t *testing.T, patch string) {
		is := func() upload.Edit {
			return upload.Edit{Name: "n", Priority: 5, Metadata: map[string]string{"a": "1", "z": "2"}}
		}
		e := is()
		if upload.MergePatch(&e, []byte(patch)) != nil {
			return
		}
		var change any
		require.NoError(t, json.Unmarshal([]byte(patch), &change), patch)
		want := merge(map[string]any{"name": "n", "priority": 5.0, "metadata": map[string]any{"a": "1", "z": "2"}}, change).(map[string]any)
		got := map[string]any{}
		if e.Name != "" || want["name"] != nil {
			got["name"] = e.Name
		}
		if e.Priority != 0 || want["priority"] != nil {
			got["priority"] = float64(e.Priority)
		}
		if e.Metadata != nil || want["metadata"] != nil {
			m := map[string]any{}
			for k, v := range e.Metadata {
				m[k] = v
			}
			got["metadata"] = m
		}
		require.Equal(t, want, got, patch)
		again := e
		require.NoError(t, upload.MergePatch(&again, []byte(patch)))
		require.Equal(t, e, again, "twice is once")
	})
}

// merge is the pseudo-code of RFC 7396 section 2.
func merge(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	t, ok := target.(map[string]any)
	if !ok {
		t = map[string]any{}
	}
	for name, value := range p {
		if value == nil {
			delete(t, name)
		} else {
			t[name] = merge(t[name], value)
		}
	}
	return t
}
