package upload_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

func TestImportURL(t *testing.T) {
	o := newOrigin(t, 123_456)
	o.set(func(o *originServer) {
		o.answer = func(w http.ResponseWriter, r *http.Request, _ int) bool {
			assert.Equal(t, "identity", r.Header.Get("Accept-Encoding"))
			assert.Equal(t, "vodkit", r.UserAgent())
			w.Header().Set("Content-Disposition", `attachment; filename="../the film.mp4"`)
			return false
		}
	})
	b := newFetchBench(t, o, nil)
	a := b.imports(o, upload.NewAsset{Tenant: "t", Metadata: map[string]string{"k": "v"}})
	assert.Equal(t, progress.Ready, a.Status)
	assert.Equal(t, "clip.mp4", a.Name)
	assert.Empty(t, a.Source.Parts)
	a = b.concluded(a)
	require.Equal(t, progress.Complete, a.Status, a.Error)
	b.has(a, o)
	assert.Len(t, a.Source.Parts, 13)
	assert.EqualValues(t, len(o.file), a.Size)
	assert.Equal(t, "the film.mp4", a.Name)
	assert.Equal(t, "video/mp4", a.ContentType)
	assert.Equal(t, "v", a.Metadata["k"])
	assert.Nil(t, a.Fetch)
	assert.NotContains(t, b.everything("catalog/"), "secret", "what is no longer needed is forgotten")
	assert.Equal(t, []string{""}, o.ranges())

	var stages []progress.Stage
	for _, e := range b.rec.Of(a.ID) {
		if e.Stage == progress.StageFetching {
			assert.Equal(t, progress.Running, e.Status)
			assert.Zero(t, e.Fraction)
		}
		stages = append(stages, e.Stage)
	}
	stages = slices.Compact(stages)
	assert.Equal(t, []progress.Stage{progress.StageQueued, progress.StageFetching, progress.StageProbing, progress.StageEncoding, progress.StagePublishing, ""}, stages)

	// A retry has the source.
	_, err := b.Retry(b.ctx, a.ID)
	require.NoError(t, err)
	b.eventually(func() bool { a, err = b.Get(b.ctx, a.ID); return err == nil && a.Status == progress.Complete }, "again")
	assert.Len(t, o.ranges(), 1)

	// What the importer says goes before what the origin says, and size is held to it.
	a = b.concluded(b.imports(o, upload.NewAsset{Name: "mine", ContentType: "video/webm", Size: 123_456}))
	require.Equal(t, progress.Complete, a.Status)
	assert.Equal(t, "mine", a.Name)
	assert.Equal(t, "video/webm", a.ContentType)
	a = b.concluded(b.imports(o, upload.NewAsset{Size: 123_455}))
	require.Equal(t, progress.Error, a.Status)
	assert.Equal(t, encoder.CodeSourceUnavailable, a.Error.Code)
	assert.True(t, a.Error.Permanent)
}

// A connection that breaks costs what was under way alone, wherever it breaks.
func TestImportURLOverBrokenConnections(t *testing.T) {
	o := newOrigin(t, 100_000)
	o.set(func(o *originServer) {
		o.cut = func(int) int { return rand.IntN(15_000) }
	})
	for name, change := range map[string]func(w http.ResponseWriter){
		"ETag":          func(http.ResponseWriter) {},
		"Last-Modified": func(w http.ResponseWriter) { w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT") },
	} {
		t.Run(name, func(t *testing.T) {
			o.set(func(o *originServer) {
				o.asked, o.etag = nil, `"one"`
				if name == "Last-Modified" {
					o.etag = ""
				}
				o.answer = func(w http.ResponseWriter, r *http.Request, n int) bool {
					if n > 0 {
						want := `"one"`
						if name == "Last-Modified" {
							want = "Mon, 02 Jan 2006 15:04:05 GMT"
						}
						assert.Equal(t, want, r.Header.Get("If-Range"))
					}
					change(w)
					return false
				}
			})
			b := newFetchBench(t, o, func(b *bench) { b.opts.Retries = 20 })
			if name == "Last-Modified" {
				// net/http's ServeContent knows the time from its argument alone.
				o.set(func(o *originServer) {
					answer := o.answer
					o.answer = func(w http.ResponseWriter, r *http.Request, n int) bool {
						answer(w, r, n)
						r.Header.Del("If-Range")
						return false
					}
				})
			}
			a := b.fetched(o)
			require.Equal(t, progress.Complete, a.Status, a.Error)
			b.has(a, o)
			asked := o.ranges()
			assert.Greater(t, len(asked), 5)
			assert.NotContains(t, asked[1:], "", "it was never fetched from the start again")
			assert.Len(t, keysOf(t, b.store, "sources/"), len(a.Source.Parts))
		})
	}
}

// Without ranges, or without a validator that tells versions apart, a break costs all.
func TestImportURLWithoutRanges(t *testing.T) {
	for name, change := range map[string]func(*originServer){
		"no ranges":      func(o *originServer) { o.noRanges = true },
		"no validator":   func(o *originServer) { o.etag = "" },
		"weak validator": func(o *originServer) { o.etag = `W/"one"` },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrigin(t, 100_000)
			o.set(func(o *originServer) {
				change(o)
				o.cut = func(n int) int { return []int{35_000, 70_000, -1}[n] }
			})
			b := newFetchBench(t, o, nil)
			a := b.fetched(o)
			require.Equal(t, progress.Complete, a.Status, a.Error)
			b.has(a, o)
			assert.Len(t, o.ranges(), 3)
			assert.Len(t, keysOf(t, b.store, "sources/"), len(a.Source.Parts), "nothing of the earlier tries is left")
			assert.Equal(t, 1, a.Runs)
		})
	}
	// Nor is it tried for ever.
	o := newOrigin(t, 100_000)
	o.set(func(o *originServer) {
		o.noRanges = true
		o.cut = func(int) int { return 90_000 }
	})
	b := newFetchBench(t, o, nil)
	a := b.fetched(o)
	require.Equal(t, progress.Error, a.Status)
	assert.Equal(t, encoder.CodeSourceUnavailable, a.Error.Code)
	assert.False(t, a.Error.Permanent)
	assert.Equal(t, 3, a.Runs)
	assert.Less(t, len(o.ranges()), 16)
}

// Two versions of a file are never mixed.
func TestImportURLOfAFileThatChanges(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request, int) bool{
		"as it should": nil,
		"a server that ignores If-Range": func(_ http.ResponseWriter, r *http.Request, _ int) bool {
			r.Header.Del("If-Range")
			return false
		},
		"a server that has the range no more": func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return true
			}
			return false
		},
		"a server that answers with another range": func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if r.Header.Get("Range") != "" {
				w.Header().Set("Content-Range", "bytes 0-9/100000")
				w.WriteHeader(http.StatusPartialContent)
				_, _ = io.WriteString(w, "0123456789")
				return true
			}
			return false
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrigin(t, 100_000)
			o.set(func(o *originServer) {
				o.answer = answer
				o.cut = func(n int) int {
					if n == 0 {
						return 45_000
					}
					if n == 1 {
						o.file, o.etag = append([]byte("another"), o.file[7:]...), `"two"`
					}
					return -1
				}
			})
			b := newFetchBench(t, o, nil)
			a := b.fetched(o)
			require.Equal(t, progress.Complete, a.Status, a.Error)
			b.has(a, o)
			assert.Len(t, keysOf(t, b.store, "sources/"), len(a.Source.Parts))
		})
	}
}

func TestImportURLTooLarge(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		t.Run(fmt.Sprint("chunked ", chunked), func(t *testing.T) {
			o := newOrigin(t, 100_001)
			o.set(func(o *originServer) {
				if chunked {
					o.answer = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
						_ = http.NewResponseController(w).Flush()
						_, _ = w.Write(o.file)
						return true
					}
				}
			})
			b := newFetchBench(t, o, func(b *bench) { b.opts.MaxSize = 100_000 })
			a := b.fetched(o)
			require.Equal(t, progress.Error, a.Status)
			assert.Equal(t, progress.Failure{Code: encoder.CodeTooLarge, Permanent: true,
				Message: "The file at the address is too large: at most 97.7 KiB are accepted."}, *a.Error)
			assert.Empty(t, keysOf(t, b.store, "sources/"))
			assert.Equal(t, 1, a.Runs)

			o.set(func(o *originServer) { o.file = o.file[1:] })
			_, err := b.Retry(b.ctx, a.ID)
			require.NoError(t, err, "the retry fetches again")
			b.eventually(func() bool { a, err = b.Get(b.ctx, a.ID); return err == nil && a.Status == progress.Complete }, "again")
			b.has(a, o)
		})
	}
}

// raw answers with bytes, whatever HTTP says of them.
func raw(text string) func(http.ResponseWriter, *http.Request, int) bool {
	return func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_, _ = io.WriteString(conn, text)
			_ = conn.Close()
		}
		return true
	}
}

func TestImportURLOfLyingServers(t *testing.T) {
	o := newOrigin(t, 10)
	b := newFetchBench(t, o, func(b *bench) { b.opts.Retries = -1 })
	fails := func(text string) upload.Asset {
		t.Helper()
		o.set(func(o *originServer) { o.answer = raw(text) })
		a := b.fetched(o)
		require.Equal(t, progress.Error, a.Status)
		assert.Equal(t, encoder.CodeSourceUnavailable, a.Error.Code)
		assert.NotContains(t, a.Error.Message, "secret")
		return a
	}
	fails("HTTP/1.1 200 OK\r\nContent-Length: 200\r\nETag: \"a\"\r\n\r\n0123456789") // always short
	fails("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n0123456789")
	fails("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n")
	fails("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n0123456789")
	fails("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 100_000) + "\r\n\r\n")
	fails("SSH-2.0-OpenSSH\r\n")
	fails("")
	a := fails("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123456789")
	assert.True(t, a.Error.Permanent)
	a = fails("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n0123456789")
	assert.True(t, a.Error.Permanent)

	// What is beyond the length that was said is not the file's.
	o.set(func(o *originServer) { o.answer = raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789abcdef") })
	a = b.fetched(o)
	require.Equal(t, progress.Complete, a.Status, a.Error)
	assert.Equal(t, "0123456789", string(b.source(a)))
}

// An origin that stands still is left, one that goes on for ever is ended.
func TestImportURLOfSlowServers(t *testing.T) {
	o := newOrigin(t, 50_000)
	o.set(func(o *originServer) {
		o.cut = func(n int) int { return []int{0, 25_000, -1}[min(n, 2)] }
		o.hold = func(int) <-chan struct{} { return make(chan struct{}) }
	})
	b := newFetchBench(t, o, func(b *bench) { b.opts.Fetch.Idle = 50 * time.Millisecond })
	a := b.fetched(o)
	require.Equal(t, progress.Complete, a.Status, a.Error)
	b.has(a, o)
	assert.Equal(t, []string{"", "", "bytes=25000-"}, o.ranges())

	o.set(func(o *originServer) {
		o.asked = nil
		o.cut = func(n int) int { return []int{25_000, -1}[min(n, 1)] }
	})
	b = newFetchBench(t, o, func(b *bench) { b.opts.Fetch.Timeout = 100 * time.Millisecond })
	a = b.fetched(o)
	require.Equal(t, progress.Error, a.Status)
	assert.Equal(t, progress.Failure{Code: encoder.CodeSourceUnavailable, Permanent: true,
		Message: "The server at the address sent the file too slowly. Use another one."}, *a.Error)
	assert.True(t, bytes.Equal(noise(50_000)[:25_000], b.source(a)), "what has come stays")
	_, err := b.Retry(b.ctx, a.ID)
	require.NoError(t, err)
	b.eventually(func() bool { a, err = b.Get(b.ctx, a.ID); return err == nil && a.Status == progress.Complete }, "again")
	b.has(a, o)
	assert.Equal(t, []string{"", "bytes=25000-"}, o.ranges())
}

func TestImportURLStatuses(t *testing.T) {
	o := newOrigin(t, 1000)
	b := newFetchBench(t, o, nil)
	for _, status := range []int{400, 401, 403, 404, 405, 410, 416, 451, 501, 204, 304, 300} {
		o.set(func(o *originServer) {
			o.asked = nil
			o.answer = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
				w.WriteHeader(status)
				return true
			}
		})
		a := b.fetched(o)
		require.Equal(t, progress.Error, a.Status, status)
		assert.Equal(t, encoder.CodeSourceUnavailable, a.Error.Code, status)
		assert.True(t, a.Error.Permanent, status)
		assert.Contains(t, a.Error.Message, strconv.Itoa(status))
		assert.Len(t, o.ranges(), 1)
		if status == 404 { // a retry asks again
			o.set(func(o *originServer) { o.answer = nil })
			_, err := b.Retry(b.ctx, a.ID)
			require.NoError(t, err)
			b.eventually(func() bool { a, err = b.Get(b.ctx, a.ID); return err == nil && a.Status == progress.Complete }, "again")
		}
	}
	for _, status := range []int{408, 425, 429, 500, 502, 503, 504} {
		o.set(func(o *originServer) {
			o.asked = nil
			o.answer = func(w http.ResponseWriter, _ *http.Request, n int) bool {
				if n < 3 {
					w.WriteHeader(status)
				}
				return n < 3
			}
		})
		a := b.fetched(o)
		require.Equal(t, progress.Complete, a.Status, a.Error)
		assert.Equal(t, 1, a.Runs)
	}
	o.set(func(o *originServer) {
		o.asked = nil
		o.answer = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
	})
	a := b.fetched(o)
	require.Equal(t, progress.Error, a.Status)
	assert.False(t, a.Error.Permanent)
	assert.Equal(t, 3, a.Runs)
	assert.Len(t, o.ranges(), 15)
	o.Close()
	a = b.fetched(o)
	assert.Equal(t, progress.Failure{Code: encoder.CodeSourceUnavailable, Message: "The server at the address did not answer. Try again later."}, *a.Error)
}

func TestImportURLOfOtherThings(t *testing.T) {
	o := newOrigin(t, 1000)
	b := newFetchBench(t, o, nil)
	o.set(func(o *originServer) {
		o.answer = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			return false
		}
	})
	a := b.fetched(o)
	assert.Equal(t, progress.Failure{Code: encoder.CodeUnsupportedFormat, Permanent: true,
		Message: `The server at the address says that this is "text/html", which is no video. Use the address of the file itself.`}, *a.Error)
	o.set(func(o *originServer) { o.answer, o.file = nil, nil })
	a = b.fetched(o)
	assert.Equal(t, encoder.CodeNoMedia, a.Error.Code)
	assert.True(t, a.Error.Permanent)
	o.set(func(o *originServer) {
		o.answer = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			_ = http.NewResponseController(w).Flush()
			return true
		}
	})
	a = b.fetched(o)
	assert.Equal(t, encoder.CodeNoMedia, a.Error.Code, "nor of a length that is not said")
	assert.Empty(t, keysOf(t, b.store, "sources/"))
}

func TestImportURLRefusesAddresses(t *testing.T) {
	o := newOrigin(t, 1000)
	port := fmt.Sprint(portOf(t, o.URL))
	b := newFetchBench(t, o, nil)
	sentences := map[string]bool{}
	for _, url := range []string{
		"http://127.0.0.2:" + port + "/", "http://2130706434:" + port + "/", "http://0177.0.0.2:" + port + "/", "http://0x7f.2:" + port + "/",
		"http://127.2:" + port + "/", "http://[::1]:" + port + "/", "http://[::ffff:127.0.0.2]:" + port + "/", "http://10.0.0.1:" + port + "/",
		"http://169.254.169.254:" + port + "/", "http://[fd00:ec2::254]:" + port + "/", "http://[64:ff9b::a00:1]:" + port + "/",
	} {
		_, err := b.ImportURL(b.ctx, upload.NewAsset{}, url)
		require.ErrorIs(t, err, upload.ErrInvalid, url)
		sentences[err.Error()] = true

		// And where a redirect leads there, also behind another.
		o.set(func(o *originServer) {
			o.asked = nil
			o.answer = func(w http.ResponseWriter, r *http.Request, n int) bool {
				if n == 0 {
					http.Redirect(w, r, "/next", http.StatusFound)
				} else {
					w.Header().Set("Location", url)
					w.WriteHeader(http.StatusTemporaryRedirect)
				}
				return true
			}
		})
		a := b.fetched(o)
		require.Equal(t, progress.Error, a.Status)
		assert.Equal(t, upload.CodeSourceRefused, a.Error.Code)
		assert.True(t, a.Error.Permanent)
		sentences["import asset: invalid field: "+a.Error.Message] = true
		assert.Len(t, o.ranges(), 2)
	}
	assert.Len(t, sentences, 1, "they tell nothing from one another: %v", sentences)

	for _, url := range []string{"", "clip.mp4", "ftp://example.com/a", "http://u:p@example.com:" + port + "/", "http://example.com/", "http://bücher.example:" + port + "/"} {
		_, err := b.ImportURL(b.ctx, upload.NewAsset{}, url)
		assert.ErrorIs(t, err, upload.ErrInvalid, url)
	}
	_, err := b.ImportURL(b.ctx, upload.NewAsset{Size: 64 << 30}, o.URL)
	assert.ErrorIs(t, err, upload.ErrTooLarge)

	off := newBench(t, nil)
	_, err = off.ImportURL(b.ctx, upload.NewAsset{}, o.URL)
	assert.ErrorIs(t, err, upload.ErrNoFetch)
	_, err = upload.New(b.store, b.studio, b.studio, &upload.Options{Fetch: &upload.FetchOptions{AllowHosts: []string{"https://x"}}})
	assert.ErrorContains(t, err, "https://x")
}

// midway imports a file whose origin stands still after 25,000 bytes, and waits for that.
func (b *bench) midway(o *originServer) upload.Asset {
	b.t.Helper()
	o.set(func(o *originServer) {
		o.cut = func(n int) int { return []int{25_000, -1}[min(n, 1)] }
		o.hold = func(int) <-chan struct{} { return make(chan struct{}) }
	})
	a := b.imports(o, upload.NewAsset{})
	b.eventually(func() bool {
		var err error
		a, err = b.Get(b.ctx, a.ID)
		return err == nil && len(a.Source.Parts) == 2
	}, "two parts are in the record")
	assert.Equal(b.t, progress.StageFetching, a.Stage)
	require.NotNil(b.t, a.Fetch)
	assert.EqualValues(b.t, 20_000, a.Size)
	assert.EqualValues(b.t, 50_000, a.Fetch.Size)
	return a
}

// A fetch outlives the process.
func TestImportURLGoesOnInAnotherProcess(t *testing.T) {
	for name, change := range map[string]struct {
		between func(b *bench, o *originServer, a upload.Asset)
		asked   []string
	}{
		"where it was": {nil, []string{"", "bytes=20000-"}},
		"from the start, if a part is gone": {func(b *bench, _ *originServer, a upload.Asset) {
			require.NoError(t, b.store.Delete(b.ctx, a.Source.Parts[0].Key))
		}, []string{"", ""}},
		"from the start, if a part is short": {func(b *bench, _ *originServer, a upload.Asset) { b.put(a.Source.Parts[1].Key, "x") }, []string{"", ""}},
		"with another version": {func(_ *bench, o *originServer, _ upload.Asset) {
			o.set(func(o *originServer) { o.file, o.etag = noise(40_000), `"two"` })
		}, []string{"", "bytes=20000-"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrigin(t, 50_000)
			b := newFetchBench(t, o, nil)
			a := b.midway(o)
			gone, cancel := context.WithCancel(b.ctx)
			cancel()
			require.ErrorIs(t, b.Shutdown(gone), context.Canceled)
			a, err := b.Get(b.ctx, a.ID)
			require.NoError(t, err)
			assert.Equal(t, progress.Ready, a.Status)
			require.Len(t, a.Source.Parts, 2)
			if change.between != nil {
				change.between(b, o, a)
			}
			b.start()
			a = b.concluded(a)
			require.Equal(t, progress.Complete, a.Status, a.Error)
			b.has(a, o)
			assert.Equal(t, change.asked, o.ranges())
			assert.Len(t, keysOf(t, b.store, "sources/"), len(a.Source.Parts))
		})
	}
}

func TestImportURLIsRefusedByAnotherProcess(t *testing.T) {
	o := newOrigin(t, 50_000)
	b := newFetchBench(t, o, nil)
	a := b.midway(o)
	gone, cancel := context.WithCancel(b.ctx)
	cancel()
	require.ErrorIs(t, b.Shutdown(gone), context.Canceled)
	b.opts.Fetch, b.made = nil, nil
	b.start()
	a = b.concluded(a)
	assert.Equal(t, upload.CodeSourceRefused, a.Error.Code)
}

func TestImportURLCancelledAndDeleted(t *testing.T) {
	o := newOrigin(t, 50_000)
	b := newFetchBench(t, o, nil)
	a := b.midway(o)
	a, err := b.Cancel(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, progress.CodeCancelled, a.Error.Code)
	assert.NotNil(t, a.Fetch)
	a, err = b.Retry(b.ctx, a.ID)
	require.NoError(t, err)
	a = b.concluded(a)
	require.Equal(t, progress.Complete, a.Status, a.Error)
	b.has(a, o)
	assert.Equal(t, []string{"", "bytes=20000-"}, o.ranges(), "the retry goes on")
	require.NoError(t, b.Delete(b.ctx, a.ID))

	o.set(func(o *originServer) { o.asked = nil })
	a = b.midway(o)
	// What is at work is not swept, nor shown as the whole.
	report, err := b.Sweep(b.ctx, &anyAge)
	require.NoError(t, err)
	assert.Empty(t, report.Objects)
	h := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{Originals: true})
	assert.Equal(t, 404, b.do(h, "GET", "/assets/"+a.ID+"/source", nil).status)
	view := b.do(h, "GET", "/assets/"+a.ID, nil)
	assert.Contains(t, view.body, `"stage":"fetching"`)
	assert.Contains(t, view.body, `"size":50000,"received":20000`)
	assert.NotContains(t, view.body, "secret")
	require.NoError(t, b.Delete(b.ctx, a.ID))
	assert.Empty(t, b.kept())
	_, err = b.Get(b.ctx, a.ID)
	assert.ErrorIs(t, err, upload.ErrNotFound)
}

// A source that replaces one which never came whole ends its fetch.
func TestImportURLReplaced(t *testing.T) {
	o := newOrigin(t, 50_000)
	b := newFetchBench(t, o, nil)
	a := b.midway(o)
	a, err := b.Replace(b.ctx, a.ID, upload.NewSource{}, strings.NewReader("a film"))
	require.NoError(t, err)
	a = b.concluded(a)
	assert.Equal(t, progress.Complete, a.Status)
	assert.Equal(t, "a film", string(b.source(a)))
	assert.Len(t, keysOf(t, b.store, "sources/"), 1)
	assert.Len(t, o.ranges(), 1)
}

// Slow origins do not take all workers, and who waits for a seat gets it at once.
func TestImportURLAtOnce(t *testing.T) {
	o := newOrigin(t, 50_000)
	on := make(chan struct{})
	o.set(func(o *originServer) {
		o.cut = func(n int) int { return []int{0, 0, -1}[min(n, 2)] }
		o.hold = func(int) <-chan struct{} { return on }
	})
	b := newFetchBench(t, o, func(b *bench) { b.opts.Workers, b.opts.Fetch.AtOnce = 2, 1 })
	var all []upload.Asset
	for range 4 {
		all = append(all, b.imports(o, upload.NewAsset{}))
	}
	b.eventually(func() bool { return len(o.ranges()) == 1 }, "one is asked for")
	assert.Equal(t, progress.Complete, b.concluded(b.create(upload.NewAsset{})).Status, "beside them there is room")
	assert.Len(t, o.ranges(), 1)
	close(on)
	for _, a := range all {
		a = b.concluded(a)
		assert.Equal(t, progress.Complete, a.Status, a.Error)
		assert.Equal(t, 1, a.Runs)
		b.has(a, o)
	}
}

func TestImportURLWithinAQuota(t *testing.T) {
	o := newOrigin(t, 50_000)
	b := newFetchBench(t, o, func(b *bench) { b.quotas(map[string]int64{"t": 60_000}) })
	try := func() upload.Asset { return b.concluded(b.imports(o, upload.NewAsset{Tenant: "t"})) }
	a := try()
	require.Equal(t, progress.Complete, a.Status, a.Error)
	second := try()
	require.Equal(t, progress.Error, second.Status)
	assert.Equal(t, "quota_exceeded", second.Error.Code)
	assert.Contains(t, second.Error.Message, "9.8 KiB")
	assert.Len(t, keysOf(t, b.store, "sources/"), len(a.Source.Parts), "nothing of it is left")
	_, err := b.ImportURL(b.ctx, upload.NewAsset{Tenant: "t", Size: 20_000}, o.URL)
	require.ErrorIs(t, err, upload.ErrQuota)
	require.NoError(t, b.Delete(b.ctx, a.ID))
	o.set(func(o *originServer) {
		o.answer = func(w http.ResponseWriter, _ *http.Request, _ int) bool { // of a length that is not said
			_ = http.NewResponseController(w).Flush()
			_, _ = w.Write(noise(60_001))
			return true
		}
	})
	a = try()
	require.Equal(t, progress.Error, a.Status)
	assert.Equal(t, "quota_exceeded", a.Error.Code)
	assert.Empty(t, keysOf(t, b.store, "sources/"))
}

// The Store's failures are told from the origin's.
func TestImportURLIntoABrokenStore(t *testing.T) {
	o := newOrigin(t, 50_000)
	fs := &failingStore{}
	b := newFetchBench(t, o, func(b *bench) {
		fs.Store = b.store
		b.store, b.studio.store = fs, fs
		b.opts.Retries = 10
	})
	fails := 3
	fs.set(func(op, key string) error {
		if op == "put" && strings.HasPrefix(key, "sources/") && fails > 0 && rand.IntN(2) == 0 {
			fails--
			return errBroken
		}
		return nil
	})
	a := b.fetched(o)
	require.Equal(t, progress.Complete, a.Status, a.Error)
	b.has(a, o)
	fs.set(func(op, key string) error {
		if op == "put" && strings.HasPrefix(key, "sources/") {
			return errBroken
		}
		return nil
	})
	a = b.fetched(o)
	assert.Equal(t, encoder.CodeStorage, a.Error.Code)
}
