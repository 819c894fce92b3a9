package netguard

import (
	"net/netip"
	"slices"
)

// closed4 are the networks of IPv4 that are not for the public, or for no servers, by
// the IANA IPv4 Special-Purpose Address Registry (RFC 6890) and RFC 5771.
var closed4 = prefixes(
	"0.0.0.0/8",       // this network, RFC 791
	"10.0.0.0/8",      // private, RFC 1918
	"100.64.0.0/10",   // shared with a provider, RFC 6598
	"127.0.0.0/8",     // loopback, RFC 1122
	"169.254.0.0/16",  // link-local, RFC 3927, and the metadata of clouds
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // protocol assignments, RFC 6890
	"192.0.2.0/24",    // documentation, RFC 5737
	"192.88.99.0/24",  // relays of 6to4, RFC 7526
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks, RFC 2544
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast, RFC 5771
	"240.0.0.0/4",     // reserved, RFC 1112, and broadcast
)

// Of IPv6, only what is assigned for the public so far is open (RFC 4291), but for these
// (IANA IPv6 Special-Purpose Address Registry).
var (
	global6 = netip.MustParsePrefix("2000::/3")
	closed6 = prefixes(
		"2001::/23",     // protocol assignments, RFC 2928: Teredo, benchmarks, ORCHID
		"2001:db8::/32", // documentation, RFC 3849
		"2002::/16",     // 6to4, RFC 3056: an IPv4 address by another way
		"3fff::/20",     // documentation, RFC 9637
	)
	// nat64 is the well-known prefix in front of IPv4 addresses (RFC 6052): where a
	// machine has IPv6 alone, the names of IPv4 servers resolve to it.
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// CheckAddr returns nil where the address may be called: where it is public, or in one of
// Options.Networks. Otherwise it returns a *Refusal. IPv4 addresses that are mapped into
// IPv6 (RFC 4291 section 2.5.5.2) are those IPv4 addresses, those behind NAT64 are judged
// by what they stand for, and other ways of embedding them are refused.
func (g *Guard) CheckAddr(addr netip.Addr) error {
	if !addr.IsValid() {
		return refuse(ReasonAddress, "no address")
	}
	if addr.Zone() != "" {
		return refuse(ReasonAddress, "address %s has a zone", addr)
	}
	addr = addr.Unmap()
	within := func(p netip.Prefix) bool { return p.Contains(addr) }
	switch {
	case slices.ContainsFunc(g.opts.RefuseNetworks, within):
		return refuse(ReasonAddress, "address %s is in a network that the host refuses", addr)
	case slices.ContainsFunc(g.opts.Networks, within):
		return nil
	case addr.Is4() && !slices.ContainsFunc(closed4, within):
		return nil
	case addr.Is6() && nat64.Contains(addr):
		b := addr.As16()
		return g.CheckAddr(netip.AddrFrom4([4]byte(b[12:])))
	case addr.Is6() && global6.Contains(addr) && !slices.ContainsFunc(closed6, within) && !isatap(addr):
		return nil
	}
	return refuse(ReasonAddress, "address %s is not public", addr)
}

// isatap says whether the address is an IPv4 address by the way of ISATAP (RFC 5214
// section 6.1).
func isatap(addr netip.Addr) bool {
	b := addr.As16()
	return b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}
