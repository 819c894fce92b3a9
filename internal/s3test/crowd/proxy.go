package crowd

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/vodkit/vodkit/internal/s3test/gateway"
)

// emptyHash is the SHA-256 of no bytes, which a signature of a GET has.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Proxy reads from an S3 server for clients that can't sign, counts what they read, and is
// slow and fails if asked to. It passes on GET and HEAD.
type Proxy struct {
	Origin string // the server's URL
	Counter

	// Delay is what each answer takes; one of Fail requests (0 for none) is answered with
	// 503, and as many bodies break off in the middle.
	Delay time.Duration
	Fail  int

	mu     sync.Mutex
	random *rand.Rand
}

// NewProxy returns a Proxy in front of the server, whose failures the seed determines.
func NewProxy(origin string, seed uint64) *Proxy {
	return &Proxy{
		Origin: origin, random: rand.New(rand.NewPCG(seed, 0)),
		Counter: Counter{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}},
	}
}

// Close closes the connections to the server.
func (p *Proxy) Close() {
	if t, ok := p.Transport.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

func (p *Proxy) fails() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Fail > 0 && p.random.IntN(p.Fail) == 0
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.Delay > 0 {
		select {
		case <-time.After(p.Delay):
		case <-r.Context().Done():
			return
		}
	}
	if p.fails() {
		http.Error(w, "slow down", http.StatusServiceUnavailable)
		return
	}
	req, err := p.sign(r.Context(), r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	resp, err := p.Transport.RoundTrip(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	if resp.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(resp.ContentLength, 10))
	}
	w.WriteHeader(resp.StatusCode)
	if r.Method != http.MethodGet {
		return
	}
	if resp.StatusCode/100 == 2 && p.fails() {
		_, _ = io.CopyN(w, resp.Body, resp.ContentLength/2)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	n, err := io.Copy(w, resp.Body)
	if err == nil && n == resp.ContentLength && resp.StatusCode/100 == 2 {
		p.add(r.URL.Path)
	}
}

// sign makes the request to the server.
func (p *Proxy) sign(ctx context.Context, r *http.Request) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, p.Origin+r.URL.RequestURI(), nil)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"Range", "If-Match", "If-None-Match"} {
		if v := r.Header.Get(name); v != "" {
			req.Header.Set(name, v)
		}
	}
	req.Header.Set("X-Amz-Content-Sha256", emptyHash)
	who := aws.Credentials{AccessKeyID: gateway.AccessKey, SecretAccessKey: gateway.SecretKey}
	return req, v4.NewSigner().SignHTTP(ctx, who, req, emptyHash, "s3", gateway.Region, time.Now())
}
