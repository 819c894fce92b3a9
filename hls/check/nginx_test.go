//go:build unix

package check_test

import (
	"fmt"
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

	"github.com/vodkit/vodkit/hls/check"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

// startNginx serves a folder as examples/nginx says, and returns its address.
func startNginx(t *testing.T, folder string) string {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			t.Skip("there is no nginx here: make setup does not bring it, internal/scripts/setup.sh bench does")
		}
	}
	example, err := os.ReadFile("../../examples/nginx/vod.conf")
	require.NoError(t, err)
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	dir := t.TempDir()
	server := strings.NewReplacer("127.0.0.1:8080", address, "/srv/vod", folder).Replace(string(example))
	require.Contains(t, server, folder)
	temp := ""
	for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp += fmt.Sprintf("%s_temp_path %s/%s;\n", what, dir, what)
	}
	conf := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf("daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/log; events {}\nhttp { access_log off;\n%[2]s\n%[3]s\n}\n", dir, temp, server)
	require.NoError(t, os.WriteFile(conf, []byte(text), 0o600))
	cmd := exec.Command(program, "-p", dir, "-c", conf)
	var said strings.Builder
	cmd.Stderr = &said
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	require.Eventually(t, func() bool {
		var d net.Dialer
		c, err := d.DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, 10*time.Second, 20*time.Millisecond, "nginx: %s", &said)
	return "http://" + address
}

// A folder bucket needs no handler: what a web server makes of it passes, delivery and all,
// and what is not for everybody is not there.
func TestFolderBehindNginx(t *testing.T) {
	p := newPresentation(t)
	folder := t.TempDir()
	require.NoError(t, os.Chmod(folder, 0o755)) //nolint:gosec // nginx may run as somebody else
	store, err := blobstore.OpenFile(folder, nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, store.Close()) }()
	for name, body := range p.objs {
		_, err := store.Put(t.Context(), "media/42/"+name, strings.NewReader(string(body)), nil)
		require.NoError(t, err)
	}
	for _, secret := range []string{"sources/42/0", "journal/42/x.json", "catalog/assets/42/1.json", "media/.hidden", "media/42/.hidden"} {
		_, err := store.Put(t.Context(), secret, strings.NewReader("secret"), nil)
		require.NoError(t, err)
	}
	url := startNginx(t, folder)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()

	r, err := check.Run(t.Context(), check.HTTP(&check.HTTPOptions{Client: client}), url+"/media/42/"+master, nil)
	require.NoError(t, err)
	require.NoError(t, r.Err(), "%v", r.Findings)
	assert.Equal(t, authoring, rules(r), "%v", r.Findings)

	head := func(path string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, url+path, nil)
		require.NoError(t, err)
		resp, err := client.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp
	}
	kinds := map[string]string{}
	for name := range p.objs {
		resp := head("/media/42/" + name)
		require.Equal(t, 200, resp.StatusCode, name)
		kinds[filepath.Base(name)] = resp.Header.Get("Cache-Control")
		assert.Equal(t, storage.ContentType(name), resp.Header.Get("Content-Type"), name)
		assert.Equal(t, "*", resp.Header.Get("Access-Control-Allow-Origin"), name)
		if strings.HasSuffix(name, ".m4s") || strings.HasSuffix(name, ".mp4") {
			assert.Equal(t, "public, max-age=31536000, immutable", resp.Header.Get("Cache-Control"), name)
		}
	}
	assert.Equal(t, "public, max-age=1", kinds[filepath.Base(master)])
	for _, path := range []string{"/", "/media/", "/media/42/", "/sources/42/0", "/journal/42/x.json", "/catalog/assets/42/1.json", "/media/.hidden",
		"/media/42/.hidden", "/media/../sources/42/0", "/media/42/..%2f..%2f..%2fsources/42/0"} {
		assert.GreaterOrEqual(t, head(path).StatusCode, 400, path)
	}
}
