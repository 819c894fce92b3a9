package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWhole has a client leave when the server has begun to read its request.
func TestWhole(t *testing.T) {
	body := bytes.Repeat([]byte("part"), 4<<20) // more than sockets hold
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	left := make(chan struct{})
	came := make(chan []byte, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var got bytes.Buffer
		_, err := io.CopyN(&got, r.Body, 1)
		assert.NoError(t, err)
		leave()
		<-left
		_, err = got.ReadFrom(r.Body)
		assert.NoError(t, err, "the request is whole although its client has left")
		came <- got.Bytes()
	}))
	defer server.Close()
	to, err := url.Parse(server.URL)
	require.NoError(t, err)
	noticed := make(chan struct{})
	behind := whole(to)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		context.AfterFunc(r.Context(), func() { close(noticed) })
		behind.ServeHTTP(w, r)
	}))
	defer front.Close()

	req, err := http.NewRequestWithContext(ctx, http.MethodPut, front.URL, bytes.NewReader(body))
	require.NoError(t, err)
	_, err = http.DefaultClient.Do(req) //nolint:bodyclose // there is none
	require.ErrorIs(t, err, context.Canceled)
	select {
	case <-noticed:
	case <-time.After(10 * time.Second):
		t.Fatal("the front has not noticed that its client left")
	}
	close(left)
	assert.True(t, bytes.Equal(body, <-came))
}
