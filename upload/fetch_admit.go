package upload

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"

	"github.com/vodkit/vodkit/internal/netguard"
)

// ImportURL records a new asset whose source is fetched from the URL, http or https, by
// the worker that claims it: the asset is there at once, READY, and its first stage is
// fetching. The fetch goes on where a broken connection, a crash or Shutdown stopped it,
// if the origin has ranges and a strong validator, and else from its start; two versions
// of a file are never mixed. n.Size, where it is set, is how many bytes there must be;
// n.Name defaults to what the origin calls the file, or to the end of the URL's path.
//
// Nobody's word is taken for where the URL leads: see [FetchOptions]. Errors match
// [ErrNoFetch] without Options.Fetch, [ErrInvalid] for a URL that may not be fetched,
// and are those of Create. What is found out later ends the attempt, with the codes
// source_refused, source_unavailable, too_large, unsupported_format or no_media; Retry
// fetches again.
func (p *Pipeline) ImportURL(ctx context.Context, n NewAsset, rawURL string) (Asset, error) {
	ctx, end, err := p.life.begin(ctx)
	if err != nil {
		return Asset{}, fmt.Errorf("import asset: %w", err)
	}
	defer end()
	return p.importURL(ctx, n, rawURL, p.opts.MaxSize)
}

// importURL is ImportURL of most bytes at most.
func (p *Pipeline) importURL(ctx context.Context, n NewAsset, rawURL string, most int64) (Asset, error) {
	if p.fetcher == nil {
		return Asset{}, fmt.Errorf("import asset: %w", ErrNoFetch)
	}
	u, err := p.fetcher.guard.CheckURL(rawURL)
	if err != nil {
		var r *netguard.Refusal
		if errors.As(err, &r) {
			p.log.Info("An import was refused.", "reason", r)
			err = invalid("%s", sentenceOf(r.Reason))
		}
		return Asset{}, fmt.Errorf("import asset: %w", err)
	}
	f := &Fetch{URL: u.String(), Announced: max(0, n.Size), MaxSize: min(most, p.opts.MaxSize)}
	if n.Name == "" {
		n.Name, f.Unnamed = nameOf(u), true
	}
	if n.Size > f.MaxSize {
		return Asset{}, fmt.Errorf("import asset: %w: it has %d bytes, at most %d are accepted", ErrTooLarge, n.Size, f.MaxSize)
	}
	n, free, err := p.admit(ctx, n)
	if err != nil {
		return Asset{}, fmt.Errorf("import asset %q: %w", n.ID, err)
	}
	defer free()
	a := newRecord(n, nil, false)
	a.Fetch = f
	if err := p.room(ctx, n.Size); err != nil {
		return Asset{}, fmt.Errorf("import asset %q: %w", n.ID, err)
	}
	if a, err = p.enter(ctx, a); err != nil {
		return Asset{}, fmt.Errorf("import asset %q: %w", n.ID, err)
	}
	return a, nil
}

// nameOf returns the name of the file that u leads to, "" for none.
func nameOf(u *url.URL) string {
	if name := path.Base(u.Path); name != "." && name != "/" {
		return name
	}
	return ""
}

// sentenceOf says why a URL may not be fetched, to whoever has sent it. What is inside of
// the network has one sentence, so that nobody learns what is there.
func sentenceOf(why netguard.Reason) string {
	switch why {
	case netguard.ReasonScheme, netguard.ReasonURL:
		return "This is no address that a file can be fetched from. It begins with https:// or http://, and a host name follows."
	case netguard.ReasonCredentials:
		return "The address has a user name or a password in it. Use one that works without, such as a signed one."
	case netguard.ReasonPort:
		return "This service does not fetch from the port in the address."
	case netguard.ReasonHost:
		return "This service does not fetch from the host in the address."
	case netguard.ReasonRedirect:
		return "The address leads on to too many others, or from https to http. Use the one that it leads to."
	}
	return "The address leads into a private network, or its host is unknown. Use the address of a public server."
}
