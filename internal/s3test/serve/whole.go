package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// whole hands requests to the server once they are there to their last byte, and goes on to
// the end where the client leaves meanwhile: versitygw 1.8.0 keeps a part whose connection
// has broken as if it were whole, filled up with zeros; S3 itself does not. Signatures are
// over the Host, which stays.
func whole(server *url.URL) http.Handler {
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(server)
		r.Out.Host = r.In.Host
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest) // nobody reads it
			return
		}
		// A context that can't end would have ReverseProxy look for the client itself.
		ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	})
}
