//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// demo is a running demo server with a bucket of its own.
type demo struct {
	base string
	dir  string
	cmd  *exec.Cmd
	log  *os.File
}

func startServer(program string) (*demo, error) {
	dir, err := os.MkdirTemp("", "vodkit-corpus")
	if err != nil {
		return nil, err
	}
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		return nil, err
	}
	d := &demo{base: "http://" + addr, dir: dir, log: log}
	d.cmd = exec.Command(program, "-addr", addr, "-bucket", "file://"+filepath.Join(dir, "bucket"), "-encoders", "1")
	d.cmd.Stdout, d.cmd.Stderr = log, log
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	for range 200 {
		resp, err := http.Get(d.base + "/healthz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return d, nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, errors.Join(errors.New("the server does not answer"), d.stop())
}

// stop ends the server as a service manager would and shows its log where that fails.
func (d *demo) stop() error {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- d.cmd.Wait() }()
	var err error
	select {
	case err = <-done:
	case <-time.After(30 * time.Second):
		_ = d.cmd.Process.Kill()
		err = errors.Join(errors.New("the server did not stop within 30 s"), <-done)
	}
	_ = d.log.Close()
	if err != nil {
		tail, _ := os.ReadFile(d.log.Name())
		err = fmt.Errorf("%w\n%s", err, tail[max(0, len(tail)-4000):])
	}
	return errors.Join(err, os.RemoveAll(d.dir))
}

// children returns the numbers of the server's living children.
func (d *demo) children() []string {
	var found []string
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// pid (name) state ppid …
		fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(d.cmd.Process.Pid) {
			found = append(found, filepath.Base(filepath.Dir(path)))
		}
	}
	return found
}

// quiet waits for a moment until the server has no children.
func (d *demo) quiet() bool {
	for range 40 {
		if len(d.children()) == 0 {
			return true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return false
}
