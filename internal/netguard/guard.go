// Package netguard decides which addresses a service may call on behalf of others, and
// calls no others: whoever may name a URL must not reach what only the service's own
// machine and network can (server-side request forgery).
//
//	guard, err := netguard.New(&netguard.Options{Hosts: []string{"*.example.com"}})
//	u, err := guard.CheckURL("https://media.example.com/a.mp4") // what can be said without a look at the network
//	client := guard.Client()                                   // checks the rest, with every connection and redirect
//
// What a name resolves to is checked where the connection is made: a name is resolved
// once, all of its addresses are checked, and the connection goes to one of those, so a
// resolver that answers otherwise a moment later changes nothing. Neither proxies nor
// settings of the environment are used.
package netguard

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Resolver looks up the addresses of a host name; *net.Resolver is one. network is "ip".
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

var _ Resolver = (*net.Resolver)(nil)

// Options shape a Guard.
type Options struct {
	// Hosts are the host names that may be called: "media.example.com", or
	// "*.example.com" for all below example.com but not itself. An IP address is listed as
	// it is. Their addresses are checked all the same. Defaults to nil, all hosts.
	Hosts []string
	// Networks may be called although they are not public. Defaults to nil, none.
	Networks []netip.Prefix
	// RefuseNetworks may not be called although they are public, such as those of one's
	// own data centre. They go before Networks. Defaults to nil, none.
	RefuseNetworks []netip.Prefix
	// Ports may be called. Defaults to 80 and 443.
	Ports []uint16
	// Redirects is how many are followed at most. Defaults to 5.
	Redirects int
	// Resolver looks up host names. Defaults to net.DefaultResolver.
	Resolver Resolver
	// DialTimeout bounds the attempt to connect to one address. Defaults to 10 seconds.
	DialTimeout time.Duration
	// TLS is the configuration of TLS connections, such as authorities of one's own.
	// Defaults to nil, Go's defaults.
	TLS *tls.Config
}

// Guard checks and makes connections. Its methods may be called concurrently.
type Guard struct {
	opts     Options
	exact    map[string]bool
	suffixes []string // with the dot in front
}

// New returns a Guard. It fails where a pattern in Hosts is neither a host name, nor one
// behind "*.", nor an address.
func New(opts *Options) (*Guard, error) {
	g := &Guard{exact: map[string]bool{}}
	if opts != nil {
		g.opts = *opts
	}
	if len(g.opts.Ports) == 0 {
		g.opts.Ports = []uint16{80, 443}
	}
	if g.opts.Redirects <= 0 {
		g.opts.Redirects = 5
	}
	if g.opts.Resolver == nil {
		g.opts.Resolver = net.DefaultResolver
	}
	if g.opts.DialTimeout <= 0 {
		g.opts.DialTimeout = 10 * time.Second
	}
	for _, pattern := range g.opts.Hosts {
		name, below := strings.CutPrefix(pattern, "*.")
		host, err := parseHost(name)
		if err != nil || below && host.addr.IsValid() {
			return nil, fmt.Errorf("netguard: %q is no host name, address, or host name behind \"*.\"", pattern)
		}
		if below {
			g.suffixes = append(g.suffixes, "."+host.String())
		} else {
			g.exact[host.String()] = true
		}
	}
	return g, nil
}

// checkHost refuses what Options.Hosts does not list, and addresses that may not be
// called.
func (g *Guard) checkHost(h host) error {
	name := h.String()
	if len(g.opts.Hosts) > 0 && !g.exact[name] &&
		!slices.ContainsFunc(g.suffixes, func(s string) bool { return !h.addr.IsValid() && strings.HasSuffix(name, s) }) {
		return refuse(ReasonHost, "host %q is not on the list", name)
	}
	if h.addr.IsValid() {
		return g.CheckAddr(h.addr)
	}
	return nil
}

// checkPort refuses what Options.Ports does not list.
func (g *Guard) checkPort(port uint16) error {
	if !slices.Contains(g.opts.Ports, port) {
		return refuse(ReasonPort, "port %d is not on the list", port)
	}
	return nil
}
