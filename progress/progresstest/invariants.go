package progresstest

import (
	"errors"
	"fmt"
	"math"

	"github.com/vodkit/vodkit/progress"
)

// CheckInvariants returns an error that joins every breach of what progress.Event
// promises in events, which are those of any number of assets in the order in which
// they were reported; nil for none. It checks that
//
//   - every event names its asset, a known status and a time; numbers are finite, not
//     negative, and Fraction is 1 exactly when COMPLETE;
//   - Error is set exactly when ERROR, and has a code and a message; a terminal event
//     has no Stage, no ETA and no place in the queue;
//   - within one attempt Fraction, Position and Front never go back;
//   - an attempt has at most one terminal event, which is its last, exactly one where
//     another attempt of the asset follows, and attempts don't interleave.
//
// Whether the last attempt of each asset has ended is for the test to say.
func CheckInvariants(events []progress.Event) error {
	var errs []error
	assets := make(map[string]*assetHistory)
	for i, e := range events {
		h := assets[e.Asset]
		if h == nil {
			h = &assetHistory{seen: make(map[string]bool)}
			assets[e.Asset] = h
		}
		for _, err := range append(checkEvent(e), h.next(e)...) {
			errs = append(errs, fmt.Errorf("event %d, %s: %w", i, describe(e), err))
		}
	}
	return errors.Join(errs...)
}

func checkEvent(e progress.Event) (errs []error) {
	breach := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	breach(e.Asset == "", "no asset")
	breach(e.Time.IsZero(), "no time")
	switch e.Status {
	case progress.Ready, progress.Running, progress.Complete, progress.Error:
	default:
		breach(true, "unknown status %q", e.Status)
	}
	breach(math.IsNaN(e.Fraction) || e.Fraction < 0 || e.Fraction > 1, "fraction %v is not from 0 to 1", e.Fraction)
	breach((e.Fraction == 1) != (e.Status == progress.Complete), "fraction %v in status %s", e.Fraction, e.Status)
	breach(math.IsNaN(e.Speed) || math.IsInf(e.Speed, 0) || e.Speed < 0, "speed %v", e.Speed)
	breach(e.Position < 0 || e.Duration < 0 || e.Front < 0 || e.ETA < 0,
		"negative: position %v, duration %v, front %v or ETA %v", e.Position, e.Duration, e.Front, e.ETA)
	breach(e.Queue < 0, "negative place in the queue")
	breach((e.Error != nil) != (e.Status == progress.Error), "error %v in status %s", e.Error, e.Status)
	breach(e.Error != nil && (e.Error.Code == "" || e.Error.Message == ""), "error without code or message: %+v", e.Error)
	breach(e.Status.Terminal() && (e.Stage != "" || e.ETA != 0 || e.Queue != 0),
		"terminal, with stage %q, ETA %v or place %d in the queue", e.Stage, e.ETA, e.Queue)
	return errs
}

// assetHistory is what has been seen of one asset.
type assetHistory struct {
	last progress.Event
	seen map[string]bool // attempts before last's
}

// next checks what e may not do behind the events before it.
func (h *assetHistory) next(e progress.Event) (errs []error) {
	last := h.last
	h.last = e
	if last.Status == "" {
		return nil
	}
	if e.Attempt != last.Attempt {
		if last.Attempt != "" {
			h.seen[last.Attempt] = true
			if !last.Status.Terminal() {
				errs = append(errs, fmt.Errorf("attempt %q follows %q, which has no terminal event", e.Attempt, last.Attempt))
			}
		}
		if h.seen[e.Attempt] {
			errs = append(errs, fmt.Errorf("attempt %q comes back after %q", e.Attempt, last.Attempt))
		}
		return errs
	}
	if last.Status.Terminal() && (e.Attempt != "" || e.Status != progress.Ready) {
		return append(errs, fmt.Errorf("attempt %q goes on behind its terminal event", e.Attempt))
	}
	if last.Status.Terminal() {
		return errs
	}
	if e.Fraction < last.Fraction {
		errs = append(errs, fmt.Errorf("fraction goes back from %v", last.Fraction))
	}
	if e.Position < last.Position {
		errs = append(errs, fmt.Errorf("position goes back from %v", last.Position))
	}
	if e.Front < last.Front {
		errs = append(errs, fmt.Errorf("front goes back from %v", last.Front))
	}
	return errs
}
