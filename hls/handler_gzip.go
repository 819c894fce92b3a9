package hls

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// acceptsGzip says whether the client would rather have gzip than the plain bytes (RFC
// 9110 section 12.5.3).
func acceptsGzip(h http.Header) bool {
	values := h["Accept-Encoding"]
	if len(values) == 0 {
		return false
	}
	gz, identity, star := -1.0, -1.0, -1.0
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			coding, params, _ := strings.Cut(item, ";")
			q := quality(params)
			switch strings.ToLower(strings.TrimSpace(coding)) {
			case "gzip", "x-gzip":
				gz = max(gz, q)
			case "identity":
				identity = q
			case "*":
				star = q
			}
		}
	}
	if gz < 0 {
		gz = star
	}
	return gz > 0 && gz >= identity
}

// quality reads the weight among the parameters of a list's item, 1 where there is
// none, 0 where it is malformed.
func quality(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}

// zipper compresses. It is for concurrent use.
type zipper struct{ writers sync.Pool } // of *gzip.Writer

// compress returns body compressed.
func (z *zipper) compress(body []byte) []byte {
	var b bytes.Buffer
	zw, ok := z.writers.Get().(*gzip.Writer)
	if ok {
		zw.Reset(&b)
	} else {
		zw = gzip.NewWriter(&b)
	}
	_, _ = zw.Write(body) // a Buffer takes everything
	_ = zw.Close()
	z.writers.Put(zw)
	return b.Bytes()
}

// known returns k compressed.
func (z *zipper) known(k known) known {
	k.bytes, k.head = z.compress(k.bytes), nil
	k.Size = int64(len(k.bytes))
	if k.ETag != "" {
		k.ETag += "-gzip"
	}
	return k
}
