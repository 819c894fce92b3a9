// Package deliver answers GET and HEAD for one object of a Store: whole or in ranges (RFC
// 9110 section 14), with the conditions of section 13. Files of the operating system
// leave without passing through memory where net/http can do that.
package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/vodkit/vodkit/internal/problem"
	"github.com/vodkit/vodkit/storage"
)

// Resource is an object that somebody asks for. Both methods are storage.Store's, but
// for the key.
type Resource interface {
	Stat(ctx context.Context) (storage.Info, error)
	Open(ctx context.Context, opts *storage.OpenOptions) (*storage.Object, error)
}

// Options say how a Resource is answered.
type Options struct {
	// Header sets what 200, 206 and 304 have in common, beside what this package sets
	// itself: Accept-Ranges, Content-Length, Content-Range, and ETag and Last-Modified unless
	// Header has set them.
	Header func(h http.Header, info storage.Info)
	// Mutable says that the object may change within a second, so that its time proves
	// nothing, and is not told.
	Mutable bool
	// Whole has Range ignored.
	Whole bool
	// Name is what the object is called in the log.
	Name   string
	Logger *slog.Logger
}

// farAway is a position behind the end of every object: no Store has to calculate with
// larger ones.
const farAway = 1 << 53

// delivery is the answer to one request.
type delivery struct {
	w      http.ResponseWriter
	r      *http.Request
	res    Resource
	opts   Options
	ranges []byteRange // none for the whole
}

// Serve answers a GET or HEAD request. The Resource is asked once for a plain GET or for one
// range, which is the case of every player; what has conditions, counts from the end
// or wants several ranges looks first.
func Serve(w http.ResponseWriter, r *http.Request, res Resource, opts Options) {
	d := delivery{w: w, r: r, res: res, opts: opts}
	head := r.Method == http.MethodHead
	if !head && !opts.Whole { // a range means nothing to HEAD
		d.ranges = parseRanges(r.Header)
	}
	if !head && !conditional(r.Header) && (len(d.ranges) == 0 || len(d.ranges) == 1 && d.ranges[0].first >= 0 && d.ranges[0].first < farAway) {
		d.atOnce()
		return
	}
	// The object may be replaced between Stat and Open.
	for range 3 {
		info, err := res.Stat(r.Context())
		if err != nil {
			d.failed(err)
			return
		}
		v := d.validators(info)
		switch v.evaluate(r.Header) {
		case http.StatusPreconditionFailed:
			problem.Write(w, http.StatusPreconditionFailed, codePrecondition, "What is here is not the version that the request asks for.")
			return
		case http.StatusNotModified:
			d.setHeaders(info)
			w.Header().Del("Content-Type")
			w.Header().Del("Content-Encoding")
			w.WriteHeader(http.StatusNotModified)
			return
		}
		if head {
			d.setHeaders(info)
			w.Header().Set("Content-Length", strconv.FormatInt(info.Size, 10))
			w.WriteHeader(http.StatusOK)
			return
		}
		if d.version(info, v) {
			return
		}
	}
	d.failed(fmt.Errorf("%s is being replaced: %w", opts.Name, storage.ErrPrecondition))
}

// atOnce answers a GET without conditions, for the whole or for a range that counts from
// the start.
func (d *delivery) atOnce() {
	var opts storage.OpenOptions
	if len(d.ranges) == 1 {
		rng := d.ranges[0]
		opts.Offset = rng.first
		if rng.last >= 0 && rng.last < farAway {
			opts.Length = rng.last - rng.first + 1
		}
	}
	obj, err := d.res.Open(d.r.Context(), &opts)
	if errors.Is(err, storage.ErrRange) {
		info, statErr := d.res.Stat(d.r.Context())
		if statErr != nil {
			d.failed(statErr)
			return
		}
		rangeNotSatisfiable(d.w, info.Size)
		return
	}
	if err != nil {
		d.failed(err)
		return
	}
	defer obj.Close()
	if len(d.ranges) == 0 {
		d.send(obj, http.StatusOK, 0, obj.Size)
		return
	}
	offset, length, ok := d.ranges[0].resolve(obj.Size)
	if !ok {
		rangeNotSatisfiable(d.w, obj.Size)
		return
	}
	d.send(obj, http.StatusPartialContent, offset, length)
}

// version answers a GET whose conditions hold for the version that info tells of. It
// returns false where that is gone.
func (d *delivery) version(info storage.Info, v validators) bool {
	ranges := d.ranges
	if !v.ifRange(d.r.Header) {
		ranges = nil
	}
	parts, ok := resolveAll(ranges, info.Size)
	if !ok {
		rangeNotSatisfiable(d.w, info.Size)
		return true
	}
	first := storage.OpenOptions{IfMatch: info.ETag}
	status, offset, length := http.StatusOK, int64(0), info.Size
	if len(parts) > 0 {
		status, offset, length = http.StatusPartialContent, parts[0].offset, parts[0].length
		first.Offset, first.Length = offset, length
	}
	obj, err := d.res.Open(d.r.Context(), &first)
	if errors.Is(err, storage.ErrPrecondition) || errors.Is(err, storage.ErrRange) {
		return false
	}
	if err != nil {
		d.failed(err)
		return true
	}
	defer obj.Close()
	switch {
	case obj.Size != info.Size:
		return false // a Resource without ETags
	case len(parts) > 1:
		d.sendParts(obj, parts)
	default:
		d.send(obj, status, offset, length)
	}
	return true
}

// send answers with a part of the object, which is open at it.
func (d *delivery) send(obj *storage.Object, status int, offset, length int64) {
	d.setHeaders(obj.Info)
	h := d.w.Header()
	if status == http.StatusPartialContent {
		h.Set("Content-Range", contentRange(offset, length, obj.Size))
	}
	h["Content-Length"] = []string{strconv.FormatInt(length, 10)}
	defer corked(d.r, obj, length)()
	d.w.WriteHeader(status)
	d.copy(d.w, obj, offset, length)
}

// Bytes is the power of an Object.Body that has all its bytes in memory.
type Bytes interface {
	// Unread returns what Read would yield.
	Unread() []byte
}

// inMemory returns the next length bytes of the object, and false where not all of them are
// in memory.
func inMemory(obj *storage.Object, length int64) ([]byte, bool) {
	b, ok := obj.Body.(Bytes)
	if !ok {
		return nil, false
	}
	left := b.Unread()
	if int64(len(left)) < length {
		return nil, false
	}
	return left[:length], true
}

// copy hands over a part of the object, which is open at it, and says whether all
// of it has gone.
func (d *delivery) copy(w io.Writer, obj *storage.Object, offset, length int64) bool {
	if body, ok := inMemory(obj, length); ok {
		_, err := w.Write(body)
		return err == nil
	}
	if f, ok := storage.File(obj); ok {
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			d.broken(err)
			return false
		}
		n, err := sendFile(w, f, length)
		if errors.Is(err, io.EOF) {
			d.broken(io.ErrUnexpectedEOF) // the file is shorter than it was
		}
		return n == length
	}
	body := &errorReader{r: obj}
	n, err := io.CopyN(w, body, length)
	switch {
	case body.err != nil:
		d.broken(body.err)
	case errors.Is(err, io.EOF):
		d.broken(fmt.Errorf("%w: %d bytes of %d", io.ErrUnexpectedEOF, n, length))
	}
	return n == length
}

func (d *delivery) validators(info storage.Info) validators {
	return validators{etag: QuoteETag(info.ETag), modified: info.ModTime, mutable: d.opts.Mutable}
}

// setHeaders sets what 200, 206 and 304 have in common.
func (d *delivery) setHeaders(info storage.Info) {
	h := d.w.Header()
	if d.opts.Header != nil {
		d.opts.Header(h, info)
	}
	if !d.opts.Whole {
		h["Accept-Ranges"] = acceptRanges
	}
	if h["Etag"] != nil || h["Last-Modified"] != nil {
		return
	}
	v := d.validators(info)
	if v.etag != "" {
		h["Etag"] = []string{v.etag}
	}
	if !v.modified.IsZero() && !v.mutable {
		h["Last-Modified"] = []string{v.modified.UTC().Format(http.TimeFormat)}
	}
}

var acceptRanges = []string{"bytes"}

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
