package hls

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/vodkit/vodkit/storage"
)

// farAway is a position behind the end of every object: no Store has to calculate with
// larger ones.
const farAway = 1 << 53

// delivery is the answer to one request that may be answered.
type delivery struct {
	h        *Handler
	w        http.ResponseWriter
	r        *http.Request
	key      string
	playlist bool
	gzip     bool       // the compressed form is chosen
	rng      *byteRange // nil for the whole
}

func newDelivery(h *Handler, w http.ResponseWriter, r *http.Request, key string) *delivery {
	d := &delivery{h: h, w: w, r: r, key: key, playlist: strings.EqualFold(path.Ext(key), ".m3u8")}
	if r.Method == http.MethodGet { // a range means nothing to HEAD
		d.rng = parseRange(r.Header)
	}
	// Ranges are ranges of the plain bytes.
	d.gzip = d.playlist && r.Header.Get("Range") == "" && acceptsGzip(r.Header)
	return d
}

// serve answers. The Store is asked once for a plain GET or a range, which is the case
// of every player; what has conditions, or counts from the end, looks first.
func (d *delivery) serve() {
	head := d.r.Method == http.MethodHead
	if !head && !conditional(d.r.Header) && (d.rng == nil || d.rng.first >= 0 && d.rng.first < farAway) {
		d.serveAtOnce()
		return
	}
	// The object may be replaced between Stat and Open.
	for range 3 {
		info, err := d.h.store.Stat(d.r.Context(), d.key)
		if err != nil {
			d.storeFailed(err)
			return
		}
		d.choose(info)
		v := d.validators(info)
		switch v.evaluate(d.r.Header) {
		case http.StatusPreconditionFailed:
			preconditionFailed(d.w)
			return
		case http.StatusNotModified:
			d.setHeaders(info)
			d.w.Header().Del("Content-Type")
			d.w.Header().Del("Content-Encoding")
			d.w.WriteHeader(http.StatusNotModified)
			return
		}
		if head {
			d.serveHead(info)
			return
		}
		if d.serveVersion(info, v) {
			return
		}
	}
	d.storeFailed(fmt.Errorf("hls: %s is being replaced: %w", d.key, storage.ErrPrecondition))
}

// serveAtOnce answers a GET without conditions, for the whole or for a range that
// counts from the start.
func (d *delivery) serveAtOnce() {
	var opts storage.OpenOptions
	if d.rng != nil {
		opts.Offset = d.rng.first
		if d.rng.last >= 0 && d.rng.last < farAway {
			opts.Length = d.rng.last - d.rng.first + 1
		}
	}
	obj, err := d.h.store.Open(d.r.Context(), d.key, &opts)
	if errors.Is(err, storage.ErrRange) {
		info, statErr := d.h.store.Stat(d.r.Context(), d.key)
		if statErr != nil {
			d.storeFailed(statErr)
			return
		}
		rangeNotSatisfiable(d.w, info.Size)
		return
	}
	if err != nil {
		d.storeFailed(err)
		return
	}
	defer obj.Close()
	d.send(obj)
}

// serveVersion answers a GET whose conditions hold for the version that info tells of.
// It returns false where that is gone.
func (d *delivery) serveVersion(info storage.Info, v validators) bool {
	if !v.ifRange(d.r.Header) {
		d.rng = nil
	}
	opts := storage.OpenOptions{IfMatch: info.ETag}
	if d.rng != nil {
		offset, length, ok := d.rng.resolve(info.Size)
		if !ok {
			rangeNotSatisfiable(d.w, info.Size)
			return true
		}
		opts.Offset, opts.Length = offset, length
	}
	obj, err := d.h.store.Open(d.r.Context(), d.key, &opts)
	if errors.Is(err, storage.ErrPrecondition) || errors.Is(err, storage.ErrRange) {
		return false
	}
	if err != nil {
		d.storeFailed(err)
		return true
	}
	defer obj.Close()
	d.send(obj)
	return true
}

// serveHead answers HEAD. How long the compressed form of a playlist is only its bytes
// would tell.
func (d *delivery) serveHead(info storage.Info) {
	d.setHeaders(info)
	if !d.gzip {
		d.w.Header().Set("Content-Length", strconv.FormatInt(info.Size, 10))
	}
	d.w.WriteHeader(http.StatusOK)
}

// send answers with the object, which is open at the range.
func (d *delivery) send(obj *storage.Object) {
	d.choose(obj.Info)
	if d.gzip {
		d.sendCompressed(obj)
		return
	}
	status, offset, length := http.StatusOK, int64(0), obj.Size
	if d.rng != nil {
		var ok bool
		if offset, length, ok = d.rng.resolve(obj.Size); !ok {
			rangeNotSatisfiable(d.w, obj.Size)
			return
		}
		status = http.StatusPartialContent
		d.w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", offset, offset+length-1, obj.Size))
	}
	d.setHeaders(obj.Info)
	d.w.Header().Set("Content-Length", strconv.FormatInt(length, 10))
	d.w.WriteHeader(status)
	if f, ok := storage.File(obj); ok {
		// A limited *os.File, as it is, is what net/http hands to sendfile.
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			d.broken(err)
			return
		}
		if _, err := io.CopyN(d.w, f, length); errors.Is(err, io.EOF) {
			d.broken(io.ErrUnexpectedEOF) // the file is shorter than it was
		}
		return
	}
	body := &errorReader{r: obj}
	if n, err := io.CopyN(d.w, body, length); body.err != nil {
		d.broken(body.err)
	} else if errors.Is(err, io.EOF) {
		d.broken(fmt.Errorf("%w: %d bytes of %d", io.ErrUnexpectedEOF, n, length))
	}
}

// sendCompressed answers with the compressed form of a playlist.
func (d *delivery) sendCompressed(obj *storage.Object) {
	body, ok := d.h.gzip.get(d.key, obj.ETag)
	if !ok {
		var plain bytes.Buffer
		if _, err := plain.ReadFrom(io.LimitReader(obj, obj.Size+1)); err != nil {
			d.storeFailed(err)
			return
		}
		if int64(plain.Len()) != obj.Size {
			d.storeFailed(fmt.Errorf("%w: %d bytes of %d", io.ErrUnexpectedEOF, plain.Len(), obj.Size))
			return
		}
		body = d.h.gzip.compress(d.key, obj.ETag, plain.Bytes())
	}
	d.setHeaders(obj.Info)
	d.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = d.w.Write(body)
}

// choose settles on the plain form for playlists that are too large for memory.
func (d *delivery) choose(info storage.Info) {
	d.gzip = d.gzip && info.Size <= d.h.opts.MaxPlaylist
}

func (d *delivery) validators(info storage.Info) validators {
	variant := ""
	if d.gzip {
		variant = "-gzip"
	}
	return validators{
		etag: quoteETag(info.ETag, variant), modified: info.ModTime,
		mutable: d.playlist && !final(d.key),
	}
}

// setHeaders sets what 200, 206 and 304 have in common.
func (d *delivery) setHeaders(info storage.Info) {
	h := d.w.Header()
	h.Set("Content-Type", storage.ContentType(d.key))
	switch {
	case !d.playlist:
		h.Set("Cache-Control", d.h.opts.MediaCacheControl)
	case final(d.key):
		h.Set("Cache-Control", d.h.opts.FinalCacheControl)
	default:
		h.Set("Cache-Control", d.h.opts.GrowingCacheControl)
	}
	if d.playlist {
		h.Add("Vary", "Accept-Encoding")
	}
	if d.gzip {
		h.Set("Content-Encoding", "gzip")
	} else {
		h.Set("Accept-Ranges", "bytes")
	}
	v := d.validators(info)
	if v.etag != "" {
		h.Set("ETag", v.etag)
	}
	if !v.modified.IsZero() {
		h.Set("Last-Modified", v.modified.UTC().Format(http.TimeFormat))
	}
}

// broken notes that the Store failed after the answer had begun. The client learns of
// it from a connection that closes before Content-Length bytes.
func (d *delivery) broken(err error) {
	if d.r.Context().Err() != nil || errors.Is(err, context.Canceled) {
		return
	}
	d.h.opts.Logger.ErrorContext(d.r.Context(), "media broke off", "key", d.key, "err", err)
}

// errorReader keeps the error of a reader apart from that of the writer.
type errorReader struct {
	r   io.Reader
	err error
}

func (e *errorReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		e.err = err
	}
	return n, err
}
