package hls

import (
	"io"
	"net/http"
	"time"
)

// Response is what a Handler has answered.
type Response struct {
	Asset string // "" where the request's path names none
	// Path is the path under HandlerOptions.Prefix, "" where there can be nothing.
	Path     string
	Status   int           // HTTP's
	Bytes    int64         // of the body, as far as net/http has taken it
	Duration time.Duration // from the request to the end of the body
	// CacheHit says that the Store's bucket was not asked for bytes: the playlist or the
	// open file was at hand, or a storage.Cache had it.
	CacheHit bool
}

// recorder notes what goes through a ResponseWriter. Files still leave by sendfile.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

var _ io.ReaderFrom = (*recorder)(nil)

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(r.ResponseWriter, src)
	r.bytes += n
	return n, err
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
