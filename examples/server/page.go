package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// web has the page, and hls.js under vendor where `make setup` has put it there.
//
//go:embed web
var web embed.FS

// contentPolicy lets the page load what comes from here, hls.js hand the browser what it
// has put together, and uploads go elsewhere where a bucket is.
const contentPolicy = "default-src 'self'; connect-src 'self'%s; media-src 'self' blob:; worker-src 'self' blob:; " +
	"img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// page serves the page and its files.
type page struct {
	index  []byte
	files  map[string]file
	policy string // the Content-Security-Policy
}

type file struct {
	body []byte
	kind string
	etag string
}

// newPage reads the page once, so that every answer has a validator. remote says that
// uploads may go to a bucket elsewhere.
func newPage(maxUpload int64, remote bool) (*page, error) {
	elsewhere := ""
	if remote {
		elsewhere = " https: http:"
	}
	p := &page{files: map[string]file{}, policy: fmt.Sprintf(contentPolicy, elsewhere)}
	err := fs.WalkDir(web, "web", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := web.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		p.files[strings.TrimPrefix(name, "web/")] = file{body, contentType(name), `"` + hex.EncodeToString(sum[:8]) + `"`}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	index, err := template.New("index").Parse(string(p.files["index.html"].body))
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	var out bytes.Buffer
	if err := index.Execute(&out, map[string]any{"MaxUpload": maxUpload, "HasPlayer": p.has("vendor/hls.min.js"), "HasTus": p.has("vendor/tus.min.js")}); err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	p.index = out.Bytes()
	delete(p.files, "index.html")
	return p, nil
}

// has says whether a file has been built in, such as hls.js.
func (p *page) has(name string) bool {
	_, ok := p.files[name]
	return ok
}

func (p *page) serveIndex(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", p.policy)
	h.Set("Referrer-Policy", "same-origin")
	serveBytes(w, r, file{body: p.index, kind: "text/html; charset=utf-8"})
}

func (p *page) serveFile(w http.ResponseWriter, r *http.Request) {
	f, ok := p.files[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	serveBytes(w, r, f)
}

func serveBytes(w http.ResponseWriter, r *http.Request, f file) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache") // ask again, which the ETag makes cheap
	if f.etag != "" {
		h.Set("ETag", f.etag)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
}

// contentType does not ask the system, whose tables differ.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		return kind
	}
	return "text/plain; charset=utf-8"
}
