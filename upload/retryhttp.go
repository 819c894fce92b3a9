package upload

import (
	"errors"
	"net/http"
	"time"
)

// retryBody is the JSON that a retry may have.
type retryBody struct {
	Profile  *string `json:"profile"`
	Priority *int    `json:"priority"`
}

// options asks the host about what the body asks for, and answers where it says no.
func (b retryBody) options(h *Handler, w http.ResponseWriter, r *http.Request, asset string) (*RetryOptions, bool) {
	if b.Profile != nil && !h.allowed(w, r, ActionProfile, asset) ||
		b.Priority != nil && !h.allowed(w, r, ActionUpdate, asset) {
		return nil, false
	}
	return &RetryOptions{Profile: b.Profile, Priority: b.Priority}, true
}

func (h *Handler) retry(w http.ResponseWriter, r *http.Request, at place) {
	if _, ok := h.find(w, r, ActionUpload, at.id); !ok {
		return
	}
	var body retryBody
	if r.ContentLength != 0 { // it may have none
		if err := h.readExactly(w, r, &body); err != nil {
			h.refuse(w, r, err)
			return
		}
	}
	opts, ok := body.options(h, w, r, at.id)
	if !ok {
		return
	}
	a, err := h.p.RetryWith(r.Context(), at.id, opts)
	h.accepted(w, r, at, a, err)
}

// Limits of a batch over HTTP: it is answered when all is begun.
const (
	batchSize    = 1000
	maxBatchSize = 10_000
)

// batchBody is the JSON of a batch: which assets, and what of them is to change.
type batchBody struct {
	retryBody
	Status        string            `json:"status"`
	FromProfile   string            `json:"from_profile"`
	Name          string            `json:"name"`
	Metadata      map[string]string `json:"metadata"`
	CreatedAfter  time.Time         `json:"created_after"`
	CreatedBefore time.Time         `json:"created_before"`
	After         string            `json:"after"`
	Limit         int               `json:"limit"`
}

// query returns which assets the body asks for.
func (b batchBody) query() (Query, error) {
	q := Query{
		Profile: b.FromProfile, Name: b.Name, Metadata: b.Metadata,
		CreatedAfter: b.CreatedAfter, CreatedBefore: b.CreatedBefore, After: b.After, Limit: batchSize,
	}
	if b.Limit != 0 {
		q.Limit = min(b.Limit, maxBatchSize)
	}
	if q.Limit < 1 {
		return q, invalid("limit is a number from 1 to %d.", maxBatchSize)
	}
	var err error
	q.Status, err = parseStatus(b.Status)
	return q, err
}

// batchView is the JSON form of a RetryReport.
type batchView struct {
	Retried int `json:"retried"`
	Busy    int `json:"busy"`
	// Next is what to go on with as "after", null where no asset is left.
	Next *string `json:"next"`
}

// retryAll answers POST /retry.
func (h *Handler) retryAll(w http.ResponseWriter, r *http.Request, _ place) {
	if !h.allowed(w, r, ActionBatch, "") {
		return
	}
	var body batchBody
	q := Query{}
	err := h.readExactly(w, r, &body)
	if err == nil {
		q, err = body.query()
	}
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	opts, ok := body.options(h, w, r, "")
	if !ok {
		return
	}
	q.Tenant = h.tenant(r)
	report, err := h.p.RetryAll(r.Context(), q, opts)
	// A backlog that was filled by this is no failure: the rest is for later.
	if err != nil && (!errors.Is(err, ErrBacklogFull) || report.Retried == 0) {
		h.refuse(w, r, err)
		return
	}
	view := batchView{Retried: report.Retried, Busy: report.Busy}
	if err != nil || report.Next != "" {
		view.Next = &report.Next
	}
	if err != nil {
		w.Header().Set("Retry-After", "60")
	}
	writeJSON(w, http.StatusAccepted, view)
}
