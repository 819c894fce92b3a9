package sign

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/vodkit/vodkit/hls"
)

// GateOptions shape a [Gate].
type GateOptions struct {
	// Param is the name of the query parameter that tokens come in. Defaults to "token".
	Param string
	// Cookie is the name of the cookie that tokens come in. Defaults to "media_token".
	Cookie string
	// Path returns the path below the Handler's prefix that a request asks for,
	// unescaped; a slash at its start is ignored. Claims.Path is compared with it. It must
	// be the Handler's own hls.HandlerOptions.Path, or nothing is opened. Defaults to
	// r.URL.Path, as http.StripPrefix leaves it.
	Path func(r *http.Request) string
	// Actions are what tokens open, as a handler's Authorize names it: those of package
	// upload, such as upload.ActionSource for originals, may be among them. Be careful: with
	// upload.ActionDelete whoever may watch may also delete. Defaults to hls.ActionMedia and
	// hls.ActionKey.
	Actions []string
	// Viewer returns who sends the request, as Claims.Viewer has it, "" for nobody who is
	// known. Tokens with a viewer open nothing to others. Defaults to nil: who has a token
	// may use it, whoever it was made for.
	Viewer func(r *http.Request) string
	// Address returns the client's address, which behind a proxy only the host knows. It
	// matters to tokens that name addresses. Defaults to that of r.RemoteAddr.
	Address func(r *http.Request) netip.Addr
}

// Gate lets requests through that bring a token which opens what they ask for: its
// Authorize is one for hls.HandlerOptions, its Query puts the token behind the URIs in
// playlists. It may be used by many at once.
//
// Tokens are looked for in the query, then in "Authorization: Bearer", then in the
// cookie. The first that opens what is asked for counts; where none does, it is the
// first that says why.
type Gate struct {
	signer *Signer
	opts   GateOptions
}

// NewGate returns a Gate for the tokens of the signer.
func NewGate(signer *Signer, opts *GateOptions) *Gate {
	g := &Gate{signer: signer}
	if opts != nil {
		g.opts = *opts
	}
	o := &g.opts
	if o.Param == "" {
		o.Param = "token"
	}
	if o.Cookie == "" {
		o.Cookie = "media_token"
	}
	if o.Path == nil {
		o.Path = func(r *http.Request) string { return r.URL.Path }
	}
	if o.Address == nil {
		o.Address = remoteAddress
	}
	if o.Actions == nil {
		o.Actions = []string{hls.ActionMedia, hls.ActionKey}
	}
	return g
}

// Authorize says whether the request brings a token that opens what it asks for: the path
// that it has for hls.ActionMedia and hls.ActionKey, the asset for any other action among
// GateOptions.Actions. It has the form of hls.HandlerOptions.Authorize and of
// upload.HandlerOptions.Authorize. An error matches one of those of this package that
// have an HTTPStatus.
func (g *Gate) Authorize(r *http.Request, action, asset string) error {
	if !slices.Contains(g.opts.Actions, action) {
		return fmt.Errorf("%w: no token opens the action %q", ErrScope, action)
	}
	path := asset
	if action == hls.ActionMedia || action == hls.ActionKey {
		path = g.path(r)
	}
	_, _, err := g.verify(r, path)
	return err
}

// Query returns what hls.HandlerOptions.Query puts behind each URI in a playlist: the
// parameter and the token, such as "token=v1.a.…", where the request brought a token in
// its query that opens it. It returns "" where the token came in another way, which
// players do for the other requests too, and where there is none. Whatever else the
// request has in its query is left out.
func (g *Gate) Query(r *http.Request) string {
	_, c, err := g.verify(r, g.path(r))
	if err != nil || c.by != inQuery {
		return ""
	}
	return g.pair(c.token)
}

// Claims returns the claims of the token that opens the media that the request asks for:
// for logs, and for counting viewers. Its errors are those of Authorize.
func (g *Gate) Claims(r *http.Request) (Claims, error) {
	claims, _, err := g.verify(r, g.path(r))
	return claims, err
}

func (g *Gate) path(r *http.Request) string { return strings.TrimPrefix(g.opts.Path(r), "/") }

// verify returns the first token of the request that opens the path, and its claims.
func (g *Gate) verify(r *http.Request, path string) (Claims, found, error) {
	refused := ErrNoToken
	for i, f := range g.find(r) {
		claims, err := g.signer.Verify(f.token, path, g.opts.Address(r))
		if err == nil && claims.Viewer != "" && g.opts.Viewer != nil && claims.Viewer != g.opts.Viewer(r) {
			err = ErrViewer
		}
		if err == nil {
			return claims, f, nil
		}
		if i == 0 {
			refused = err
		}
	}
	return Claims{}, found{}, refused
}

// remoteAddress returns the address that the request's connection comes from.
func remoteAddress(r *http.Request) netip.Addr {
	from, _ := netip.ParseAddrPort(r.RemoteAddr) // the zero Addr where it is none
	return from.Addr()
}
