//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// load is what wrk has seen, and what the server took for it.
type load struct {
	requests, bytes float64 // a second
	cpu             float64 // seconds a request
	cpuByte         float64 // seconds a byte
}

// script has wrk ask for one path after the other and say what it saw as JSON.
const script = `
local paths = {%s}
local n = 0
request = function()
  n = n %% #paths + 1
  return wrk.format("GET", paths[n])
end
done = function(s)
  local e = s.errors
  io.write(string.format('\n{"requests":%%d,"bytes":%%d,"micros":%%d,"errors":%%d}\n',
    s.requests, s.bytes, s.duration, e.connect + e.read + e.write + e.status + e.timeout))
end
`

// wrk loads a server for a while.
func wrk(ctx context.Context, dir string, s *server, paths []string, d time.Duration) (load, error) {
	quoted := make([]string, len(paths))
	for i, p := range paths {
		quoted[i] = fmt.Sprintf("%q", p)
	}
	file := filepath.Join(dir, "wrk.lua")
	if err := os.WriteFile(file, fmt.Appendf(nil, script, strings.Join(quoted, ",")), 0o600); err != nil {
		return load{}, err
	}
	before, err := s.cpu()
	if err != nil {
		return load{}, err
	}
	out, err := exec.CommandContext(ctx, "taskset", "-c", "1", "wrk", "-t1", "-c64", fmt.Sprintf("-d%ds", int(d.Seconds())),
		"--timeout", "10s", "-s", file, "http://"+s.address).CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	after, err := s.cpu()
	if err != nil {
		return load{}, err
	}
	var seen struct{ Requests, Bytes, Micros, Errors float64 }
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &seen); err != nil {
		return load{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	if seen.Errors > 0 || seen.Requests == 0 {
		return load{}, fmt.Errorf("wrk had %.0f errors in %.0f requests: %s", seen.Errors, seen.Requests, out)
	}
	cpu := (after - before).Seconds()
	return load{
		requests: seen.Requests / seen.Micros * 1e6, bytes: seen.Bytes / seen.Micros * 1e6,
		cpu: cpu / seen.Requests, cpuByte: cpu / seen.Bytes,
	}, nil
}
