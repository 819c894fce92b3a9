//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/bench"
	"github.com/vodkit/vodkit/storage"
)

// serverEnv has the address of a process that is the server.
const serverEnv = "VODKIT_BENCH_SOAK"

// cacheBound is CacheOptions.MaxBytes.
const cacheBound = 64 << 20

// state is what the server tells of itself.
type state struct {
	Goroutines, Descriptors int
	Heap, Cache             int64
	rss                     int64
}

func (s state) row(t *bench.Table, when string) {
	t.Row(when, s.Goroutines, s.Descriptors, mib(s.Heap), mib(s.rss), mib(s.Cache))
}

// serve is what the server's process does.
func serve(settings string) error {
	var address string
	if err := json.Unmarshal([]byte(settings), &address); err != nil {
		return err
	}
	cache := storage.NewCache(film{}, &storage.CacheOptions{MaxBytes: cacheBound})
	debug.SetMemoryLimit(cacheBound + 64<<20) // as CacheOptions.MaxBytes advises
	mux := http.NewServeMux()
	mux.Handle("/media/", http.StripPrefix("/media", hls.NewHandler(cache, nil)))
	mux.HandleFunc("/state", func(w http.ResponseWriter, _ *http.Request) {
		debug.FreeOSMemory()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(state{runtime.NumGoroutine(), len(files), int64(m.HeapAlloc), cache.Stats().Bytes, 0})
	})
	srv := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: time.Minute, ConnContext: hls.ConnContext}
	return srv.ListenAndServe()
}

// server is the running process.
type server struct {
	cmd     *exec.Cmd
	address string
}

func start(ctx context.Context) (*server, error) {
	address, err := bench.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	s := &server{address: address}
	if s.cmd, err = bench.Again(serverEnv, address); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for range 100 {
		if _, err = s.state(ctx); err == nil {
			return s, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.stop()
	return nil, err
}

func (s *server) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// state asks the server, over a connection of its own.
func (s *server) state(ctx context.Context) (state, error) {
	var st state
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/state", nil)
	if err != nil {
		return st, err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return st, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(text, &st)
	}
	if err == nil {
		st.rss, err = s.rss()
	}
	return st, err
}

// settled is the state once it does not change any more: connections close, loads end.
func (s *server) settled(ctx context.Context) (state, error) {
	var last state
	for range 30 {
		st, err := s.state(ctx)
		if err != nil {
			return st, err
		}
		if st.Goroutines == last.Goroutines && st.Descriptors == last.Descriptors {
			return st, nil
		}
		last = st
		time.Sleep(time.Second)
	}
	return last, nil
}

// rss is the process's memory in bytes.
func (s *server) rss() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, errors.New("proc(5)'s status has changed")
}

// peak is the most memory that the process takes until ctx ends.
func (s *server) peak(ctx context.Context) (most int64) {
	for ctx.Err() == nil {
		if n, err := s.rss(); err == nil {
			most = max(most, n)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return most
}
