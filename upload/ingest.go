package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/ids"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
)

// Key prefixes in the Store.
const (
	sourcesPrefix = "sources/"
	mediaPrefix   = "media/"
)

// Create keeps what r yields as the source of a new asset and records it, READY. When
// it returns nil the upload is durable. Where anything fails, nothing is left.
//
// Errors match ErrInvalid, ErrType, ErrTooLarge, ErrEmpty, ErrIncomplete (with the
// reader's own), ErrExist, ErrBacklogFull, ErrQuota, ErrRefused (with the host's own) or
// ErrClosed; others are the Store's or the Catalog's, such as storage.ErrNoSpace. What can
// be refused before the first byte is read, is: also what the Store has no room for, where
// it can tell (storage.Free).
func (p *Pipeline) Create(ctx context.Context, n NewAsset, r io.Reader) (Asset, error) {
	ctx, end, err := p.life.begin(ctx)
	if err != nil {
		return Asset{}, fmt.Errorf("create asset: %w", err)
	}
	defer end()
	n, free, err := p.admit(ctx, n)
	if err != nil {
		return Asset{}, fmt.Errorf("create asset %q: %w", n.ID, err)
	}
	defer free()

	part, err := p.receive(ctx, n, r)
	if err != nil {
		return Asset{}, fmt.Errorf("create asset %q: %w", n.ID, err)
	}
	a, err := p.register(ctx, n, []encoder.Part{part}, false)
	if err != nil {
		if errors.Is(err, ErrExist) || p.unrecorded(ctx, n.ID) {
			p.discard(ctx, part.Key)
		}
		return Asset{}, fmt.Errorf("create asset %q: %w", n.ID, err)
	}
	return a, nil
}

// ImportOptions shape Pipeline.Import.
type ImportOptions struct {
	// Own hands the object over: deleting the asset removes it. Defaults to false, the
	// object stays.
	Own bool
}

// Import records an object that is already in the Store as the source of a new asset,
// uncopied: size and ETag are pinned. Objects under "media/", "uploads/" and
// "catalog/" are vodkit's own and refused. Errors are those of Create, and storage.ErrNotExist where
// there is no such object.
func (p *Pipeline) Import(ctx context.Context, n NewAsset, key string, opts *ImportOptions) (Asset, error) {
	ctx, end, err := p.life.begin(ctx)
	if err != nil {
		return Asset{}, fmt.Errorf("import asset: %w", err)
	}
	defer end()
	if strings.HasPrefix(key, mediaPrefix) || strings.HasPrefix(key, sessionsPrefix) || strings.HasPrefix(key, "catalog/") {
		return Asset{}, fmt.Errorf("import asset: %w", invalid("%q is vodkit's own object, not a source.", key))
	}
	defer p.imports.begin(key)()
	info, err := p.store.Stat(ctx, key)
	switch {
	case err != nil:
	case info.Size == 0:
		err = ErrEmpty
	case n.Size != 0 && n.Size != info.Size:
		err = fmt.Errorf("%w: it has %d bytes and %d were announced", ErrIncomplete, info.Size, n.Size)
	}
	if err != nil {
		return Asset{}, fmt.Errorf("import asset %q: %w", n.ID, err)
	}
	if n.Size = info.Size; n.ContentType == "" {
		n.ContentType = info.ContentType
	}
	n, free, err := p.admit(ctx, n)
	if err != nil {
		return Asset{}, fmt.Errorf("import asset %q: %w", n.ID, err)
	}
	defer free()
	external := opts == nil || !opts.Own
	a, err := p.register(ctx, n, []encoder.Part{{Key: key, Size: info.Size, ETag: info.ETag}}, external)
	if err != nil {
		return Asset{}, fmt.Errorf("import asset %q: %w", n.ID, err)
	}
	return a, nil
}

// receive stores what r yields. Where it fails, nothing is left.
func (p *Pipeline) receive(ctx context.Context, n NewAsset, r io.Reader) (encoder.Part, error) {
	if err := p.room(ctx, n.Size); err != nil {
		return encoder.Part{}, err
	}
	// The part has a name of its own, so that two processes that take the same id do not
	// write the same object.
	key := sourcesPrefix + n.ID + "/" + ids.New(now())
	most := min(p.opts.MaxSize, n.grant.bytes())
	m := &meter{r: r, left: most, grant: n.grant}
	info, err := p.store.Put(ctx, key, m, &storage.PutOptions{ContentType: n.ContentType, Size: n.Size})
	switch {
	case m.over && most < p.opts.MaxSize:
		err = &quotaError{most}
	case m.over:
		err = fmt.Errorf("%w: it has more than the %d bytes that are accepted", ErrTooLarge, p.opts.MaxSize)
	case m.err != nil:
		err = fmt.Errorf("%w: %w", ErrIncomplete, m.err)
	case n.Size != 0 && m.n != n.Size && (err == nil || errors.Is(err, io.ErrUnexpectedEOF)):
		err = fmt.Errorf("%w: %d bytes came and %d were announced", ErrIncomplete, m.n, n.Size)
	case err == nil && m.n == 0:
		err = ErrEmpty
	case err == nil:
		err = n.grant.confirm(ctx)
	}
	if err != nil {
		p.discard(ctx, key)
		return encoder.Part{}, err
	}
	return encoder.Part{Key: key, Size: m.n, ETag: info.ETag}, nil
}

// register records a new asset over its source and tells of it.
func (p *Pipeline) register(ctx context.Context, n NewAsset, parts []encoder.Part, external bool) (Asset, error) {
	return p.enter(ctx, newRecord(n, parts, external))
}

// newRecord returns the first record of an asset.
func newRecord(n NewAsset, parts []encoder.Part, external bool) Asset {
	at, source := now(), encoder.Source{Parts: parts}
	return Asset{
		Version: AssetVersion, ID: n.ID, Tenant: n.Tenant, Name: n.Name, Priority: n.Priority,
		Metadata: n.Metadata, Profile: n.Profile, ContentType: n.ContentType,
		Source: source, Size: source.Size(), External: external,
		Status: progress.Ready, Stage: progress.StageQueued, Attempt: ids.New(at), Attempts: 1,
		Created: at, Updated: at,
	}
}

// enter records a new asset and tells of it.
func (p *Pipeline) enter(ctx context.Context, a Asset) (Asset, error) {
	p.queue.add(a)
	if _, err := p.catalog.Put(ctx, a, ""); err != nil && !p.recorded(ctx, a) {
		p.queue.remove(a.ID, a.Attempt)
		return Asset{}, err
	}
	p.log.Info("An asset was accepted.", "asset", a.ID, "tenant", a.Tenant, "bytes", a.Size)
	p.announce(ctx, a)
	return a, nil
}

// recorded says whether the catalog has the very record that it would not take: the
// answer to a write may be lost, and not the write.
func (p *Pipeline) recorded(ctx context.Context, a Asset) bool {
	ctx, cancel := p.life.words(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	got, _, err := p.catalog.Get(ctx, a.ID)
	return err == nil && got.Attempt == a.Attempt
}

// unrecorded says whether there surely is no record of the id, so that a source that
// was not accepted can be removed. Where that is not known, Sweep will.
func (p *Pipeline) unrecorded(ctx context.Context, id string) bool {
	ctx, cancel := p.life.words(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	_, _, err := p.catalog.Get(ctx, id)
	return errors.Is(err, ErrNotFound)
}

// discard removes an object that nothing refers to, also after ctx has ended.
func (p *Pipeline) discard(ctx context.Context, key string) {
	ctx, cancel := p.life.words(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	if err := p.store.Delete(ctx, key); err != nil {
		p.log.Error("An abandoned object could not be removed.", "key", key, "error", err)
	}
}

// meter counts what is read from r, fails behind left bytes, and remembers whose
// fault it was that a Put failed.
type meter struct {
	r     io.Reader
	left  int64
	grant *grant // is told of what comes
	n     int64
	err   error // of r, not io.EOF
	over  bool
}

func (m *meter) Read(p []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	if int64(len(p)) > m.left+1 {
		p = p[:m.left+1] // one more, to see that there is more
	}
	n, err := m.r.Read(p)
	m.n += int64(n)
	m.left -= int64(n)
	m.grant.brought(int64(n))
	switch {
	case m.left < 0:
		m.over, m.err = true, ErrTooLarge
		return 0, m.err
	case err != nil && err != io.EOF:
		m.err = err
	}
	return n, err
}

// backlogFull says whether an upload would be refused now.
func (p *Pipeline) backlogFull() bool { return p.reserved.full(p.queue.len(), p.opts.Backlog) }
