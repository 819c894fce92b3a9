package netguard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// mostAddrs is how many addresses of a name are tried.
const mostAddrs = 8

// DialContext connects to address, "host:port", over TCP. The host is checked, resolved
// once, and all addresses that it has are checked: where one of them may not be called,
// none is. Refusals are *Refusal, and a name that nobody knows is one with ReasonAddress
// too: whoever may ask must not learn which names there are inside.
func (g *Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	name, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, refuse(ReasonURL, "%q is no host and port", address)
	}
	port, err := parsePort(portText)
	if err != nil {
		return nil, err
	}
	if err := g.checkPort(port); err != nil {
		return nil, err
	}
	h, err := parseHost(name)
	if err != nil {
		return nil, err
	}
	if err := g.checkHost(h); err != nil {
		return nil, err
	}
	addrs := []netip.Addr{h.addr}
	if !h.addr.IsValid() {
		if addrs, err = g.resolve(ctx, h.name); err != nil {
			return nil, err
		}
	}
	return g.dial(ctx, network, addrs, port)
}

// resolve returns the addresses of a name, all of which may be called.
func (g *Guard) resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	// The dot keeps the search list of this machine's resolver out of it.
	addrs, err := g.opts.Resolver.LookupNetIP(ctx, "ip", name+".")
	var unknown *net.DNSError
	switch {
	case errors.As(err, &unknown) && unknown.IsNotFound, err == nil && len(addrs) == 0:
		return nil, refuse(ReasonAddress, "host %q is unknown", name)
	case err != nil:
		return nil, fmt.Errorf("look up host %q: %w", name, err)
	}
	for _, addr := range addrs {
		if err := g.CheckAddr(addr); err != nil {
			return nil, refuse(ReasonAddress, "host %q: %v", name, err)
		}
	}
	return addrs[:min(len(addrs), mostAddrs)], nil
}

// dial connects to the first address that answers.
func (g *Guard) dial(ctx context.Context, network string, addrs []netip.Addr, port uint16) (net.Conn, error) {
	d := net.Dialer{Timeout: g.opts.DialTimeout, Control: g.control}
	var errs []error
	for _, addr := range addrs {
		conn, err := d.DialContext(ctx, network, netip.AddrPortFrom(addr.Unmap(), port).String())
		if err == nil {
			return conn, nil
		}
		if errs = append(errs, err); ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// control looks at the very address that a socket is about to be connected to.
func (g *Guard) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return refuse(ReasonAddress, "%q is no address", address)
	}
	if err := g.checkPort(at.Port()); err != nil {
		return err
	}
	return g.CheckAddr(at.Addr())
}
