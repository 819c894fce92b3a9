package upload

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/netguard"
)

// ErrNoFetch says that imports from URLs are refused, because Options.Fetch is nil.
var ErrNoFetch = errors.New("imports from URLs are off: they reach into the network, so set upload.Options.Fetch to allow them")

// Fetch is the order to bring an asset's source into the Store: Asset.Fetch has it until
// the source is there. What has come so far is in Asset.Source. The URL may bear a
// signature: an order that is fulfilled is forgotten with it.
type Fetch struct {
	URL string `json:"url"`
	// Announced is how many bytes whoever imports expects, 0 for any number.
	Announced int64 `json:"announced,omitempty"`
	// MaxSize is how many bytes are taken at most.
	MaxSize int64 `json:"max_size"`
	// Unnamed says that Asset.Name was made of the URL: what the origin calls the file is
	// better.
	Unnamed bool `json:"unnamed,omitempty"`

	// Size is how many bytes the origin says there are, 0 where it does not.
	Size int64 `json:"size,omitempty"`
	// ETag and LastModified are the strong validator of what has come so far, as the
	// origin wrote it; both are "" where there is none, and nothing to go on with.
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
}

// FetchOptions allow imports from URLs and bound them. Only addresses of the public
// internet are called, whatever a name resolves to and a redirect leads to, but for what
// is allowed here. Proxies of the environment are not used.
type FetchOptions struct {
	// AllowHosts are the host names that are called: "media.example.com", or
	// "*.example.com" for all below example.com but not itself; an address is listed as it
	// is. Defaults to nil, all hosts.
	AllowHosts []string
	// AllowNetworks are called although they are not public, such as that of a storage
	// server inside. Whoever may import can then call all of it: allow single addresses,
	// or set AllowHosts too. Defaults to nil, none.
	AllowNetworks []netip.Prefix
	// RefuseNetworks are not called although they are public, such as those of your own
	// data centre. They go before AllowNetworks. Defaults to nil, none.
	RefuseNetworks []netip.Prefix
	// AllowPorts are the ports that are called. Defaults to 80 and 443.
	AllowPorts []uint16
	// AtOnce is how many fetches run at once: each takes one of Options.Workers, and slow
	// origins must not take all. Defaults to half of them.
	AtOnce int
	// Timeout bounds one run of a fetch. What has come stays for a retry. Defaults to 6
	// hours.
	Timeout time.Duration
	// Idle is how long an origin may bring nothing before the connection is given up.
	// Defaults to 1 minute.
	Idle time.Duration
	// Backoff is the wait before a connection that broke is made again; it doubles from
	// try to try. Defaults to 1 second.
	Backoff time.Duration
	// UserAgent is told to origins. Defaults to "vodkit".
	UserAgent string
	// TLS is the configuration for https, such as authorities of your own. Defaults to
	// nil, Go's defaults.
	TLS *tls.Config
}

func (o *FetchOptions) withDefaults(workers int) *FetchOptions {
	if o == nil {
		return nil
	}
	d := *o
	if d.AtOnce <= 0 {
		d.AtOnce = max(1, workers/2)
	}
	if d.Timeout <= 0 {
		d.Timeout = 6 * time.Hour
	}
	if d.Idle <= 0 {
		d.Idle = time.Minute
	}
	if d.Backoff <= 0 {
		d.Backoff = time.Second
	}
	if d.UserAgent == "" {
		d.UserAgent = "vodkit"
	}
	return &d
}

// fetcher is what a Pipeline has to fetch with.
type fetcher struct {
	opts  FetchOptions
	guard *netguard.Guard
	seats seats
	least int64 // bytes of a part
}

// newFetcher returns nil where opts is nil.
func newFetcher(opts *FetchOptions, workers int) (*fetcher, error) {
	o := opts.withDefaults(workers)
	if o == nil {
		return nil, nil
	}
	guard, err := netguard.New(&netguard.Options{
		Hosts: o.AllowHosts, Networks: o.AllowNetworks, RefuseNetworks: o.RefuseNetworks, Ports: o.AllowPorts, TLS: o.TLS,
	})
	if err != nil {
		return nil, fmt.Errorf("Options.Fetch: %w", err)
	}
	return &fetcher{opts: *o, guard: guard, seats: seats{free: o.AtOnce}, least: leastPart}, nil
}

// sizeOf returns how many bytes the parts have.
func sizeOf(parts []encoder.Part) int64 { return encoder.Source{Parts: parts}.Size() }
