package upload

import (
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/vodkit/vodkit/progress"
)

// assetView is the JSON form of an asset over HTTP. Durations are seconds.
type assetView struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Tenant   string          `json:"tenant,omitempty"`
	Status   progress.Status `json:"status"`
	Stage    progress.Stage  `json:"stage,omitempty"`
	Attempt  string          `json:"attempt"`
	Queue    int             `json:"queue,omitempty"`
	Fraction float64         `json:"fraction"`
	Position float64         `json:"position,omitempty"`
	Duration float64         `json:"duration"`
	Front    float64         `json:"front"`
	ETA      float64         `json:"eta,omitempty"`
	Speed    float64         `json:"speed,omitempty"`
	Playlist string          `json:"playlist,omitempty"`
	// Poster and Storyboard are URLs, as Playlist is.
	Poster     string            `json:"poster,omitempty"`
	Storyboard string            `json:"storyboard,omitempty"`
	Size       int64             `json:"size"`
	Received   int64             `json:"received,omitempty"` // of Size, while the source is fetched
	Replaced   bool              `json:"replaced,omitempty"` // Asset.Replaced is there
	Priority   int               `json:"priority,omitempty"`
	Profile    string            `json:"profile,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	Error      *progress.Failure `json:"error,omitempty"`
	Warnings   []Warning         `json:"warnings,omitempty"`
	Created    time.Time         `json:"created"`
	Updated    time.Time         `json:"updated"`
	// Completed is when the attempt became COMPLETE.
	Completed time.Time `json:"completed,omitzero"`
}

// listView is the JSON form of a page of assets.
type listView struct {
	Assets []assetView `json:"assets"`
	// Next is what to ask for with ?after=, null on the last page.
	Next *string `json:"next"`
}

// view is the whole form, plainView all of it that says no URLs.
func (h *Handler) view(r *http.Request, a Asset) assetView {
	v := h.plainView(a)
	if a.Playlist != "" {
		v.Playlist = h.mediaURL(r, a.Playlist)
	}
	if a.Poster != "" {
		v.Poster = h.mediaURL(r, a.Poster)
	}
	if a.Storyboard != "" {
		v.Storyboard = h.mediaURL(r, a.Storyboard)
	}
	return v
}

func (h *Handler) plainView(a Asset) assetView {
	v := assetView{
		ID: a.ID, Name: a.Name, Tenant: a.Tenant, Status: a.Status, Stage: a.Stage, Attempt: a.Attempt,
		Fraction: a.Fraction, Position: seconds(a.Position), Duration: seconds(a.Duration), Front: seconds(a.Front),
		Size: a.Size, Replaced: a.Replaced != nil, Priority: a.Priority, Profile: a.Profile, Metadata: a.Metadata, Error: a.Error, Warnings: a.Warnings,
		Created: a.Created, Updated: a.Updated, Completed: a.Completed,
	}
	if a.Fetch != nil {
		v.Received, v.Size = a.Size, max(a.Fetch.Size, a.Fetch.Announced)
	}
	if a.Edited.After(a.Updated) {
		v.Updated = a.Edited
	}
	if e := h.p.state(a); !a.Status.Terminal() {
		v.Queue, v.ETA, v.Speed = e.Queue, seconds(e.ETA), e.Speed
	}
	return v
}

func (h *Handler) mediaURL(r *http.Request, key string) string {
	if h.opts.MediaURL != nil {
		return h.opts.MediaURL(r, key)
	}
	return h.opts.Media + strings.TrimPrefix(key, mediaPrefix)
}

// seconds rounds to milliseconds.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who does not read the answer has gone
}
