package hls

import "net/http"

const (
	allowedMethods = "GET, HEAD, OPTIONS"
	exposedHeaders = "Accept-Ranges, Content-Encoding, Content-Length, Content-Range, Date, ETag, Last-Modified, Retry-After"
	// preflightAge is how long a browser may keep what a preflight said, in seconds.
	preflightAge = "86400"
)

var exposed = []string{exposedHeaders}

// setCORS lets scripts of other origins read the answer, whatever it will be.
func (h *Handler) setCORS(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	origin := "*"
	if h.opts.AllowOrigin != nil {
		head.Add("Vary", "Origin")
		if origin = h.opts.AllowOrigin(r); origin == "" {
			return
		}
	}
	head["Access-Control-Allow-Origin"] = []string{origin}
	head["Access-Control-Expose-Headers"] = exposed
	if h.opts.AllowCredentials && origin != "*" {
		head.Set("Access-Control-Allow-Credentials", "true")
	}
}

// options answers OPTIONS, a browser's preflight or not. Nobody is asked: a preflight
// carries no credentials, and the answer tells nothing.
func (h *Handler) options(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Allow", allowedMethods)
	if r.Header.Get("Access-Control-Request-Method") != "" && head.Get("Access-Control-Allow-Origin") != "" {
		head.Set("Access-Control-Allow-Methods", allowedMethods)
		head.Set("Access-Control-Allow-Headers", h.allowHeaders)
		head.Set("Access-Control-Max-Age", preflightAge)
	}
	w.WriteHeader(http.StatusNoContent)
}
