package crowd

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"

	"github.com/vodkit/vodkit/internal/s3test/gateway"
)

// Nginx is a running nginx with proxy_cache and its lock.
type Nginx struct {
	URL string // of its document root

	cmd *exec.Cmd
	dir string
}

// The lock's timeouts are so long that it never lets a second request through.
const nginxConf = `
daemon off;
master_process on;
worker_processes 2;
worker_rlimit_nofile 16384;
%[1]s
pid %[2]s/pid;
error_log %[2]s/error.log warn;
events { worker_connections 8192; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000;
  client_body_temp_path %[2]s/body;
  proxy_temp_path %[2]s/temp;
  fastcgi_temp_path %[2]s/fastcgi;
  uwsgi_temp_path %[2]s/uwsgi;
  scgi_temp_path %[2]s/scgi;
  proxy_cache_path %[2]s/cache levels=1:2 keys_zone=vod:10m max_size=1g inactive=1h use_temp_path=off;
  upstream bucket { server %[3]s; keepalive 64; }
  server {
    listen %[4]s backlog=4096;
    location = /health { return 200; }
    location / {
      proxy_pass http://bucket/%[5]s$request_uri;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache vod;
      proxy_cache_key $request_uri;
      proxy_cache_valid 200 1h;
      proxy_cache_lock on;
      proxy_cache_lock_timeout 120s;
      proxy_cache_lock_age 120s;
      proxy_ignore_headers Cache-Control Expires;
    }
  }
}
`

// StartNginx runs nginx in front of the bucket at origin, host and port of a server that
// needs no signature. Its files are in a new folder.
func StartNginx(binary, origin, bucket string) (*Nginx, error) {
	dir, err := os.MkdirTemp("", "crowd-nginx")
	if err != nil {
		return nil, err
	}
	address, err := gateway.FreeAddress()
	if err != nil {
		return nil, err
	}
	who := ""
	if os.Getuid() == 0 { // else its workers give up the right to the folder
		u, err := user.Current()
		if err != nil {
			return nil, err
		}
		who = "user " + u.Username + ";"
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, who, dir, origin, address, bucket), 0o600); err != nil {
		return nil, err
	}
	var output bytes.Buffer
	cmd := exec.Command(binary, "-p", dir, "-c", conf, "-e", filepath.Join(dir, "error.log")) //nolint:noctx // Close ends it
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	n := &Nginx{URL: "http://" + address, cmd: cmd, dir: dir}
	if err := gateway.Ready(n.URL + "/health"); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "error.log"))
		n.Close()
		return nil, fmt.Errorf("%s does not answer: %w\n%s%s", binary, err, &output, log)
	}
	return n, nil
}

// Close ends nginx and removes its folder.
func (n *Nginx) Close() {
	_ = n.cmd.Process.Signal(os.Interrupt) // its master ends its workers
	_ = n.cmd.Wait()
	_ = os.RemoveAll(n.dir)
}
