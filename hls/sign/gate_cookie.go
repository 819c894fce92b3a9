package sign

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// CookieOptions shape a cookie of [Gate.Cookie].
type CookieOptions struct {
	// Mount is the URL path that hls.Handler is mounted at. Defaults to "/media/".
	Mount string
	// Domain is the domain that the cookie is sent to with all below it, such as
	// "example.com" where www.example.com sets it for media.example.com. Defaults to "",
	// the host that sets it and no other.
	Domain string
	// SameSite says whether it is sent for pages of other sites. Other origins of the same
	// site (another port, another subdomain) need nothing; a page of another site needs
	// http.SameSiteNoneMode, and a browser that takes cookies of third parties. Defaults
	// to http.SameSiteLaxMode.
	SameSite http.SameSite
	// Partitioned keeps the cookie for the site that the page is of (CHIPS): some browsers
	// take no others from third parties. It goes with http.SameSiteNoneMode. Defaults to
	// false.
	Partitioned bool
	// Insecure has it sent over plain HTTP too, for a developer's machine. Defaults to
	// false.
	Insecure bool
}

// Cookie returns a cookie with a token for the claims, for http.SetCookie. Browsers send
// it with requests for what the token opens and for nothing else, and drop it when the
// token ends; scripts can't read it. Paths that have more than letters, digits, '-', '.',
// '_' and '~' in them are better opened by URL: browsers spell them in several ways.
//
// An error matches [ErrInvalidClaims], or says what net/http finds wrong with the cookie.
func (g *Gate) Cookie(c Claims, opts *CookieOptions) (*http.Cookie, error) {
	var o CookieOptions
	if opts != nil {
		o = *opts
	}
	token, err := g.signer.Token(c)
	if err != nil {
		return nil, err
	}
	if o.Mount == "" {
		o.Mount = "/media"
	}
	if o.SameSite == 0 {
		o.SameSite = http.SameSiteLaxMode
	}
	cookie := &http.Cookie{
		Name: g.opts.Cookie, Value: token,
		Path: cookiePath(o.Mount, c.Path), Domain: o.Domain,
		Expires: c.Expires.Truncate(time.Second).UTC(),
		MaxAge:  maxAge(c.Expires.Sub(g.signer.clock())),
		Secure:  !o.Insecure, HttpOnly: true, SameSite: o.SameSite, Partitioned: o.Partitioned,
	}
	if err := cookie.Valid(); err != nil {
		return nil, fmt.Errorf("hls/sign: make a cookie for %q: %w", c.Path, err)
	}
	return cookie, nil
}

// cookiePath returns the URL path below which the cookie is sent. It has no slash at its
// end: browsers match whole elements (RFC 6265 section 5.1.4).
func cookiePath(mount, claimed string) string {
	p := "/" + strings.Trim(mount, "/")
	if claimed == All {
		return p
	}
	for element := range strings.SplitSeq(claimed, "/") {
		p = strings.TrimSuffix(p, "/") + "/" + url.PathEscape(element)
	}
	return p
}

// maxAge returns whole seconds. What is over is said with -1: 0 would mean nothing.
func maxAge(left time.Duration) int {
	if left < time.Second {
		return -1
	}
	return int(left / time.Second)
}
