//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vodkit/vodkit/internal/bench"
)

// figures of one upload.
type figures struct {
	rate float64 // bytes a second
	peak float64 // of the server's resident memory, in bytes
}

// measure starts a server over a new folder and sends it one file.
func measure(ctx context.Context, set settings, size int64) (f figures, err error) {
	// All write to pages that the one before has given back: a machine that gets its memory
	// from a host as it needs it is a third as fast with new ones, whoever writes.
	if err := os.RemoveAll(set.Folder); err != nil {
		return f, err
	}
	syscall.Sync() // or it would pay for what was written before
	address, err := bench.FreeAddress(ctx)
	if err != nil {
		return f, err
	}
	set.Address = address
	cmd, err := set.command()
	if err != nil {
		return f, err
	}
	if err := cmd.Start(); err != nil {
		return f, err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	if err := answers(ctx, address); err != nil {
		return f, err
	}
	took, err := send(ctx, "http://"+address+"/uploads/", size)
	if err != nil {
		return f, err
	}
	f.rate = float64(size) / took.Seconds()
	f.peak, err = peak(cmd.Process.Pid)
	return f, err
}

// answers waits until the server does.
func answers(ctx context.Context, address string) error {
	for range 200 {
		var d net.Dialer
		if c, err := d.DialContext(ctx, "tcp", address); err == nil {
			return c.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("nobody answers at %s", address)
}

// send uploads so many bytes in one PATCH and returns how long that took.
func send(ctx context.Context, endpoint string, size int64) (time.Duration, error) {
	created, err := ask(ctx, http.MethodPost, endpoint, nil, 0, http.StatusCreated, "Upload-Length", strconv.FormatInt(size, 10))
	if err != nil {
		return 0, err
	}
	base, err := url.Parse(endpoint)
	if err != nil {
		return 0, err
	}
	at, err := base.Parse(created.Get("Location"))
	if err != nil {
		return 0, err
	}
	start := time.Now()
	done, err := ask(ctx, http.MethodPatch, at.String(), newNoise(size), size, http.StatusNoContent,
		"Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
	took := time.Since(start)
	if err != nil {
		return 0, err
	}
	if got := done.Get("Upload-Offset"); got != strconv.FormatInt(size, 10) {
		return 0, fmt.Errorf("the server has %s bytes of %d", got, size)
	}
	return took, nil
}

// ask returns the header of an answer with the status that is wanted.
func ask(ctx context.Context, method, address string, body io.Reader, size int64, want int, header ...string) (http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = size
	req.Header.Set("Tus-Resumable", "1.0.0")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, 4096))
	_ = res.Body.Close()
	if err == nil && res.StatusCode != want {
		err = fmt.Errorf("%s %s: %s: %s", method, address, res.Status, bytes.TrimSpace(text))
	}
	return res.Header, err
}

// newNoise returns a reader of so many bytes that cost nothing to make.
func newNoise(size int64) io.Reader {
	block := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(block) // never fails
	return io.LimitReader(&noise{block: block}, size)
}

// noise yields its block again and again.
type noise struct {
	block []byte
	at    int
}

func (n *noise) Read(p []byte) (int, error) {
	m := copy(p, n.block[n.at:])
	n.at = (n.at + m) % len(n.block)
	return m, nil
}

// peak returns the most memory that the process has had resident, in bytes.
func peak(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib * 1024, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no VmHWM", pid)
}
