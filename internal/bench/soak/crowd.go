//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// crowd has so many viewers, each with a connection of its own, watch for a while.
func crowd(ctx context.Context, address string, viewers int, long time.Duration) error {
	until := time.Now().Add(long)
	g, ctx := errgroup.WithContext(ctx)
	for n := range viewers {
		g.Go(func() error {
			v := viewer{address: address, rnd: rand.New(rand.NewPCG(uint64(n), 1))}
			v.client = &http.Client{Transport: &http.Transport{DialContext: narrow, DisableCompression: true}}
			defer v.client.CloseIdleConnections()
			v.segment = v.rnd.IntN(segments)
			for time.Now().Before(until) && ctx.Err() == nil {
				if err := v.watch(ctx); err != nil {
					return fmt.Errorf("viewer %d: %w", n, err)
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// narrow makes connections that take little at a time, as those of phones do.
func narrow(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	if tcp, ok := c.(*net.TCPConn); ok && err == nil {
		err = tcp.SetReadBuffer(16 << 10)
	}
	return c, err
}

// viewer is one who watches.
type viewer struct {
	address string
	client  *http.Client
	rnd     *rand.Rand
	segment int
	buf     [8 << 10]byte
}

// watch fetches a segment, whole or a range, in the time that it plays for; one in eight
// leaves in the middle, one in sixteen jumps.
func (v *viewer) watch(ctx context.Context) error {
	v.segment = (v.segment + 1) % segments
	if v.rnd.IntN(16) == 0 {
		v.segment = v.rnd.IntN(segments)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/media/film/a1/v/%d.m4s", v.address, v.segment), nil)
	if err != nil {
		return err
	}
	first, last := int64(0), int64(segmentSize-1)
	if v.rnd.IntN(4) == 0 {
		first = v.rnd.Int64N(segmentSize)
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", first))
	}
	leaves := int64(segmentSize)
	if v.rnd.IntN(8) == 0 {
		leaves = v.rnd.Int64N(segmentSize)
	}
	resp, err := v.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("segment %d: %s", v.segment, resp.Status)
	}
	pause := time.Duration(v.rnd.IntN(100)) * time.Millisecond
	at := first
	for at <= last && at-first < leaves {
		n, err := resp.Body.Read(v.buf[:])
		for i, b := range v.buf[:n] {
			if b != byteAt(v.segment, at+int64(i)) {
				return fmt.Errorf("segment %d has another byte at %d", v.segment, at+int64(i))
			}
		}
		at += int64(n)
		if err != nil && !(errors.Is(err, io.EOF) && at > last) {
			return fmt.Errorf("segment %d at %d: %w", v.segment, at, err)
		}
		if n > 0 && v.rnd.IntN(8) == 0 {
			time.Sleep(pause)
		}
	}
	return nil
}
