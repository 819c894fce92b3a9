//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vodkit/vodkit/internal/corpus/inventory"
)

// segment is the longest nominal segment in seconds, and a little.
const segment = 6.25

// asset is the demo's JSON of an asset.
type asset struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Status   string  `json:"status"`
	Fraction float64 `json:"fraction"`
	Playlist string  `json:"playlist"`
	Duration float64 `json:"duration"`
	Error    *struct {
		Code      string `json:"code"`
		Message   string `json:"message"`
		Permanent bool   `json:"permanent"`
	} `json:"error"`
}

// refusal is a typed error that answers an upload.
type refusal struct{ Code, Message string }

func (r *refusal) Error() string { return r.Code + ": " + r.Message }

// send uploads one file and follows it to its end.
func (d *demo) send(ctx context.Context, media string, f inventory.File) row {
	r := row{path: f.Path, source: f.Duration, playlist: math.NaN()}
	start := time.Now()
	breaks := func(format string, args ...any) { r.broken = append(r.broken, fmt.Sprintf(format, args...)) }
	a, err := d.upload(ctx, filepath.Join(media, filepath.FromSlash(f.Path)))
	var refused *refusal
	switch {
	case errors.As(err, &refused): // at the door, with a code and a sentence
		r.status, r.code, r.note = "REFUSED", refused.Code, refused.Message
		return r
	case err != nil:
		r.status, r.note = "FAILED", err.Error()
		breaks("upload failed")
		return r
	}
	if err := d.follow(ctx, a.ID); err != nil {
		breaks("events: %v", err)
	}
	if err := d.get(ctx, "/assets/"+url.PathEscape(a.ID), &a); err != nil {
		breaks("asset: %v", err)
	}
	r.status, r.took = a.Status, time.Since(start)
	switch a.Status {
	case "COMPLETE":
		d.complete(ctx, a, filepath.Join(media, filepath.FromSlash(f.Path)), &r, breaks)
	case "ERROR":
		if a.Error == nil || a.Error.Code == "" || a.Error.Message == "" {
			breaks("ERROR without a code and a sentence")
			break
		}
		r.code, r.note = a.Error.Code, a.Error.Message
		if !a.Error.Permanent {
			breaks("a retryable error")
		}
	default:
		breaks("ended as %s", a.Status)
	}
	if readsOthers[f.Path] && a.Status != "ERROR" {
		breaks("it was opened although it points at another file")
	}
	if !d.quiet() {
		breaks("a process is left: %s", strings.Join(d.children(), " "))
	}
	return r
}

// complete looks at the playlists of a finished asset, and at what they show beside the
// file that was uploaded.
func (d *demo) complete(ctx context.Context, a asset, file string, r *row, breaks func(string, ...any)) {
	p, err := d.playlists(ctx, a.Playlist)
	if err != nil {
		breaks("playlists: %v", err)
		return
	}
	r.variants, r.playlist = p.variants, p.longest
	if p.longest-p.shortest > segment {
		breaks("tracks of %.3f and %.3f s", p.shortest, p.longest)
	}
	if math.Abs(p.longest-a.Duration) > 0.25 {
		breaks("the asset says %.3f s", a.Duration)
	}
	if off := math.Abs(p.longest - r.source); off > segment && explanations[r.path] == "" {
		breaks("%.3f s from the source's length", off)
	}
	read, err := ffprobe(ctx, d.base+a.Playlist)
	if err != nil || math.Abs(read-p.longest) > 0.25 {
		breaks("ffprobe reads %.3f s (%v)", read, err)
	}
	if r.compared, err = d.beside(ctx, file, p); err != nil {
		breaks("compare: %v", err)
	}
	r.broken = append(r.broken, r.compared.Faults...)
}

// upload posts the file as a browser's form does, under its own name.
func (d *demo) upload(ctx context.Context, path string) (a asset, err error) {
	f, err := os.Open(path)
	if err != nil {
		return a, err
	}
	defer func() { _ = f.Close() }()
	pr, pw := io.Pipe()
	form := multipart.NewWriter(pw)
	go func() {
		part, err := form.CreateFormFile("file", filepath.Base(path))
		if err == nil {
			_, err = io.Copy(part, f)
		}
		if err == nil {
			err = form.Close()
		}
		_ = pw.CloseWithError(err)
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.base+"/assets", pr)
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return a, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return a, err
	}
	if resp.StatusCode != http.StatusAccepted {
		var answer struct {
			Error refusal `json:"error"`
		}
		if err := json.Unmarshal(body, &answer); err != nil || answer.Error.Code == "" || answer.Error.Message == "" || resp.StatusCode >= 500 {
			return a, fmt.Errorf("%s: %s", resp.Status, body)
		}
		return a, &answer.Error
	}
	return a, json.Unmarshal(body, &a)
}

// follow reads the asset's events to the terminal one and holds them to their
// promises.
func (d *demo) follow(ctx context.Context, id string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.base+"/assets/"+url.PathEscape(id)+"/events", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	sc := bufio.NewScanner(resp.Body)
	last := 0.0
	for sc.Scan() {
		data, ok := strings.CutPrefix(sc.Text(), "data:")
		if !ok {
			continue
		}
		var e asset
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return err
		}
		if e.Fraction < last || e.Fraction > 1 {
			return fmt.Errorf("the fraction went from %v to %v", last, e.Fraction)
		}
		last = e.Fraction
		if e.Status == "COMPLETE" || e.Status == "ERROR" {
			return nil
		}
	}
	return fmt.Errorf("the stream ended before the asset did: %w", orEOF(sc.Err()))
}

func orEOF(err error) error {
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (d *demo) get(ctx context.Context, path string, into any) error {
	body, err := d.fetch(ctx, d.base+path)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

func (d *demo) fetch(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", address, resp.Status)
	}
	return body, err
}

// ffprobe returns how long it finds a presentation to be.
func ffprobe(ctx context.Context, address string) (float64, error) {
	out, err := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", address).Output()
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}
