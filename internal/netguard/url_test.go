package netguard_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/internal/netguard"
)

func newGuard(t testing.TB, opts *netguard.Options) *netguard.Guard {
	t.Helper()
	g, err := netguard.New(opts)
	require.NoError(t, err)
	return g
}

// refused says for which reason err refuses, "" where it does not.
func refused(t testing.TB, err error) netguard.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	var r *netguard.Refusal
	require.ErrorAs(t, err, &r)
	assert.NotEmpty(t, r.Error())
	return r.Reason
}

func TestCheckURL(t *testing.T) {
	g := newGuard(t, nil)
	for raw, want := range map[string]netguard.Reason{
		"http://example.com/a.mp4":              "",
		"https://EXAMPLE.com./a.mp4?sig=1#part": "",
		"https://example.com:443/":              "",
		"https://8.8.8.8/a":                     "",
		"https://[2606:4700::1111]/a":           "",
		"https://xn--bcher-kva.example/a":       "",
		"http://1a.2b/":                         "",
		"":                                      netguard.ReasonScheme,
		"example.com/a":                         netguard.ReasonScheme,
		"//example.com/a":                       netguard.ReasonScheme,
		"ftp://example.com/a":                   netguard.ReasonScheme,
		"file:///etc/passwd":                    netguard.ReasonScheme,
		"gopher://127.0.0.1:70/":                netguard.ReasonScheme,
		"http:example.com":                      netguard.ReasonURL,
		"http:///a":                             netguard.ReasonURL,
		"http://exa mple.com/":                  netguard.ReasonURL,
		"http://%31%32%37.0.0.1/":               netguard.ReasonURL,
		"http://[::1/":                          netguard.ReasonURL,
		"http://example.com\r\nHost: a/":        netguard.ReasonURL,
		`http://127.0.0.1\@example.com/`:        netguard.ReasonURL,
		"http://example.com/" + strings.Repeat("a", 9000): netguard.ReasonURL,
		"http://user@example.com/":                        netguard.ReasonCredentials,
		"http://example.com@127.0.0.1/":                   netguard.ReasonCredentials,
		"http://:@example.com/":                           netguard.ReasonCredentials,
		"http://example.com:22/":                          netguard.ReasonPort,
		"http://example.com:0/":                           netguard.ReasonPort,
		"http://example.com:65616/":                       netguard.ReasonPort, // 80 in 16 bits
		"http://-a.example/":                              netguard.ReasonHost,
		"http://a..example/":                              netguard.ReasonHost,
		"http://①②⑦.⓪.⓪.①/":                               netguard.ReasonHost,
		"http://bücher.example/":                          netguard.ReasonHost,
		"http://example。com/":                             netguard.ReasonHost,
		"http://" + strings.Repeat("a.", 130) + "com/":    netguard.ReasonHost,
		"http://[v1.a]/":                                  netguard.ReasonURL,
		"http://127.0.0.1/":                               netguard.ReasonAddress,
		"http://2130706433/":                              netguard.ReasonAddress, // decimal
		"http://0177.0.0.1/":                              netguard.ReasonAddress, // octal
		"http://0x7f.0.0.1/":                              netguard.ReasonAddress, // hexadecimal
		"http://0x7F000001/":                              netguard.ReasonAddress,
		"http://127.0x1/":                                 netguard.ReasonAddress,
		"http://127.1/":                                   netguard.ReasonAddress, // short
		"http://127.0.0.1./":                              netguard.ReasonAddress,
		"http://8.8.8.08/":                                netguard.ReasonAddress,
		"http://0/":                                       netguard.ReasonAddress,
		"http://0x/":                                      netguard.ReasonAddress,
		"http://foo.0x/":                                  netguard.ReasonAddress,
		"http://[::1]/":                                   netguard.ReasonAddress,
		"http://[::]/":                                    netguard.ReasonAddress,
		"http://[::ffff:127.0.0.1]/":                      netguard.ReasonAddress, // mapped into IPv6
		"http://[::ffff:7f00:1]/":                         netguard.ReasonAddress,
		"http://[fe80::1%25eth0]/":                        netguard.ReasonAddress,
		"http://169.254.169.254/latest/meta-data/":        netguard.ReasonAddress,
		"http://[fd00:ec2::254]/":                         netguard.ReasonAddress,
	} {
		u, err := g.CheckURL(raw)
		assert.Equal(t, want, refused(t, err), raw)
		if want == "" {
			assert.Empty(t, u.Fragment, raw)
		}
	}
}

func TestHosts(t *testing.T) {
	g := newGuard(t, &netguard.Options{Hosts: []string{"media.example.com", "*.Example.org", "8.8.8.8"}, Ports: []uint16{8443}})
	for host, want := range map[string]netguard.Reason{
		"media.example.com":      "",
		"MEDIA.example.com.":     "",
		"a.example.org":          "",
		"a.b.example.org":        "",
		"8.8.8.8":                "",
		"example.org":            netguard.ReasonHost,
		"badexample.org":         netguard.ReasonHost,
		"a.example.org.evil.net": netguard.ReasonHost,
		"a.media.example.com":    netguard.ReasonHost,
		"8.8.4.4":                netguard.ReasonHost,
	} {
		_, err := g.CheckURL("https://" + host + ":8443/")
		assert.Equal(t, want, refused(t, err), host)
		_, err = g.CheckURL("https://" + host + "/")
		assert.Equal(t, netguard.ReasonPort, refused(t, err), host)
	}
	for _, pattern := range []string{"", "*", "*.", "a.*.com", "*.8.8.8.8", "https://example.com", "example.com:80", "10.0.0.0/8", "127.1"} {
		_, err := netguard.New(&netguard.Options{Hosts: []string{pattern}})
		assert.ErrorContains(t, err, pattern)
	}
}

func TestCheckAddr(t *testing.T) {
	g := newGuard(t, nil)
	for _, public := range []string{
		"8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.255",
		"2606:4700::1111", "2a00:1450::1", "2001:200::1", "::ffff:8.8.8.8", "64:ff9b::808:808",
	} {
		assert.NoError(t, g.CheckAddr(netip.MustParseAddr(public)), public)
	}
	for _, closed := range []string{
		"0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.169.254",
		"172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.171", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255",
		"198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", // compatible, mapped, translated
		"64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::808:808", "64:ff9b::1:808:808",
		"100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1",
		"2002:7f00:1::", "2002:808:808::1", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
		"2606:4700::5efe:127.0.0.1", "2606:4700::200:5efe:127.0.0.1",
	} {
		assert.Equal(t, netguard.ReasonAddress, refused(t, g.CheckAddr(netip.MustParseAddr(closed))), closed)
	}
	assert.Equal(t, netguard.ReasonAddress, refused(t, g.CheckAddr(netip.Addr{})))
}

func TestNetworks(t *testing.T) {
	g := newGuard(t, &netguard.Options{
		Networks:       []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")},
		RefuseNetworks: []netip.Prefix{netip.MustParsePrefix("10.1.1.0/24"), netip.MustParsePrefix("8.8.8.0/24")},
	})
	for _, open := range []string{"10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "8.8.4.4", "64:ff9b::a01:203"} {
		assert.NoError(t, g.CheckAddr(netip.MustParseAddr(open)), open)
	}
	for _, closed := range []string{"10.2.0.1", "10.1.1.1", "::ffff:10.1.1.1", "64:ff9b::a01:101", "8.8.8.8", "64:ff9b::808:808", "fe80::1", "127.0.0.1"} {
		assert.Equal(t, netguard.ReasonAddress, refused(t, g.CheckAddr(netip.MustParseAddr(closed))), closed)
	}
}

// FuzzCheckURL: what is let through is an http URL whose host is a plain name or an
// address that may be called, and stays that when it is written and read again.
func FuzzCheckURL(f *testing.F) {
	for _, raw := range []string{
		"http://example.com/a.mp4?b#c", "https://[2606:4700::1111]:443/", "http://127.1/", "http://0x7f.1/", "http://[::ffff:127.0.0.1]/",
		"http://a@b/", "http://①②⑦.⓪.⓪.①/", "http://[fe80::1%25eth0]/", "//a", "http:a", "http://64:ff9b::1/", "http://a:80:80/",
	} {
		f.Add(raw)
	}
	g := newGuard(f, nil)
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := g.CheckURL(raw)
		if why := refused(t, err); why != "" {
			return
		}
		assert.Contains(t, []string{"http", "https"}, u.Scheme)
		assert.Nil(t, u.User)
		assert.Contains(t, []string{"", "80", "443"}, u.Port())
		if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
			assert.NoError(t, g.CheckAddr(addr))
		} else {
			assert.Regexp(t, `^[A-Za-z0-9_.-]+$`, u.Hostname())
			assert.NotRegexp(t, `(^|\.)(0[xX][0-9a-fA-F]*|[0-9]+)\.?$`, u.Hostname())
		}
		again, err := g.CheckURL(u.String())
		if assert.NoError(t, err) {
			assert.Equal(t, u.Host, again.Host)
		}
	})
}
