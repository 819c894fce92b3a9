package upload_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/upload"
)

// unread is a body that nobody may read.
type unread struct{ t testing.TB }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("a byte was taken")
	return 0, io.EOF
}

var errGate = errors.New("no such plan: internal table 7")

// Each way into the pipeline asks the host before the first byte.
func TestAdmit(t *testing.T) {
	var asked []upload.NewAsset
	b := newBench(t, func(b *bench) {
		b.opts.Admit = func(_ context.Context, n upload.NewAsset) error {
			asked = append(asked, n)
			if n.Metadata != nil {
				n.Metadata["k"] = "changed"
			}
			if n.Name == "no.mp4" {
				return errGate
			}
			return nil
		}
	})
	b.put("host/no.mp4", "a film")
	a := b.create(upload.NewAsset{})
	_, err := b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	kept := b.kept()
	no := upload.NewAsset{Name: "a/no.mp4", Tenant: "t", Size: 6, ContentType: "video/mp4", Metadata: map[string]string{"k": "v"}}
	for way, call := range map[string]func() error{
		"Create":       func() error { _, err := b.Create(b.ctx, no, unread{t}); return err },
		"Import":       func() error { _, err := b.Import(b.ctx, no, "host/no.mp4", nil); return err },
		"BeginSession": func() error { _, err := b.BeginSession(b.ctx, no, nil); return err },
	} {
		t.Run(way, func(t *testing.T) {
			asked = nil
			err := call()
			require.ErrorIs(t, err, upload.ErrRefused)
			require.ErrorIs(t, err, errGate)
			require.Len(t, asked, 1)
			assert.NotEmpty(t, asked[0].ID)
			assert.Equal(t, "no.mp4", asked[0].Name)
			assert.Equal(t, "t", asked[0].Tenant)
			assert.Equal(t, "video/mp4", asked[0].ContentType)
			assert.EqualValues(t, 6, asked[0].Size)
			assert.Equal(t, kept, b.kept(), "nothing is left")
		})
	}
	assert.Equal(t, "v", no.Metadata["k"], "the hook has a copy")
	t.Run("Replace", func(t *testing.T) {
		_, err := b.Replace(b.ctx, a.ID, upload.NewSource{Name: "no.mp4"}, unread{t})
		require.ErrorIs(t, err, upload.ErrRefused)
		assert.Equal(t, kept, b.kept())
	})
	t.Run("what is wrong anyway is not asked about", func(t *testing.T) {
		asked = nil
		_, err := b.Create(b.ctx, upload.NewAsset{ID: a.ID}, unread{t})
		require.ErrorIs(t, err, upload.ErrExist)
		_, err = b.Create(b.ctx, upload.NewAsset{ContentType: "text/html"}, unread{t})
		require.ErrorIs(t, err, upload.ErrType)
		assert.Empty(t, asked)
	})
	t.Run("of an object its true size", func(t *testing.T) {
		asked = nil
		_, err := b.Import(b.ctx, upload.NewAsset{Name: "no.mp4"}, "host/no.mp4", nil)
		require.ErrorIs(t, err, upload.ErrRefused)
		assert.EqualValues(t, 6, asked[0].Size)
	})
}

// What a host's refusal says is shown if the host wants it.
func TestHTTPAdmit(t *testing.T) {
	for name, c := range map[string]struct {
		err     error
		status  int
		code    string
		message string
	}{
		"any error":    {errGate, 403, "forbidden", "You may not do this."},
		"a status":     {asStatus{429}, 429, "forbidden", "Too Many Requests."},
		"hidden":       {fmt.Errorf("x: %w", storage.ErrNotExist), 404, "not_found", "There is nothing at this address."},
		"a Refusal":    {fmt.Errorf("x: %w", &upload.Refusal{Status: 422, Code: "plan_limit", Message: "Your plan has clips of 1 GB.", Err: errGate}), 422, "plan_limit", "Your plan has clips of 1 GB."},
		"no words":     {&upload.Refusal{Err: errGate}, 403, "refused", "This is not accepted here."},
		"no status":    {&upload.Refusal{Status: 200, Message: "No."}, 403, "refused", "No."},
		"later":        {&upload.Refusal{Status: 429, Code: "slow_down", Message: "One at a time.", RetryAfter: 1500 * time.Millisecond}, 429, "slow_down", "One at a time."},
		"too large":    {&upload.Refusal{Status: 413, Message: "Too large for you."}, 413, "refused", "Too large for you."},
		"of this type": {&upload.Refusal{Status: 415, Message: "No AVI."}, 415, "refused", "No AVI."},
		"no room":      {&upload.Refusal{Status: 507, Message: "The archive is full."}, 507, "refused", "The archive is full."},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(b *bench) {
				b.opts.Admit = func(context.Context, upload.NewAsset) error { return c.err }
			})
			check := func(a answer) {
				t.Helper()
				assert.Equal(t, c.status, a.status)
				assert.Equal(t, c.code, a.Error.Code)
				assert.Equal(t, c.message, a.Error.Message)
				assert.NotContains(t, a.body, "table 7")
				assert.Empty(t, b.kept())
			}
			h := upload.NewHandler(b.Pipeline, nil)
			a := b.do(h, "POST", "/assets", unread{t}, "Content-Type", "video/mp4")
			check(a)
			if name == "later" {
				assert.Equal(t, "2", a.header.Get("Retry-After"))
			}
			body, kind := form("clip.mp4", "a video")
			check(b.do(h, "POST", "/assets", body, "Content-Type", kind))
			// Authorize and Prepare may say the same.
			check(b.do(upload.NewHandler(b.Pipeline, &upload.HandlerOptions{
				Authorize: func(*http.Request, string, string) error { return c.err },
			}), "POST", "/assets", unread{t}))
			check(b.do(upload.NewHandler(b.Pipeline, &upload.HandlerOptions{
				Prepare: func(*http.Request, *upload.NewAsset) error { return c.err },
			}), "POST", "/assets", unread{t}))
		})
	}
}

type asStatus struct{ status int }

func (e asStatus) Error() string   { return "secret" }
func (e asStatus) HTTPStatus() int { return e.status }

func TestAdmissionHooksThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		set    func(*upload.Options)
		status int
		code   string
	}{
		"Admit panics": {func(o *upload.Options) { o.Admit = func(context.Context, upload.NewAsset) error { panic("a bug") } }, 500, "internal"},
		"Quota panics": {func(o *upload.Options) { o.Quota = func(context.Context, string) (int64, error) { panic("a bug") } }, 500, "internal"},
		"Quota fails": {func(o *upload.Options) {
			o.Quota = func(context.Context, string) (int64, error) { return 0, errBroken }
		}, 503, "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(b *bench) { c.set(&b.opts) })
			h := upload.NewHandler(b.Pipeline, nil)
			for range 2 { // nothing stays reserved
				a := b.do(h, "POST", "/assets?id=x", unread{t})
				assert.Equal(t, c.status, a.status, a.body)
				assert.Equal(t, c.code, a.Error.Code)
			}
			assert.Empty(t, b.kept())
		})
	}
}

func TestHTTPQuota(t *testing.T) {
	b := newBench(t, func(b *bench) { b.quotas(map[string]int64{"": 2048}) })
	h := upload.NewHandler(b.Pipeline, nil)
	large := strings.Repeat("x", 3000)
	for name, a := range map[string]answer{
		"announced": b.do(h, "POST", "/assets", strings.NewReader(large)),
		"a stream":  b.do(h, "POST", "/assets", io.MultiReader(strings.NewReader(large))),
	} {
		assert.Equal(t, http.StatusRequestEntityTooLarge, a.status, name)
		assert.Equal(t, "quota_exceeded", a.Error.Code, name)
		assert.Contains(t, a.Error.Message, "2 KiB", name)
	}
	assert.Empty(t, b.kept())
}

// A client that asks first sends nothing before the host has said yes (RFC 9110 section
// 10.1.1).
func TestHTTPExpectContinue(t *testing.T) {
	for _, refuse := range []bool{true, false} {
		t.Run(fmt.Sprint("refused ", refuse), func(t *testing.T) {
			b := newBench(t, func(b *bench) {
				b.opts.Admit = func(context.Context, upload.NewAsset) error {
					if refuse {
						return &upload.Refusal{Status: 422, Code: "no", Message: "No."}
					}
					return nil
				}
			})
			srv := httptest.NewServer(upload.NewHandler(b.Pipeline, nil))
			defer srv.Close()
			conn, err := (&net.Dialer{}).DialContext(b.ctx, "tcp", strings.TrimPrefix(srv.URL, "http://"))
			require.NoError(t, err)
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			_, err = fmt.Fprint(conn, "POST /assets HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n")
			require.NoError(t, err)
			r := bufio.NewReader(conn)
			res, err := http.ReadResponse(r, nil)
			require.NoError(t, err)
			if refuse {
				assert.Equal(t, 422, res.StatusCode, "without a byte of the body")
				body, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				assert.Contains(t, string(body), `"code":"no"`)
				_, err = r.ReadByte()
				assert.ErrorIs(t, err, io.EOF, "the connection is of no use any more")
				return
			}
			require.Equal(t, http.StatusContinue, res.StatusCode)
			_, err = io.WriteString(conn, "a video")
			require.NoError(t, err)
			res, err = http.ReadResponse(r, nil)
			require.NoError(t, err)
			assert.Equal(t, http.StatusAccepted, res.StatusCode)
			_ = res.Body.Close()
		})
	}
}

// The host may refuse a video by what is in it.
func TestAccept(t *testing.T) {
	for name, c := range map[string]struct {
		err       error
		code      string
		message   string
		permanent bool
		runs      int
	}{
		"any error":     {errGate, upload.CodeRejected, "The video is not accepted here.", true, 1},
		"a Refusal":     {&upload.Refusal{Code: "hd", Message: "Your plan has no HD.", Err: errGate}, upload.CodeRejected, "Your plan has no HD.", true, 1},
		"its own words": {&encoder.Error{Code: "later", Message: "Not now."}, "later", "Not now.", false, 3},
	} {
		t.Run(name, func(t *testing.T) {
			var seen []upload.Asset
			b := newBench(t, func(b *bench) {
				b.opts.Workers = 1
				b.opts.Accept = func(_ context.Context, a upload.Asset) error {
					seen = append(seen, a)
					a.Media.Streams[0].Width = 1
					return c.err
				}
			})
			a := b.ended()
			assert.Equal(t, progress.Error, a.Status)
			assert.Equal(t, progress.Failure{Code: c.code, Message: c.message, Permanent: c.permanent}, *a.Error)
			assert.Equal(t, c.runs, a.Runs)
			require.Len(t, seen, c.runs)
			assert.Equal(t, a.ID, seen[0].ID)
			assert.Equal(t, 18*time.Second, seen[0].Duration)
			assert.Len(t, b.studio.jobs, 0, "nothing is encoded")
			assert.Nil(t, a.Media, "and another attempt asks again")
		})
	}
}

func TestAcceptOnceAnAttempt(t *testing.T) {
	asked := 0
	b := newBench(t, func(b *bench) {
		b.opts.Workers = 1
		b.opts.Accept = func(context.Context, upload.Asset) error { asked++; return nil }
	})
	fails := 1
	b.studio.set(func(s *studio) {
		s.encode = func(ctx context.Context, job encoder.Job, emit func(encoder.Update) error) error {
			if fails--; fails >= 0 {
				return &encoder.Error{Code: encoder.CodeStalled}
			}
			return s.render(ctx, job, emit, -1)
		}
	})
	a := b.ended()
	assert.Equal(t, progress.Complete, a.Status)
	assert.Equal(t, 2, a.Runs)
	assert.Equal(t, 1, asked)
	_, err := b.Retry(b.ctx, a.ID)
	require.NoError(t, err)
	_, err = b.rec.WaitTerminal(b.ctx, a.ID)
	require.NoError(t, err)
	b.eventually(func() bool { a, err = b.Get(b.ctx, a.ID); return err == nil && a.Status == progress.Complete }, "again")
	assert.Equal(t, 2, asked)
}

func TestAcceptThatPanicsOrHangs(t *testing.T) {
	b := newBench(t, func(b *bench) {
		b.opts.Accept = func(context.Context, upload.Asset) error { panic("a bug") }
	})
	a := b.ended()
	assert.Equal(t, upload.CodeInternal, a.Error.Code)
	assert.False(t, a.Error.Permanent)

	reached := make(chan string, 1)
	b = newBench(t, func(b *bench) {
		b.opts.Accept = func(ctx context.Context, a upload.Asset) error {
			reached <- a.ID
			<-ctx.Done()
			return ctx.Err()
		}
	})
	a = b.create(upload.NewAsset{})
	receive(t, reached)
	a, err := b.Cancel(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, progress.CodeCancelled, a.Error.Code)
}
