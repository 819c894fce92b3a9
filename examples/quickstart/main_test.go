package main_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

const service = "http://127.0.0.1:8080"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The README's program does what the README says.
func TestQuickstart(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("there is no ffmpeg on PATH")
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", strings.TrimPrefix(service, "http://"))
	if err != nil {
		t.Skip("something else listens on the program's address: ", err)
	}
	require.NoError(t, l.Close())

	dir := t.TempDir()
	video, program := filepath.Join(dir, "holiday.mp4"), filepath.Join(dir, "quickstart")
	command(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=8", "-c:v", "libx264", "-preset", "ultrafast", video)
	command(t, "go", "build", "-o", program, ".")

	run := exec.CommandContext(context.WithoutCancel(t.Context()), program)
	run.Dir = dir
	run.Stderr = t.Output()
	require.NoError(t, run.Start())
	defer func() { _ = run.Process.Kill() }()

	require.Eventually(t, func() bool { return get(t, "/assets").status == http.StatusOK }, 20*time.Second, 50*time.Millisecond)
	f, err := os.Open(video)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	var asset struct{ ID, Status, Playlist string }
	created := call(t, http.MethodPost, "/assets", f)
	require.Equal(t, http.StatusAccepted, created.status, created.body)
	require.NoError(t, json.Unmarshal([]byte(created.body), &asset))

	require.Eventually(t, func() bool {
		return json.Unmarshal([]byte(get(t, "/assets/"+asset.ID).body), &asset) == nil && asset.Status == "COMPLETE"
	}, time.Minute, 200*time.Millisecond)
	assert.Equal(t, "/media/"+asset.ID+"/master.m3u8", asset.Playlist)
	assert.Contains(t, get(t, asset.Playlist).body, "#EXT-X-STREAM-INF")

	require.NoError(t, run.Process.Signal(os.Interrupt))
	require.NoError(t, run.Wait(), "the program ends well when it is interrupted")
}

type answer struct {
	status int
	body   string
}

func get(t *testing.T, path string) answer { return call(t, http.MethodGet, path, nil) }

// call answers with status 0 where there is no server.
func call(t *testing.T, method, path string, body io.Reader) answer {
	req, err := http.NewRequestWithContext(t.Context(), method, service+path, body)
	if err != nil {
		return answer{}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}
	}
	return answer{res.StatusCode, string(data)}
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	require.NoError(t, err, string(out))
}
