package upload

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// encrypt returns what the host's plan for the asset says of encryption, nil for nothing.
func (o Options) encrypt(a Asset) *encoder.EncryptOptions {
	if plan, _ := o.plan(a.Profile); plan != nil {
		return plan.Encrypt
	}
	return nil
}

// checkEncryption says whether what one of the host's plans asks for can be had.
func (o Options) checkEncryption(name string, plan *encoder.PlanOptions) error {
	if plan == nil || plan.Encrypt == nil {
		return nil
	}
	if o.Keys == nil && !o.CheckOff {
		return fmt.Errorf("%s.Encrypt without Keys: what is encrypted could not be checked before it is published; set Options.Keys, to what the encoder has", name)
	}
	if err := plan.Encrypt.Check(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// encryption returns that of the asset's job, nil where nothing is encrypted. All runs that
// write under one output have the same.
func (o Options) encryption(a Asset) *encoder.Encryption {
	return o.encrypt(a).Encryption(a.ID, path.Base(a.Output))
}

// keyURI returns hls.PublisherOptions.KeyURI for the asset, nil where the host has none.
func (o Options) keyURI(asset string) func(id string) string {
	if o.KeyURI == nil {
		return nil
	}
	return func(id string) string { return o.KeyURI(asset, id) }
}

// sealed refuses a segment that is to be encrypted and is not, or with another key: an
// encoder that knows nothing of encryption would publish what is private. s may be nil.
func sealed(job encoder.Job, s *hls.Segment) error {
	if s == nil {
		return nil
	}
	want := ""
	if job.Encryption != nil && !slices.ContainsFunc(job.Tracks, func(t encoder.TrackSpec) bool { return t.ID == s.Track && t.Kind == hls.Image }) {
		want = job.Encryption.KeyID(s.Number)
	}
	if s.KeyID == want {
		return nil
	}
	return &encoder.Error{Code: encoder.CodeKeys, Permanent: true,
		Err:     fmt.Errorf("segment %q is encrypted with key %q, not %q", s.Key, s.KeyID, want),
		Message: "The encoder did not encrypt the video as it should have. Tell the service's operator."}
}

// keyOf returns what the check asks for the key of a URI in the playlists, nil where the
// host has given no keys: it finds the id whose URI that is.
func (r *run) keyOf(job encoder.Job, state hls.State) func(ctx context.Context, uri string) ([]byte, error) {
	keys := r.p.opts.Keys
	if keys == nil || job.Encryption == nil {
		return nil
	}
	ids := map[string]string{} // by URI
	for _, t := range state.Tracks {
		for _, s := range t.Segments {
			if s.KeyID != "" {
				ids[r.p.opts.resolvedKey(job, s.KeyID)] = s.KeyID
			}
		}
	}
	return func(ctx context.Context, uri string) ([]byte, error) {
		id, ok := ids[uri]
		if !ok {
			return nil, fmt.Errorf("no segment has the key %q: %w", uri, fs.ErrNotExist)
		}
		return keys.Key(ctx, job.Encryption.Asset, id)
	}
}

// resolvedKey returns the URI of a key as the check knows it: absolute, or relative to the
// asset.
func (o Options) resolvedKey(job encoder.Job, id string) string {
	if o.KeyURI == nil {
		return hls.KeyPath(id)
	}
	ref, err := url.Parse(o.KeyURI(job.Encryption.Asset, id))
	if err != nil {
		return ""
	}
	// The path of any media playlist: <attempt>/<track>/<name>.
	u := (&url.URL{Path: "/" + path.Base(job.Output) + "/t/p"}).ResolveReference(ref)
	u.Fragment, u.RawFragment = "", ""
	if u.IsAbs() || u.Host != "" {
		return u.String()
	}
	return strings.TrimPrefix(u.Path, "/")
}
