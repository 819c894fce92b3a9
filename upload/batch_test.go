package upload_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

// fleet makes n assets, x000 and on, that have failed.
func (b *bench) fleet(n int) {
	b.t.Helper()
	b.studio.set(func(s *studio) {
		s.probe = func(encoder.Source) (encoder.Media, error) {
			return encoder.Media{}, &encoder.Error{Code: "corrupt", Permanent: true, Message: "Broken."}
		}
	})
	for i := range n {
		b.terminal(b.create(upload.NewAsset{ID: fmt.Sprintf("x%03d", i), Tenant: []string{"even", "odd"}[i%2]}))
	}
	b.studio.set(func(s *studio) { s.probe = nil })
}

// count returns how many assets match.
func (b *bench) count(q upload.Query) int {
	b.t.Helper()
	q.Limit = 1000
	assets, err := b.List(b.ctx, q)
	require.NoError(b.t, err)
	return len(assets)
}

func TestRetryAll(t *testing.T) {
	b := newBench(t, profiles)
	b.fleet(7)
	small := "small"
	report, err := b.RetryAll(b.ctx, upload.Query{Status: progress.Error, Tenant: "odd"}, &upload.RetryOptions{Profile: &small})
	require.NoError(t, err)
	assert.Equal(t, upload.RetryReport{Retried: 3}, report)
	b.eventually(func() bool { return b.count(upload.Query{Status: progress.Complete, Profile: "small"}) == 3 }, "all are complete")
	assert.Equal(t, 4, b.count(upload.Query{Status: progress.Error}))

	report, err = b.RetryAll(b.ctx, upload.Query{Limit: 2}, nil)
	require.NoError(t, err)
	assert.Equal(t, upload.RetryReport{Retried: 2, Next: "x005"}, report)
	report, err = b.RetryAll(b.ctx, upload.Query{After: report.Next}, nil)
	require.NoError(t, err)
	assert.Equal(t, upload.RetryReport{Retried: 5}, report)
	b.eventually(func() bool { return b.count(upload.Query{Status: progress.Complete}) == 7 }, "all are complete")

	huge := "huge"
	report, err = b.RetryAll(b.ctx, upload.Query{}, &upload.RetryOptions{Profile: &huge})
	require.ErrorIs(t, err, upload.ErrInvalid)
	assert.Zero(t, report)
	assert.Equal(t, 7, b.count(upload.Query{Status: progress.Complete}))
}

// Where the backlog is full, somebody goes on later: nothing is left out, nothing is done
// twice.
func TestRetryAllAndTheBacklog(t *testing.T) {
	b := newBench(t, func(b *bench) { b.opts.Workers, b.opts.Backlog = 1, 3 })
	b.fleet(9)
	reached, goOn := b.studio.hold(0)
	_, err := b.Retry(b.ctx, "x004")
	require.NoError(t, err)
	receive(t, reached)
	report, err := b.RetryAll(b.ctx, upload.Query{}, nil)
	require.ErrorIs(t, err, upload.ErrBacklogFull)
	assert.Equal(t, upload.RetryReport{Retried: 3, Next: "x006"}, report)
	again, err := b.RetryAll(b.ctx, upload.Query{}, nil)
	require.ErrorIs(t, err, upload.ErrBacklogFull)
	assert.Equal(t, upload.RetryReport{Busy: 3, Next: "x006"}, again)
	close(goOn)
	busy := 0
	for report.Next != "" {
		b.eventually(func() bool { return b.count(upload.Query{Status: progress.Ready}) == 0 }, "there is room")
		report, err = b.RetryAll(b.ctx, upload.Query{After: report.Next}, nil)
		if err != nil {
			require.ErrorIs(t, err, upload.ErrBacklogFull)
			require.NotEmpty(t, report.Next)
		}
		busy += report.Busy
	}
	b.eventually(func() bool { return b.count(upload.Query{Status: progress.Complete}) == 9 }, "all are complete")
	assets, err := b.List(b.ctx, upload.Query{})
	require.NoError(t, err)
	for _, a := range assets {
		if a.ID != "x004" {
			assert.Equal(t, 2, a.Attempts, a.ID)
		}
	}
}

func TestHTTPRetryAll(t *testing.T) {
	b := newBench(t, func(b *bench) {
		profiles(b)
		b.opts.Workers, b.opts.Backlog = 1, 2
	})
	b.fleet(6)
	deny := ""
	h := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{
		Tenant: func(r *http.Request) string { return r.Header.Get("Tenant") },
		Authorize: func(_ *http.Request, action, asset string) error {
			assert.Empty(t, asset)
			if action == deny {
				return errors.New("no")
			}
			return nil
		},
	})
	type batch struct {
		Retried, Busy int
		Next          *string
	}
	all := func(body string, headers ...string) (answer, batch) {
		a := b.do(h, "POST", "/assets/retry", strings.NewReader(body), append([]string{"Content-Type", "application/json"}, headers...)...)
		var report batch
		if a.status == http.StatusAccepted {
			unmarshal(t, a.body, &report)
		}
		return a, report
	}
	reached, goOn := b.studio.hold(0)
	a, report := all(`{"status": "error", "profile": "small", "limit": 1}`, "Tenant", "odd")
	require.Equal(t, http.StatusAccepted, a.status, a.body)
	require.Equal(t, 1, report.Retried)
	require.Equal(t, "x005", *report.Next)
	receive(t, reached)
	a, report = all(`{"status": "ERROR"}`)
	require.Equal(t, http.StatusAccepted, a.status, a.body)
	assert.Equal(t, 2, report.Retried, "as many as have room")
	assert.Equal(t, "x003", *report.Next)
	assert.Equal(t, "60", a.header.Get("Retry-After"))
	a, _ = all(`{"after": "x003"}`)
	assert.Equal(t, http.StatusTooManyRequests, a.status)
	assert.Equal(t, "backlog_full", a.Error.Code)
	close(goOn)
	b.eventually(func() bool { return b.count(upload.Query{Status: progress.Complete}) == 3 }, "there is room")
	a, report = all(`{"from_profile": "small", "profile": ""}`)
	require.Equal(t, http.StatusAccepted, a.status, a.body)
	assert.Equal(t, batch{Retried: 1}, report)
	assert.Contains(t, a.body, `"next":null`)
	for body, status := range map[string]int{
		`{"status": "LOST"}`: 422, `{"limit": -1}`: 422, `{"profile": "huge"}`: 422, `{"created_after": "yesterday"}`: 422, `{"x": 1}`: 422, `{`: 400,
	} {
		a, _ := all(body)
		assert.Equal(t, status, a.status, body)
	}
	for _, action := range []string{upload.ActionBatch, upload.ActionProfile} {
		deny = action
		a, _ = all(`{"profile": "small"}`)
		assert.Equal(t, http.StatusForbidden, a.status, action)
	}
	deny = ""
	assert.Equal(t, http.StatusUnsupportedMediaType, b.do(h, "POST", "/assets/retry", nil).status, "not all by mistake, or by a form of another's page")
	assert.Equal(t, http.StatusNotFound, b.do(upload.NewHandler(b.Pipeline, nil), "GET", "/assets/retry", nil).status, "there is no asset of this name")
}
