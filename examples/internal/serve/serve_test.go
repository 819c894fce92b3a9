package serve_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/examples/internal/serve"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRunLetsRequestsEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	urls, entered, drained, ended := make(chan string, 1), make(chan struct{}), make(chan struct{}), make(chan error, 1)
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-drained
		_, _ = io.WriteString(w, "whole")
	})
	go func() {
		ended <- serve.Run(ctx, "127.0.0.1:0", handler, &serve.Options{
			Ready: func(url string) { urls <- url },
			Drain: func() { close(drained) },
			Grace: time.Minute,
		})
	}()
	url := <-urls
	body := make(chan string, 1)
	go func() {
		req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, url, nil)
		if err != nil {
			body <- err.Error()
			return
		}
		req.Close = true
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			body <- err.Error()
			return
		}
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			body <- err.Error()
			return
		}
		body <- string(b)
	}()
	<-entered
	cancel()
	assert.Equal(t, "whole", <-body)
	require.NoError(t, <-ended)
}

func TestRunSaysWhyItCannotListen(t *testing.T) {
	err := serve.Run(t.Context(), "127.0.0.1:99999", http.NotFoundHandler(), nil)
	require.ErrorContains(t, err, "listen on 127.0.0.1:99999")
}
