package tus

import (
	"context"
	"net/http"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/upload"
)

// dataStore is what tusd's handler keeps uploads in: the Pipeline's sessions. Its errors go
// into the request, where answer finds them: tusd has other words.
type dataStore struct{ h *Handler }

var (
	_ handler.DataStore               = (*dataStore)(nil)
	_ handler.TerminaterDataStore     = (*dataStore)(nil)
	_ handler.LengthDeferrerDataStore = (*dataStore)(nil)
)

// NewUpload implements handler.DataStore.
func (d *dataStore) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	q := requestOf(ctx)
	if info.Size == 0 && !info.SizeIsDeferred {
		return nil, q.fail(upload.ErrEmpty)
	}
	n := q.new
	n.Tenant, n.Size = q.tenant(), info.Size
	if prepare := d.h.opts.Prepare; prepare != nil {
		if err := prepare(q.r, &n); err != nil {
			return nil, q.fail(upload.Denied(err))
		}
	}
	n.Size = info.Size
	if n.Size > d.h.opts.MaxUpload {
		return nil, q.fail(upload.ErrTooLarge)
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	s, err := d.h.p.BeginSession(ctx, n, &upload.SessionOptions{
		Protocol: protocol, State: state{Metadata: q.raw}.json(), AutoFinish: true,
	})
	if err != nil {
		return nil, q.fail(err)
	}
	q.session, q.created = &s, true
	return &oneUpload{h: d.h, q: q, session: s}, nil
}

// GetUpload implements handler.DataStore. The caller holds the upload's lock.
func (d *dataStore) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	q := requestOf(ctx)
	ctx, cancel := detached(ctx)
	defer cancel()
	s, err := q.find(ctx, id)
	if err != nil {
		return nil, q.fail(err)
	}
	u := &oneUpload{h: d.h, q: q, session: s}
	q.session = &u.session
	if q.terminates() {
		return u, nil
	}
	if !s.Finished.IsZero() {
		u.offset, q.asset = s.New.Size, s.Asset
		return u, nil
	}
	look := d.h.p.SessionParts
	if q.writes() {
		look = d.h.p.TrimSession
	}
	if u.parts, err = look(ctx, s); err != nil {
		return nil, q.fail(err)
	}
	u.offset = encoder.Source{Parts: u.parts}.Size()
	if s.New.Size > 0 && u.offset == s.New.Size { // whoever brought the last byte has not come to the end
		return u, u.FinishUpload(ctx)
	}
	return u, nil
}

// AsTerminatableUpload implements handler.TerminaterDataStore.
func (d *dataStore) AsTerminatableUpload(u handler.Upload) handler.TerminatableUpload {
	return u.(*oneUpload)
}

// AsLengthDeclarableUpload implements handler.LengthDeferrerDataStore.
func (d *dataStore) AsLengthDeclarableUpload(u handler.Upload) handler.LengthDeclarableUpload {
	return u.(*oneUpload)
}

func (q *request) terminates() bool { return q.method == http.MethodDelete }
func (q *request) writes() bool     { return q.method == http.MethodPatch }
