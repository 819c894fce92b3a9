package sign

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// URL returns the address with a token for the claims in its query: from
// "/media/42/master.m3u8" comes "/media/42/master.m3u8?token=v1.a.…". The address is the
// host's and is taken as it is, with its query and fragment. An error matches
// [ErrInvalidClaims].
func (g *Gate) URL(address string, c Claims) (string, error) {
	token, err := g.signer.Token(c)
	if err != nil {
		return "", err
	}
	address, fragment, fragmented := strings.Cut(address, "#")
	mark := "?"
	if strings.Contains(address, "?") {
		mark = "&"
	}
	address += mark + g.pair(token)
	if fragmented {
		address += "#" + fragment
	}
	return address, nil
}

// pair returns the parameter with a token.
func (g *Gate) pair(token string) string { return url.QueryEscape(g.opts.Param) + "=" + token }

// LinkOptions shape what [Gate.MediaURL] returns.
type LinkOptions struct {
	// Base is the URL, or the path, that hls.Handler is mounted at. Defaults to "/media/".
	Base string
	// Prefix is hls.HandlerOptions.Prefix. Defaults to "media".
	Prefix string
	// Lifetime is how long tokens last at least, which must be longer than a viewer
	// takes for a video with all pauses. They last up to an eighth longer, so that
	// somebody who asks again within that time is told the same URL, which is in the
	// browser's cache. Defaults to 12 hours.
	Lifetime time.Duration
	// Viewer returns what becomes Claims.Viewer. Defaults to nil, nobody in particular.
	Viewer func(r *http.Request) string
}

// MediaURL returns a function for upload.HandlerOptions.MediaURL (not for the one of package
// hls, which tells where a CDN has the segments): from a key such as
// "media/42/master.m3u8" it makes the URL with a token that opens the asset, "42". The
// function tells URLs to everybody who asks: upload.HandlerOptions.Authorize decides
// who may. Where no token can be made, as of a viewer longer than MaxViewer, the URL has
// none and opens nothing.
func (g *Gate) MediaURL(opts *LinkOptions) func(r *http.Request, key string) string {
	var o LinkOptions
	if opts != nil {
		o = *opts
	}
	if o.Base == "" {
		o.Base = "/media"
	}
	o.Base = strings.TrimSuffix(o.Base, "/") + "/"
	if o.Prefix = strings.Trim(o.Prefix, "/"); o.Prefix == "" {
		o.Prefix = "media"
	}
	if o.Lifetime <= 0 {
		o.Lifetime = 12 * time.Hour
	}
	if o.Viewer == nil {
		o.Viewer = func(*http.Request) string { return "" }
	}
	return func(r *http.Request, key string) string {
		path := strings.TrimPrefix(key, o.Prefix+"/")
		asset, _, _ := strings.Cut(path, "/")
		address := o.Base + (&url.URL{Path: path}).EscapedPath()
		signed, err := g.URL(address, Claims{Path: asset, Expires: roundUp(g.signer.clock().Add(o.Lifetime), o.Lifetime/8), Viewer: o.Viewer(r)})
		if err != nil {
			return address
		}
		return signed
	}
}

// roundUp returns the next multiple of step, counted from the zero Time.
func roundUp(t time.Time, step time.Duration) time.Time {
	if step = step.Truncate(time.Second); step <= 0 {
		return t.Truncate(time.Second).Add(time.Second)
	}
	return t.Truncate(step).Add(step)
}
