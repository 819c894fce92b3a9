package netguard

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxURL is the longest URL that is looked at, in bytes: signed ones have some thousand.
const maxURL = 8192

// CheckURL parses raw and says whether it may be called, as far as that can be told
// without a look at the network: http or https, no user name or password, a host and a
// port that may be called, and a host that is either a name in ASCII (others in their
// form for DNS, "xn--…") or an IP address in its common form: what some systems read as
// one (127.1, 0x7f000001, 2130706433, 0177.0.0.1) is refused. The URL returned has no
// fragment. Errors are *Refusal.
func (g *Guard) CheckURL(raw string) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, refuse(ReasonURL, "a URL of %d bytes", len(raw))
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, refuse(ReasonURL, "no URL: %v", bare(err))
	}
	u.Fragment, u.RawFragment = "", ""
	return u, g.check(u)
}

// check is CheckURL for one that is parsed.
func (g *Guard) check(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return refuse(ReasonScheme, "scheme %q", u.Scheme)
	case u.Opaque != "" || u.Host == "":
		return refuse(ReasonURL, "no host")
	case u.User != nil:
		return refuse(ReasonCredentials, "it has a user name or a password")
	}
	h, err := parseHost(u.Hostname())
	if err != nil {
		return err
	}
	if bracketed := strings.HasPrefix(u.Host, "["); bracketed != h.addr.Is6() {
		return refuse(ReasonHost, "host %q", u.Host)
	}
	port, err := portOf(u)
	if err != nil {
		return err
	}
	if err := g.checkPort(port); err != nil {
		return err
	}
	return g.checkHost(h)
}

// portOf returns the port that u means.
func portOf(u *url.URL) (uint16, error) {
	if p := u.Port(); p != "" {
		return parsePort(p)
	}
	if u.Scheme == "https" {
		return 443, nil
	}
	return 80, nil
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, refuse(ReasonPort, "port %q", s)
	}
	return uint16(n), nil
}

// host is a host as a URL names it: an address, or a name in lower case without a dot at
// its end.
type host struct {
	name string
	addr netip.Addr // where it is valid, name is ""
}

func (h host) String() string {
	if h.addr.IsValid() {
		return h.addr.String()
	}
	return h.name
}

// parseHost takes s for an address where it is one in its common form, and else for a
// name.
func parseHost(s string) (host, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		if addr.Zone() != "" {
			return host{}, refuse(ReasonAddress, "address %s has a zone", addr)
		}
		return host{addr: addr}, nil
	}
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	if len(name) > 253 {
		return host{}, refuse(ReasonHost, "a host name of %d bytes", len(name))
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if !validLabel(label) {
			return host{}, refuse(ReasonHost, "%q is no host name", s)
		}
	}
	// What ends in a number is read as an IPv4 address by some resolvers (URL Standard,
	// "ends in a number"), and is no name that anybody could have registered.
	if last := labels[len(labels)-1]; last[0] >= '0' && last[0] <= '9' && numeric(last) {
		return host{}, refuse(ReasonAddress, "host %q is an address in an unusual form", s)
	}
	return host{name: name}, nil
}

// validLabel says whether s may be a part of a host name: RFC 1123 section 2.1, and the
// underscores that some have.
func validLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// numeric says whether s is a number in decimal, octal or hexadecimal digits.
func numeric(s string) bool {
	digits, isDigit := s, func(c byte) bool { return c >= '0' && c <= '9' }
	if rest, hex := strings.CutPrefix(s, "0x"); hex {
		digits, isDigit = rest, func(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }
	}
	for i := 0; i < len(digits); i++ {
		if !isDigit(digits[i]) {
			return false
		}
	}
	return true
}

// bare returns what is inside of a *url.Error, whose text has the whole URL: that may
// bear a signature, which is nothing for logs.
func bare(err error) error {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	return err
}
