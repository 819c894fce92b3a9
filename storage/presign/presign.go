package presign

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/vodkit/vodkit/storage"
)

// MinSecret is the least length of a secret, in bytes.
const MinSecret = 32

// leastPart is the smallest part that a client may wish for, in bytes: S3's.
const leastPart = 5 << 20

// Options shape a [Handler].
type Options struct {
	// PartSize is how many bytes a part has where the client has no wish of its own; there
	// are 1000 parts at most. Defaults to 32 MiB.
	PartSize int64
	// AllowOrigin is the Access-Control-Allow-Origin of every answer: "*", or the origin of
	// the pages. Defaults to "", no header: pages of the same origin only.
	AllowOrigin string
	// Idle is how long a part may bring nothing before it is ended with 408. It replaces the
	// server's ReadTimeout and WriteTimeout while a body is read. Defaults to 1 minute.
	Idle time.Duration
	// Clock tells the time by which URLs end. Defaults to time.Now.
	Clock func() time.Time
	// Logger is told why URLs are refused, and of failures of the Store. Defaults to nil,
	// silent.
	Logger *slog.Logger
}

// Handler makes URLs for uploads to a Store, and answers them. It may be used by many at
// once.
type Handler struct {
	store   storage.Store
	base    string
	secrets [][]byte
	opts    Options
}

var (
	_ storage.Presigner = (*Handler)(nil)
	_ http.Handler      = (*Handler)(nil)
)

// New returns a Handler. base is the URL that it is mounted at, such as
// "https://example.com/direct", or a path for pages that come from the same place. The
// first secret signs, all of them verify, so that one can be replaced while URLs are in
// use. Each has MinSecret random bytes or more.
func New(store storage.Store, base string, secrets [][]byte, opts *Options) (*Handler, error) {
	h := &Handler{store: store, base: strings.TrimRight(base, "/") + "/"}
	if opts != nil {
		h.opts = *opts
	}
	if h.opts.PartSize <= 0 {
		h.opts.PartSize = 32 << 20
	}
	if h.opts.Idle <= 0 {
		h.opts.Idle = time.Minute
	}
	if h.opts.Clock == nil {
		h.opts.Clock = time.Now
	}
	if h.opts.Logger == nil {
		h.opts.Logger = slog.New(slog.DiscardHandler)
	}
	if store == nil || len(secrets) == 0 {
		return nil, errors.New("storage/presign: New needs a store and a secret")
	}
	for _, secret := range secrets {
		if len(secret) < MinSecret || bytes.Count(secret, secret[:1]) == len(secret) {
			return nil, fmt.Errorf("storage/presign: a secret has at least %d random bytes", MinSecret)
		}
		h.secrets = append(h.secrets, bytes.Clone(secret))
	}
	return h, nil
}

// state is the State of an upload.
type state struct {
	Size     int64  `json:"size"`
	PartSize int64  `json:"part_size"`
	Type     string `json:"type,omitempty"`
}

func decodeState(text string) (s state, err error) {
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, fmt.Errorf("its state: %w", err)
	}
	if s.Size <= 0 || s.PartSize <= 0 {
		return s, fmt.Errorf("its state %q says nothing of parts", text)
	}
	return s, nil
}

// Presign implements storage.Presigner.
func (h *Handler) Presign(_ context.Context, prefix string, opts *storage.PresignOptions) (storage.Presigned, error) {
	o, err := opts.Check()
	if err == nil && len(o.ContentType) > maxType {
		err = fmt.Errorf("the content type has %d bytes, at most %d can be used", len(o.ContentType), maxType)
	}
	if err == nil {
		err = storage.CheckKey(storage.PartKey(prefix, o.Size))
	}
	if err != nil {
		return storage.Presigned{}, fmt.Errorf("presign %q: %w", prefix, err)
	}
	size := h.opts.PartSize
	if o.PartSize > 0 {
		size = max(o.PartSize, min(size, leastPart))
	}
	parts := storage.PlanParts(o.Size, size)
	s := state{Size: o.Size, PartSize: parts[0].Size, Type: o.ContentType}
	text, err := json.Marshal(s)
	if err != nil {
		return storage.Presigned{}, fmt.Errorf("presign %q: %w", prefix, err)
	}
	return h.sign(prefix, string(text), s, parts, o.Expiry), nil
}

// sign gives each part a URL.
func (h *Handler) sign(prefix, text string, s state, parts []storage.PresignedPart, expiry time.Duration) storage.Presigned {
	expires := h.opts.Clock().Add(expiry).Truncate(time.Second)
	for i := range parts {
		part := &parts[i]
		part.Header = http.Header{}
		g := grant{
			method: part.Method, expires: expires, size: part.Size, contentType: s.Type, key: storage.PartKey(prefix, part.Offset),
			bound: s.Type != "" && len(parts) == 1, // as S3 has it: the parts of an upload have no types
		}
		if g.bound {
			part.Header.Set("Content-Type", s.Type)
		}
		part.URL = h.base + g.token(h.secrets[0])
	}
	return storage.Presigned{State: text, Parts: parts, Expires: expires}
}

// Renew implements storage.Presigner.
func (h *Handler) Renew(ctx context.Context, prefix, text string, expiry time.Duration) (storage.Presigned, error) {
	s, err := decodeState(text)
	if err != nil {
		return storage.Presigned{}, fmt.Errorf("renew %q: %w", prefix, err)
	}
	parts, _, err := h.look(ctx, prefix, s)
	if err != nil {
		return storage.Presigned{}, fmt.Errorf("renew %q: %w", prefix, err)
	}
	if expiry <= 0 {
		expiry = storage.DefaultExpiry
	}
	return h.sign(prefix, text, s, parts, expiry), nil
}

// Complete implements storage.Presigner.
func (h *Handler) Complete(ctx context.Context, prefix, text string) ([]storage.Info, error) {
	s, err := decodeState(text)
	if err != nil {
		return nil, fmt.Errorf("complete %q: %w", prefix, err)
	}
	parts, objects, err := h.look(ctx, prefix, s)
	if err == nil {
		err = storage.MissingParts(parts)
	}
	if err != nil {
		return nil, fmt.Errorf("complete %q: %w", prefix, err)
	}
	return objects, nil
}

// look returns the parts of an upload, and the objects of those that have come.
func (h *Handler) look(ctx context.Context, prefix string, s state) (parts []storage.PresignedPart, objects []storage.Info, err error) {
	parts = storage.PlanParts(s.Size, s.PartSize)
	at := make(map[string]*storage.PresignedPart, len(parts))
	for i := range parts {
		at[storage.PartKey(prefix, parts[i].Offset)] = &parts[i]
	}
	for info, err := range h.store.List(ctx, prefix) { // in the order of their offsets
		if err != nil {
			return nil, nil, err
		}
		if part := at[info.Key]; part != nil && part.Size == info.Size {
			part.Stored = info.ModTime
			objects = append(objects, info)
		}
	}
	return parts, objects, nil
}

// Abort implements storage.Presigner. The URLs hold on to their end: what comes by them
// later is left to upload.Pipeline.Sweep.
func (h *Handler) Abort(ctx context.Context, prefix, _ string) error {
	var keys []string
	for info, err := range h.store.List(ctx, prefix) {
		if err != nil {
			return fmt.Errorf("abort %q: %w", prefix, err)
		}
		keys = append(keys, info.Key)
	}
	for _, key := range keys {
		if err := h.store.Delete(ctx, key); err != nil {
			return fmt.Errorf("abort %q: %w", prefix, err)
		}
	}
	return nil
}
