package netguard

import (
	"net/http"
	"time"
)

// Client returns a client whose requests and redirects are all checked. It uses no proxy
// and keeps no cookies, and decodes nothing: Content-Encoding is for the caller. It has
// no time limits beside those of connecting: they are the contexts' of requests. Its
// errors, which Bare strips of the URL, match *Refusal. Each request has a connection of
// its own, which ends with the answer's body.
func (g *Guard) Client() *http.Client {
	return &http.Client{
		Transport: &checked{g, &http.Transport{
			DialContext:            g.DialContext,
			TLSClientConfig:        g.opts.TLS.Clone(),
			TLSHandshakeTimeout:    10 * time.Second,
			DisableCompression:     true,
			ForceAttemptHTTP2:      true,
			DisableKeepAlives:      true, // what comes unasked on an idle connection net/http prints
			MaxResponseHeaderBytes: 64 << 10,
		}},
		CheckRedirect: g.redirect,
	}
}

// checked is a transport that looks at each request's URL, also at those that come of
// redirects.
type checked struct {
	g *Guard
	*http.Transport
}

var _ http.RoundTripper = (*checked)(nil)

func (c *checked) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := c.g.check(r.URL); err != nil {
		return nil, err
	}
	return c.Transport.RoundTrip(r)
}

// redirect says whether a redirect is followed. Where it leads is checked here, before
// anything is asked for, and again by RoundTrip.
func (g *Guard) redirect(r *http.Request, via []*http.Request) error {
	if len(via) > g.opts.Redirects {
		return refuse(ReasonRedirect, "more than %d redirects", g.opts.Redirects)
	}
	if via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return refuse(ReasonRedirect, "a redirect from https to %s", r.URL.Scheme)
	}
	r.Header.Del("Referer") // the URL before may bear a signature
	return g.check(r.URL)
}

// Bare returns what is inside of an error of a Client: its text has the whole URL, and a
// URL may bear a signature, which is nothing for logs.
func Bare(err error) error { return bare(err) }
