package netguard_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/internal/netguard"
)

// resolver answers with what it is told, one answer after the other; the last stays.
type resolver struct {
	asked   atomic.Int32
	answers [][]string
	err     error
}

func (r *resolver) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	n := int(r.asked.Add(1)) - 1
	if network != "ip" || !strings.HasSuffix(host, ".") {
		return nil, errors.New("asked " + network + " " + host)
	}
	if r.err != nil {
		return nil, r.err
	}
	var addrs []netip.Addr
	for _, s := range r.answers[min(n, len(r.answers)-1)] {
		addrs = append(addrs, netip.MustParseAddr(s))
	}
	return addrs, nil
}

func portOf(t testing.TB, s *httptest.Server) uint16 {
	t.Helper()
	n, err := strconv.ParseUint(s.URL[strings.LastIndex(s.URL, ":")+1:], 10, 16)
	require.NoError(t, err)
	return uint16(n)
}

var here = netip.MustParsePrefix("127.0.0.1/32")

func newServer(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// get fetches raw with a client of the guard.
func get(t testing.TB, g *netguard.Guard, raw string) (string, error) {
	t.Helper()
	resp, err := g.Client().Get(raw)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestClient(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "hello "+r.Host) })
	port := portOf(t, s)
	g := newGuard(t, &netguard.Options{Networks: []netip.Prefix{here}, Ports: []uint16{port}, Resolver: &resolver{answers: [][]string{{"127.0.0.1"}}}})
	body, err := get(t, g, s.URL)
	require.NoError(t, err)
	assert.Equal(t, "hello "+strings.TrimPrefix(s.URL, "http://"), body)
	at := "media.example:" + strconv.Itoa(int(port))
	body, err = get(t, g, "http://"+at)
	require.NoError(t, err)
	assert.Equal(t, "hello "+at, body)

	// A proxy of the environment would see it, and could connect to anything.
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	_, err = get(t, g, "http://"+at)
	require.NoError(t, err)
}

func TestClientRefuses(t *testing.T) {
	hits := atomic.Int32{}
	s := newServer(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	port := strconv.Itoa(int(portOf(t, s)))
	for raw, why := range map[string]netguard.Reason{
		"http://127.0.0.1:" + port + "/":          netguard.ReasonAddress,
		"http://[::ffff:127.0.0.1]:" + port + "/": netguard.ReasonAddress,
		"http://2130706433:" + port + "/":         netguard.ReasonAddress,
		"http://0177.0.0.1:" + port + "/":         netguard.ReasonAddress,
		"http://127.1:" + port + "/":              netguard.ReasonAddress,
		"http://localhost:" + port + "/":          netguard.ReasonAddress,
		"http://u:p@127.0.0.1:" + port + "/":      netguard.ReasonCredentials,
		"http://localhost:1/":                     netguard.ReasonPort,
	} {
		g := newGuard(t, &netguard.Options{Ports: []uint16{portOf(t, s)}}) // the resolver of the machine
		_, err := get(t, g, raw)
		assert.Equal(t, why, refused(t, err), raw)
		assert.NotContains(t, netguard.Bare(err).Error(), "Get ")
	}
	assert.Zero(t, hits.Load())
}

func TestRebinding(t *testing.T) {
	hits := atomic.Int32{}
	s := newServer(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	at := "http://rebinding.example:" + strconv.Itoa(int(portOf(t, s))) + "/"
	with := func(r *resolver) *netguard.Guard {
		return newGuard(t, &netguard.Options{Networks: []netip.Prefix{here}, Ports: []uint16{portOf(t, s)}, Resolver: r})
	}
	// One answer is asked for, and connected to.
	r := &resolver{answers: [][]string{{"127.0.0.1"}, {"10.0.0.1"}}}
	g := with(r)
	_, err := get(t, g, at)
	require.NoError(t, err)
	assert.EqualValues(t, 1, r.asked.Load())
	assert.EqualValues(t, 1, hits.Load())
	// The next connection is checked again.
	_, err = get(t, g, at)
	assert.Equal(t, netguard.ReasonAddress, refused(t, err))
	// A name is refused with all its addresses where one is closed.
	for _, answer := range [][]string{
		{"127.0.0.1", "127.0.0.2"}, {"127.0.0.1", "10.0.0.1"}, {"::1", "127.0.0.1"}, {"::ffff:127.0.0.2"}, {"64:ff9b::7f00:2"},
		{"2002:7f00:1::"}, {"fe80::1%eth0"}, {"0.0.0.0"}, {},
	} {
		_, err := get(t, with(&resolver{answers: [][]string{answer}}), at)
		assert.Equal(t, netguard.ReasonAddress, refused(t, err), answer)
	}
	// Nobody learns whether there is such a name.
	_, err = get(t, with(&resolver{err: &net.DNSError{Err: "no such host", IsNotFound: true}}), at)
	assert.Equal(t, netguard.ReasonAddress, refused(t, err))
	assert.EqualValues(t, 1, hits.Load())
	// What may be better soon is no refusal.
	_, err = get(t, with(&resolver{err: &net.DNSError{Err: "server misbehaving", IsTemporary: true}}), at)
	var r2 *netguard.Refusal
	assert.NotErrorAs(t, err, &r2)
	assert.ErrorContains(t, err, "misbehaving")
}

func TestTriesAllAddresses(t *testing.T) {
	s := newServer(t, func(http.ResponseWriter, *http.Request) {})
	g := newGuard(t, &netguard.Options{
		Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Ports: []uint16{portOf(t, s)},
		Resolver: &resolver{answers: [][]string{{"127.0.0.9", "127.0.0.1"}}},
	})
	_, err := get(t, g, "http://two.example:"+strconv.Itoa(int(portOf(t, s)))+"/")
	require.NoError(t, err, "nobody listens on the first")
	s.Close()
	_, err = get(t, g, "http://two.example:"+strconv.Itoa(int(portOf(t, s)))+"/")
	var op *net.OpError
	assert.ErrorAs(t, err, &op)
}

func TestRedirects(t *testing.T) {
	inside := newServer(t, func(http.ResponseWriter, *http.Request) { t.Error("the inside was reached") })
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Empty(t, r.Referer())
		to := r.URL.Query().Get("to")
		switch n, err := strconv.Atoi(to); {
		case to == "":
			_, _ = io.WriteString(w, "there")
		case err != nil:
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		case n == 0:
			http.Redirect(w, r, "/", http.StatusFound)
		default:
			http.Redirect(w, r, "/?to="+strconv.Itoa(n-1), http.StatusTemporaryRedirect)
		}
	})
	g := newGuard(t, &netguard.Options{
		Networks: []netip.Prefix{here}, Ports: []uint16{portOf(t, s)}, Redirects: 3,
		Resolver: &resolver{answers: [][]string{{"10.0.0.1"}}},
	})
	body, err := get(t, g, s.URL+"/?to=2")
	require.NoError(t, err)
	assert.Equal(t, "there", body)
	port := strconv.Itoa(int(portOf(t, s)))
	for to, why := range map[string]netguard.Reason{
		"3":                                                 netguard.ReasonRedirect,
		inside.URL:                                          netguard.ReasonPort,
		"http://127.0.0.2:" + port + "/":                    netguard.ReasonAddress,
		"http://[::1]:" + port + "/":                        netguard.ReasonAddress,
		"http://2130706433:" + port + "/":                   netguard.ReasonAddress,
		"//inside.example:" + port + "/":                    netguard.ReasonAddress,
		"http://u:p@127.0.0.1:" + port + "/":                netguard.ReasonCredentials,
		"ftp://127.0.0.1:" + port + "/":                     netguard.ReasonScheme,
		"file:///etc/passwd":                                netguard.ReasonScheme,
		"/?to=" + url.QueryEscape("http://[::1]:"+port+"/"): netguard.ReasonAddress, // a chain
	} {
		_, err := get(t, g, s.URL+"/?to="+url.QueryEscape(to))
		assert.Equal(t, why, refused(t, err), to)
	}
}

func TestNeverFromHTTPSToHTTP(t *testing.T) {
	plain := newServer(t, func(http.ResponseWriter, *http.Request) { t.Error("without TLS") })
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down" {
			http.Redirect(w, r, plain.URL, http.StatusFound)
		}
	}))
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	opts := netguard.Options{Networks: []netip.Prefix{here}, Ports: []uint16{portOf(t, s), portOf(t, plain)}, TLS: &tls.Config{RootCAs: pool}}
	g := newGuard(t, &opts)
	_, err := get(t, g, s.URL)
	require.NoError(t, err)
	_, err = get(t, g, s.URL+"/down")
	assert.Equal(t, netguard.ReasonRedirect, refused(t, err))
	opts.TLS = nil
	_, err = get(t, newGuard(t, &opts), s.URL)
	var cert *tls.CertificateVerificationError
	assert.ErrorAs(t, err, &cert)
}

func TestDialContext(t *testing.T) {
	g := newGuard(t, nil)
	for address, why := range map[string]netguard.Reason{
		"":                   netguard.ReasonURL,
		"example.com":        netguard.ReasonURL,
		"example.com:http":   netguard.ReasonPort,
		"example.com:22":     netguard.ReasonPort,
		"exa mple.com:80":    netguard.ReasonHost,
		"127.0.0.1:80":       netguard.ReasonAddress,
		"127.1:80":           netguard.ReasonAddress,
		"[fe80::1%eth0]:443": netguard.ReasonAddress,
	} {
		_, err := g.DialContext(t.Context(), "tcp", address)
		assert.Equal(t, why, refused(t, err), address)
	}
}
