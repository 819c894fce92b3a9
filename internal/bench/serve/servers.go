//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/bench"
	"github.com/vodkit/vodkit/storage/blobstore"
)

// serverEnv has the settings of a process that is a server, as JSON.
const serverEnv = "VODKIT_BENCH_SERVER"

// settings of a server over a folder.
type settings struct {
	Kind    string // vodkit, FileServer or bare
	Folder  string
	Address string
	Body    string // what bare answers with: a file
	Profile string // where a CPU profile goes when the server is stopped, "" for none
}

// serve is what a server's process does.
func serve(args string) error {
	var set settings
	if err := json.Unmarshal([]byte(args), &set); err != nil {
		return err
	}
	h, err := set.handler()
	if err != nil {
		return err
	}
	server := &http.Server{Addr: set.Address, Handler: h, ReadHeaderTimeout: time.Minute}
	if set.Kind == "vodkit" {
		server.ConnContext = hls.ConnContext
	}
	if set.Profile == "" {
		return server.ListenAndServe()
	}
	f, err := os.Create(set.Profile)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case <-asked:
	case err = <-ended:
	}
	pprof.StopCPUProfile()
	return errors.Join(err, server.Close(), f.Close())
}

func (s settings) handler() (http.Handler, error) {
	switch s.Kind {
	case "vodkit":
		store, err := blobstore.OpenFile(s.Folder, nil)
		if err != nil {
			return nil, err
		}
		return mounted(hls.NewHandler(store, nil)), nil
	case "FileServer":
		return http.FileServer(http.Dir(s.Folder)), nil
	case "bare":
		return s.bare()
	}
	return nil, fmt.Errorf("there is no server %q", s.Kind)
}

// bare returns a handler that writes the bytes which vodkit writes, header and body, and
// does nothing else: what net/http can do at most.
func (s settings) bare() (http.Handler, error) {
	s.Kind = "vodkit"
	h, err := s.handler()
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(s.Folder, s.Body)
	if err != nil {
		return nil, err
	}
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/"+filepath.ToSlash(rel), nil))
	if answer.Code != http.StatusOK {
		return nil, fmt.Errorf("%s: %d", rel, answer.Code)
	}
	head, body := answer.Header(), answer.Body.Bytes()
	return mounted(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		to := w.Header()
		for name, values := range head {
			to[name] = values
		}
		_, _ = w.Write(body)
	})), nil
}

// mounted mounts a handler as services do: what a router costs is no handler's.
func mounted(h http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/media/", http.StripPrefix("/media", h))
	return mux
}

// server is a running process on the first processor.
type server struct {
	cmd     *exec.Cmd
	address string
	profile bool // it writes one when it ends
}

// start starts a server and waits until it answers.
func start(ctx context.Context, dir string, set settings) (*server, error) {
	address, err := bench.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	set.Address = address
	var cmd *exec.Cmd
	if set.Kind == "nginx" {
		if cmd, err = nginx(dir, set); err != nil {
			return nil, err
		}
	} else {
		if cmd, err = bench.Again(serverEnv, set, "taskset", "-c", "0"); err != nil {
			return nil, err
		}
		cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, address: address, profile: set.Profile != "" && set.Kind != "nginx"}
	for range 100 {
		var d net.Dialer
		if c, err := d.DialContext(ctx, "tcp", address); err == nil {
			_ = c.Close()
			return s, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.stop()
	return nil, fmt.Errorf("%s does not answer", set.Kind)
}

func (s *server) stop() {
	how := os.Kill
	if s.profile {
		how = syscall.SIGTERM
	}
	_ = s.cmd.Process.Signal(how)
	_ = s.cmd.Wait()
}

// cpu returns the CPU time that the process's threads have taken: proc(5)'s schedstat counts
// nanoseconds, stat only hundredths of a second.
func (s *server) cpu() (time.Duration, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var total time.Duration
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			return 0, err
		}
		ran, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(ran, 10, 64)
		if err != nil {
			return 0, err
		}
		total += time.Duration(n)
	}
	return total, nil
}

// nginx is a command that serves the folder from one process, as its manual advises.
func nginx(dir string, set settings) (*exec.Cmd, error) {
	conf := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`
daemon off;
master_process off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log %[1]s/nginx.log;
events { worker_connections 4096; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=60s;
  open_file_cache_valid 60s;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  types { application/vnd.apple.mpegurl m3u8; video/iso.segment m4s; video/mp4 mp4; text/vtt vtt; image/jpeg jpg; }
  server {
    listen %[2]s;
    root %[3]s;
  }
}
`, dir, set.Address, set.Folder)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, err
	}
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx"
	}
	return exec.Command("taskset", "-c", "0", program, "-p", dir, "-c", conf), nil
}
