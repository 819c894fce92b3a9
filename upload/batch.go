package upload

import (
	"context"
	"errors"
	"fmt"
)

// RetryReport says what Pipeline.RetryAll has done.
type RetryReport struct {
	// Retried counts the assets that have a new attempt, Busy those that waited or ran, and
	// were left alone.
	Retried int `json:"retried"`
	Busy    int `json:"busy"`
	// Next is where to go on, as Query.After: "" where no asset is left.
	Next string `json:"next,omitempty"`
}

// retryPage is how many assets are listed at once, so that no list is read while it changes.
const retryPage = 100

// RetryAll begins a new attempt of each asset that matches q and whose attempt has ended, in
// descending order of their ids. q.Limit bounds how many are looked at, 0 for no bound.
//
// Where the backlog is full it stops with [ErrBacklogFull], as it does where ctx ends or
// the Catalog fails; the report then says what is done and where to go on. An unknown
// profile gives [ErrInvalid] before anything is done. One of several processes that do the
// same finds what the others have begun busy.
func (p *Pipeline) RetryAll(ctx context.Context, q Query, opts *RetryOptions) (RetryReport, error) {
	var o RetryOptions
	if opts != nil {
		o = *opts
	}
	report, err := p.retryAll(ctx, q, o)
	if err != nil {
		return report, fmt.Errorf("retry many: %w", err)
	}
	return report, nil
}

func (p *Pipeline) retryAll(ctx context.Context, q Query, o RetryOptions) (RetryReport, error) {
	var report RetryReport
	if o.Profile != nil {
		if err := p.knownProfile(*o.Profile); err != nil {
			return report, err
		}
	}
	most := q.Limit
	for looked := 0; ; {
		q.Limit = retryPage
		if most > 0 {
			q.Limit = min(q.Limit, most-looked)
		}
		report.Next = q.After
		page, err := p.List(ctx, q)
		if err != nil {
			return report, err
		}
		for _, a := range page {
			if err := p.retryOne(ctx, a, o, &report); err != nil {
				return report, err
			}
			report.Next, q.After = a.ID, a.ID
		}
		if looked += len(page); len(page) < q.Limit {
			report.Next = ""
			return report, nil
		}
		if looked == most {
			return report, nil
		}
	}
}

// retryOne retries an asset that was listed, unless it is busy or gone by now.
func (p *Pipeline) retryOne(ctx context.Context, a Asset, o RetryOptions, report *RetryReport) error {
	err := ErrBusy
	if !a.busy() {
		_, err = p.retry(ctx, a.ID, o)
	}
	switch {
	case err == nil:
		report.Retried++
	case errors.Is(err, ErrBusy):
		report.Busy++
	case !errors.Is(err, ErrNotFound):
		return err
	}
	return nil
}
