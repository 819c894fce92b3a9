package upload

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/ids"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/storage"
)

// Sizes of the objects that a fetched source is kept in: what has become one survives
// the process, and whoever reads the source opens each.
const (
	leastPart = 32 << 20
	growPart  = 4   // parts of large sources have up to so many times leastPart,
	wantParts = 256 // which keeps their number to about this
)

// fetch brings the source into the Store, where it is not there yet.
func (r *run) fetch(ctx context.Context) error {
	defer r.leave() // whoever waits for a seat need not wait for the encode
	a := r.held.get()
	if a.Fetch == nil {
		return nil
	}
	if r.p.fetcher == nil {
		return &encoder.Error{Code: CodeSourceRefused, Permanent: true, Err: ErrNoFetch,
			Message: "This service no longer fetches from addresses. Upload the file itself."}
	}
	f := &fetching{run: r}
	err := f.all(ctx, a)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var failure *encoder.Error
	if errors.As(err, &failure) && failure.Permanent && !errors.Is(err, errSlow) {
		if left := f.drop(ctx); left != nil { // nobody goes on with them
			r.log.Warn("What was fetched of a source could not be removed.", "error", left)
		}
	}
	if err == nil {
		r.log.Info("A source was fetched.", "bytes", f.size())
		r.tell(ctx, func(e *progress.Event) { e.Stage = progress.StageProbing })
	}
	return err
}

// fetching is one run's fetch.
type fetching struct {
	*run
	origin *origin
	parts  []encoder.Part // in the record
}

func (f *fetching) size() int64 { return sizeOf(f.parts) }

// all fetches what is missing.
func (f *fetching) all(ctx context.Context, a Asset) error {
	opts := f.p.fetcher.opts
	timed, cancel := context.WithTimeoutCause(ctx, opts.Timeout, errSlow)
	defer cancel()
	f.origin = &origin{ctx: timed, client: f.p.fetcher.guard.Client(), opts: opts, log: f.log, order: *a.Fetch}
	defer func() { f.origin.close() }()
	if err := f.goOn(ctx, a); err != nil {
		return err
	}
	in := bufio.NewReaderSize(f.origin, 64<<10)
	for {
		_, err := in.Peek(1) // so that no part is empty
		if err == nil {
			err = f.next(ctx, in)
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
		case err == io.EOF: //nolint:errorlint // a Reader's own: a connection may fail with one inside
			return f.finish(ctx)
		case errors.Is(err, errAgain):
			in.Reset(f.origin)
			if err := f.drop(ctx); err != nil {
				return err
			}
		case errors.Is(err, errSlow):
			return unavailableOrigin(true, err, "The server at the address sent the file too slowly. Use another one.")
		default:
			return err
		}
	}
}

// goOn takes up what earlier runs have fetched, where it is whole and its origin has a
// validator.
func (f *fetching) goOn(ctx context.Context, a Asset) error {
	f.parts = a.Source.Parts
	is := version{etag: a.Fetch.ETag, modified: a.Fetch.LastModified, size: a.Fetch.Size, known: a.Fetch.Size > 0}
	if len(f.parts) == 0 {
		return nil
	}
	whole := is.strong() || is.known && is.size == f.size()
	for _, part := range f.parts {
		info, err := f.p.store.Stat(ctx, part.Key)
		switch {
		case errors.Is(err, storage.ErrNotExist), err == nil && (info.Size != part.Size || info.ETag != part.ETag):
			whole = false // a machine may have lost its power
		case err != nil:
			return storeError(err)
		}
	}
	if !whole {
		return f.drop(ctx)
	}
	f.log.Info("A fetch goes on with what has come.", "bytes", f.size())
	f.origin.is, f.origin.offset, f.origin.kind = is, f.size(), a.ContentType
	return nil
}

// next fetches one part and records it.
func (f *fetching) next(ctx context.Context, in io.Reader) error {
	o := f.origin
	if o.kind != "" && len(f.parts) == 0 {
		if err := checkType(o.kind, f.p.opts.AllowTypes); err != nil {
			return otherTypeOrigin(err, o.kind)
		}
	}
	if o.is.known {
		if err := f.p.room(ctx, o.is.size-f.size()); err != nil {
			return storeError(err)
		}
	}
	most, release, err := f.quota(ctx)
	if err != nil {
		return err
	}
	defer release()
	key := sourcesPrefix + f.held.get().ID + "/" + ids.New(now())
	defer f.p.imports.begin(key)() // a sweep sees it in the record, or is kept from it
	body := &partBody{r: in, left: most}
	info, err := f.p.store.Put(ctx, key, body, &storage.PutOptions{ContentType: typeOf(o.kind)})
	if body.err != nil && !body.cut {
		f.p.discard(ctx, key)
		return body.err
	}
	if err != nil {
		f.p.discard(ctx, key)
		return storeError(err)
	}
	f.parts = append(slices.Clone(f.parts), encoder.Part{Key: key, Size: body.n, ETag: info.ETag})
	if err := f.record(ctx); err != nil {
		return err // it may be in the record; if not, Sweep removes it
	}
	return body.err
}

// quota returns how large the next part may be, and counts it until it is in the record.
func (f *fetching) quota(ctx context.Context) (most int64, release func(), err error) {
	o, tenant := f.origin, f.held.get().Tenant
	most = f.p.fetcher.partSize(max(o.is.size, 2*f.size()))
	rest := int64(0) // unknown
	if o.is.known {
		rest = o.is.size - f.size()
	}
	if rest > most { // does all of it fit?
		if _, release, err = f.p.grant(ctx, tenant, rest); err != nil {
			return 0, nil, failureOfQuota(err)
		}
		release()
		rest = most
	}
	g, release, err := f.p.grant(ctx, tenant, rest)
	if err != nil {
		return 0, nil, failureOfQuota(err)
	}
	return min(most, g.bytes()), release, nil
}

// partSize returns how large parts of a source of so many bytes are.
func (f *fetcher) partSize(size int64) int64 {
	return min(max(size/wantParts, f.least), growPart*f.least)
}

// record writes what has come into the asset's record.
func (f *fetching) record(ctx context.Context) error {
	o, parts := f.origin, f.parts
	return storeError(f.held.update(ctx, func(a *Asset) {
		f.copyProgress(a)
		a.Source.Parts, a.Size = slices.Clone(parts), sizeOf(parts)
		order := o.order
		order.Size, order.ETag, order.LastModified = 0, o.is.etag, o.is.modified
		if o.is.known {
			order.Size = o.is.size
		}
		a.Fetch = &order
		if len(parts) == 0 {
			return
		}
		if a.ContentType == "" {
			a.ContentType = typeOf(o.kind)
		}
		if name := cleanName(o.name); order.Unnamed && name != "" {
			a.Name = name
		}
		if o.complete() && sizeOf(parts) == o.is.size && o.is.size > 0 {
			a.Fetch = nil
		}
	}))
}

// finish ends the order, when all bytes have come.
func (f *fetching) finish(ctx context.Context) error {
	size, want := f.size(), f.origin.order.Announced
	switch {
	case size == 0:
		return emptyOrigin()
	case want > 0 && size != want:
		return otherSize(size, want)
	case f.held.get().Fetch == nil:
		return nil
	}
	return f.record(ctx)
}

// drop forgets what has come, and removes it.
func (f *fetching) drop(ctx context.Context) error {
	var keys []string
	for _, part := range f.held.get().Source.Parts {
		keys = append(keys, part.Key)
	}
	f.parts = nil
	if err := f.record(ctx); err != nil {
		return err
	}
	f.removeListed(ctx, keys)
	return nil
}

// partBody is what becomes one object: up to left bytes of r. Where r fails for now, what
// has come becomes one too.
type partBody struct {
	r    io.Reader
	left int64
	n    int64
	err  error // of r, not io.EOF
	cut  bool  // what came before err is good
}

func (b *partBody) Read(p []byte) (int, error) {
	if b.left == 0 || b.cut {
		return 0, io.EOF
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.n += int64(n)
	b.left -= int64(n)
	if err == nil || err == io.EOF { //nolint:errorlint // a Reader's own
		return n, err
	}
	var failure *encoder.Error
	b.err = err
	b.cut = errors.Is(err, errSlow) || errors.As(err, &failure) && !failure.Permanent
	if b.cut {
		err = io.EOF
	}
	return n, err
}

// typeOf returns a Content-Type as it goes into records and Stores, "" where it is none.
func typeOf(ct string) string {
	if ct = cleanType(ct); !strings.Contains(ct, "/") {
		return ""
	}
	return ct
}
