package check

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// HTTPOptions configure [HTTP].
type HTTPOptions struct {
	// Client makes the requests. Its redirect policy holds. Defaults to a client of its
	// own over http.DefaultTransport.
	Client *http.Client
	// Header goes with every request, such as Authorization. Defaults to none.
	Header http.Header
}

// HTTP returns a Source of absolute http and https URLs. It goes where playlists point,
// so a service that lets strangers name the URL gives it a Client that does not connect
// to addresses of its own network.
func HTTP(opts *HTTPOptions) Source {
	s := httpSource{}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.Client == nil {
		s.opts.Client = &http.Client{}
	}
	return s
}

type httpSource struct{ opts HTTPOptions }

func (s httpSource) Open(ctx context.Context, uri string, offset, length int64) (*Object, error) {
	if !strings.HasPrefix(uri, "http://") && !strings.HasPrefix(uri, "https://") {
		return nil, fmt.Errorf("get %q: not an http or https URL: %w", uri, fs.ErrNotExist)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, fmt.Errorf("get %q: %w: %w", uri, err, fs.ErrNotExist)
	}
	for name, values := range s.opts.Header {
		req.Header[name] = values
	}
	switch {
	case length > 0:
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
	case offset > 0:
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	default:
		req.Header.Set("Accept-Encoding", "gzip") // by hand, so that it can be seen
	}
	resp, err := s.opts.Client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("get %q: %w", uri, err)
	}
	obj, err := response(resp, offset, length)
	if err != nil {
		resp.Body.Close()
		return nil, fmt.Errorf("get %q: %w", uri, err)
	}
	return obj, nil
}

func response(resp *http.Response, offset, length int64) (*Object, error) {
	obj := &Object{Body: resp.Body, Size: resp.ContentLength, ContentType: resp.Header.Get("Content-Type"), Delivered: &Delivery{
		Encoding: strings.ToLower(resp.Header.Get("Content-Encoding")), URL: resp.Request.URL.String(),
	}}
	for r := resp.Request.Response; r != nil; r = r.Request.Response {
		obj.Delivered.Redirects++
	}
	if t, _, err := mime.ParseMediaType(obj.ContentType); err == nil {
		obj.ContentType = t
	}
	switch code := resp.StatusCode; {
	case code == http.StatusPartialContent:
		obj.Size = contentRange(resp.Header.Get("Content-Range"))
		return obj, nil
	case code == http.StatusRequestedRangeNotSatisfiable:
		resp.Body.Close()
		obj.Size, obj.Body = contentRange(resp.Header.Get("Content-Range")), io.NopCloser(eof{})
		return obj, nil
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return nil, fmt.Errorf("the server answered %s: %w", resp.Status, fs.ErrPermission)
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests, code >= 500:
		return nil, fmt.Errorf("the server answered %s", resp.Status)
	case code != http.StatusOK:
		return nil, fmt.Errorf("the server answered %s: %w", resp.Status, fs.ErrNotExist)
	}
	if obj.Delivered.Encoding == "gzip" {
		z, err := gzip.NewReader(resp.Body)
		if err != nil {
			return nil, err
		}
		obj.Size, obj.Body = -1, limitBody{Reader: z, Closer: resp.Body}
	}
	if offset > 0 || length > 0 { // the server knows no ranges
		if offset > maxSkip {
			return nil, fmt.Errorf("the server knows no ranges, and byte %d is too far to read to: %w", offset, fs.ErrPermission)
		}
		if _, err := io.CopyN(io.Discard, obj.Body, offset); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if length > 0 {
			obj.Body = limitBody{Reader: io.LimitReader(obj.Body, length), Closer: obj.Body}
		}
	}
	return obj, nil
}

// contentRange returns the size that a Content-Range tells of, or -1.
func contentRange(s string) int64 {
	_, size, ok := strings.Cut(s, "/")
	n, err := strconv.ParseInt(size, 10, 64)
	if !ok || err != nil || n < 0 {
		return -1
	}
	return n
}

// maxSkip is how many bytes are read for nothing where a server knows no ranges.
const maxSkip = 1 << 30
