package upload

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/progress"
)

// AssetVersion is the version of the record that this package writes. Records of
// older versions are read; a newer one gives [ErrVersion].
const AssetVersion = 1

// Asset is the record of one video that someone uploaded: what a [Catalog] keeps. In
// its JSON form durations are nanoseconds, as in [encoder.Media]; what the HTTP
// handler answers is another form, with seconds.
type Asset struct {
	// Version is the record's schema, AssetVersion.
	Version int    `json:"version"`
	ID      string `json:"id"`
	// Tenant is who it belongs to, in the host's terms; "" where the host has none.
	Tenant string `json:"tenant,omitempty"`
	// Name is for people. It is never part of a key.
	Name string `json:"name,omitempty"`
	// Priority orders what waits: higher first, 0 by default.
	Priority    int               `json:"priority,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Profile     string            `json:"profile,omitempty"`      // of Options.Profiles, "" for Options.Plan
	ContentType string            `json:"content_type,omitempty"` // as the uploader said

	Source encoder.Source `json:"source"`
	Size   int64          `json:"size"` // bytes of Source
	// External says that the source belongs to the host: deleting the asset leaves it.
	External bool `json:"external,omitempty"`
	// Replaced is the source of the published video while Source, which has taken its place,
	// has not been encoded whole. Nil where there is none.
	Replaced *ReplacedSource `json:"replaced,omitempty"`
	// Fetch is where the rest of the source comes from, nil once all of it is there.
	Fetch *Fetch `json:"fetch,omitempty"`
	// Media is what the probe said, nil before.
	Media *encoder.Media `json:"media,omitempty"`

	Status progress.Status `json:"status"`
	Stage  progress.Stage  `json:"stage,omitempty"`
	// Attempt names the encoding that Status tells of, Attempts counts them from 1.
	Attempt  string `json:"attempt"`
	Attempts int    `json:"attempts"`
	// Runs counts how often the attempt has been started: automatic retries and restarts
	// of the process run the same attempt again.
	Runs int `json:"runs,omitempty"`
	// Failures counts the runs of the attempt that failed; Options.Retries bounds it.
	Failures int `json:"failures,omitempty"`
	// Uncopied says that nothing is copied from the source (encoder.PlanOptions.Copy) because
	// a run has failed on what may have been that.
	Uncopied bool `json:"uncopied,omitempty"`
	// Output is the key prefix of the current run's objects, and Published that of the
	// run that the multivariant playlist points at, or is about to. "" where there is
	// none.
	Output    string `json:"output,omitempty"`
	Published string `json:"published,omitempty"`
	// Playlist is the multivariant playlist's key, once the video can be played. It stays
	// when a later attempt fails.
	Playlist string `json:"playlist,omitempty"`
	// Master is the multivariant playlist of Published, byte for byte: what is in the
	// Store, or is about to be.
	Master string `json:"master,omitempty"`
	// Poster is the key of a JPEG that stands for the published video, and Storyboard that
	// of the WebVTT file which says what picture to show for which time (see package
	// hls/stills). They are there once the attempt is whole, where Options.Plan has Stills and the source has a
	// picture; else they are "".
	Poster     string `json:"poster,omitempty"`
	Storyboard string `json:"storyboard,omitempty"`
	// Superseded are the key prefixes of runs that were published before Published. They
	// stay for Options.KeepSuperseded.
	Superseded []string `json:"superseded,omitempty"`
	// Stray says that a run of the asset was taken over from a process that may only have
	// stood still, and may write the multivariant playlist yet.
	Stray bool `json:"stray,omitempty"`

	// Fraction, Position and Duration tell how far the attempt is; Front how far the
	// published video can be played. While an asset runs, records lag by some seconds.
	Fraction float64           `json:"fraction,omitempty"`
	Position time.Duration     `json:"position,omitempty"`
	Front    time.Duration     `json:"front,omitempty"`
	Duration time.Duration     `json:"duration,omitempty"`
	Error    *progress.Failure `json:"error,omitempty"` // nil unless Status is ERROR

	// Warnings are what whoever uploaded the video should know although it is COMPLETE.
	Warnings []Warning `json:"warnings,omitempty"`

	Created   time.Time `json:"created"`
	Updated   time.Time `json:"updated"`            // but for what Pipeline.Update changes
	Edited    time.Time `json:"edited,omitzero"`    // when Pipeline.Update last changed it
	Completed time.Time `json:"completed,omitzero"` // when the attempt became COMPLETE

	// Due is when the asset may be claimed, zero for at once: a retry waits a little.
	Due time.Time `json:"due,omitzero"`
	// Owner is who works on the asset, and Lease until when that holds unless renewed.
	Owner string    `json:"owner,omitempty"`
	Lease time.Time `json:"lease,omitzero"`
	// Intent is what someone wants to happen to the asset, durable before it begins.
	Intent Intent `json:"intent,omitempty"`
}

// ReplacedSource is a source that another one has taken the place of. It takes room beside
// that.
type ReplacedSource struct {
	Source      encoder.Source `json:"source"`
	External    bool           `json:"external,omitempty"`     // as Asset.External
	ContentType string         `json:"content_type,omitempty"` // as Asset.ContentType
}

// Warning is something about an asset that did not keep it from becoming COMPLETE.
type Warning struct {
	// Code is one of those of failures, such as [encoder.CodeTruncated].
	Code string `json:"code"`
	// Message is a sentence for people.
	Message string `json:"message"`
}

// Intent is a wish that a Catalog keeps until it is done.
type Intent string

// The intents.
const (
	IntentNone   Intent = ""
	IntentCancel Intent = "cancel"
	IntentDelete Intent = "delete"
	// IntentTidy is the Pipeline's own, once an attempt has ended: when Due has passed,
	// what is superseded is removed, and the multivariant playlist looked at.
	IntentTidy Intent = "tidy"
)

// Unfinished says that there is something left to do: the attempt has not ended, or
// an intent is open. A Catalog's Claim hands out these and no others.
func (a Asset) Unfinished() bool { return !a.Status.Terminal() || a.Intent != IntentNone }

// busy says that the attempt has not ended, or that the asset is to be deleted.
func (a Asset) busy() bool {
	return !a.Status.Terminal() || a.Intent != IntentNone && a.Intent != IntentTidy
}

// Event returns what the record says as an event.
func (a Asset) Event() progress.Event {
	return progress.Event{
		Asset: a.ID, Tenant: a.Tenant, Attempt: a.Attempt,
		Status: a.Status, Stage: a.Stage, Fraction: a.Fraction,
		Position: a.Position, Duration: a.Duration, Front: a.Front,
		Playlist: a.Playlist, Error: a.Error, Time: a.Updated,
	}
}

// clone returns a copy that shares no map, slice or pointer that this package writes.
func (a Asset) clone() Asset {
	if a.Metadata != nil {
		m := make(map[string]string, len(a.Metadata))
		for k, v := range a.Metadata {
			m[k] = v
		}
		a.Metadata = m
	}
	a.Source.Parts = append([]encoder.Part(nil), a.Source.Parts...)
	if a.Replaced != nil {
		r := *a.Replaced
		r.Source.Parts = append([]encoder.Part(nil), r.Source.Parts...)
		a.Replaced = &r
	}
	a.Warnings = append([]Warning(nil), a.Warnings...)
	a.Superseded = append([]string(nil), a.Superseded...)
	if a.Media != nil {
		m := *a.Media
		m.Streams = append([]encoder.Stream(nil), m.Streams...)
		a.Media = &m
	}
	if a.Fetch != nil {
		f := *a.Fetch
		a.Fetch = &f
	}
	if a.Error != nil {
		e := *a.Error
		a.Error = &e
	}
	return a
}

// errRecord says that the bytes of a record are none.
var errRecord = errors.New("decode asset record")

// DecodeAsset reads a record that was written as JSON. A record of a newer version
// gives [ErrVersion]; catalogs of your own can call it to get the same refusal.
func DecodeAsset(data []byte) (Asset, error) {
	var v struct {
		Version int    `json:"version"`
		ID      string `json:"id"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return Asset{}, fmt.Errorf("%w: %w", errRecord, err)
	}
	if v.Version > AssetVersion {
		return Asset{}, fmt.Errorf("%w %q: %w: it has version %d and this vodkit reads up to %d; run a newer vodkit",
			errRecord, v.ID, ErrVersion, v.Version, AssetVersion)
	}
	if v.Version < 1 {
		return Asset{}, fmt.Errorf("%w %q: it has no version", errRecord, v.ID)
	}
	var a Asset
	if err := json.Unmarshal(data, &a); err != nil {
		return Asset{}, fmt.Errorf("%w %q: %w", errRecord, v.ID, err)
	}
	if err := ValidID(a.ID); err != nil {
		return Asset{}, fmt.Errorf("%w: %w", errRecord, err)
	}
	switch a.Status {
	case progress.Ready, progress.Running, progress.Complete, progress.Error:
	default:
		return Asset{}, fmt.Errorf("%w %q: unknown status %q", errRecord, a.ID, a.Status)
	}
	return a, nil
}
