package deliver

import (
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"

	"github.com/vodkit/vodkit/storage"
)

// counter counts what is written.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// sendParts answers with several ranges as multipart/byteranges (RFC 9110 section 14.6).
// obj is open at the first.
func (d *delivery) sendParts(obj *storage.Object, parts []span) {
	d.setHeaders(obj.Info)
	h := d.w.Header()
	contentType := h.Get("Content-Type")
	var size counter
	measure := multipart.NewWriter(&size)
	for _, p := range parts {
		_, _ = measure.CreatePart(partHeader(contentType, p, obj.Size)) // a counter takes everything
		size += counter(p.length)
	}
	_ = measure.Close()

	body := multipart.NewWriter(d.w)
	_ = body.SetBoundary(measure.Boundary()) // it is one
	h.Set("Content-Type", "multipart/byteranges; boundary="+measure.Boundary())
	h.Set("Content-Length", strconv.FormatInt(int64(size), 10))
	d.w.WriteHeader(http.StatusPartialContent)
	for i, p := range parts {
		if !d.sendPart(body, obj, contentType, i, p) {
			return
		}
	}
	_ = body.Close()
}

func (d *delivery) sendPart(body *multipart.Writer, obj *storage.Object, contentType string, i int, p span) bool {
	w, err := body.CreatePart(partHeader(contentType, p, obj.Size))
	if err != nil {
		return false // the client has gone
	}
	if _, isFile := storage.File(obj); i > 0 && !isFile {
		obj, err = d.res.Open(d.r.Context(), &storage.OpenOptions{Offset: p.offset, Length: p.length, IfMatch: obj.ETag})
		if err != nil {
			d.broken(err)
			return false
		}
		defer obj.Close()
	}
	return d.copy(w, obj, p.offset, p.length)
}

func partHeader(contentType string, p span, size int64) textproto.MIMEHeader {
	return textproto.MIMEHeader{"Content-Type": {contentType}, "Content-Range": {contentRange(p.offset, p.length, size)}}
}
