package invariant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

// Ledger is what clients were told, and what they had asked for when nobody answered
// any more. Processes that may be killed write it as lines:
//
//	accepted <id> <attempt>     an upload was answered 202
//	retry <id>                  a retry is asked for
//	retried <id> <attempt>      it was answered 202
//	delete <id>                 a deletion is asked for
//	deleted <id>                it was answered 204
//	event <id> <attempt> <status>
//
// The zero value is empty. Its methods may be called concurrently.
type Ledger struct {
	mu     sync.Mutex
	assets map[string]*account
	lines  int
}

type account struct {
	attempt          string
	retry            bool // asked for and not answered
	delete           bool // asked for
	deleted          bool
	complete, failed map[string]int // events by attempt
}

// Line takes a line; another than those above is no part of the ledger and false.
func (l *Ledger) Line(line string) bool {
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	id, rest, _ := strings.Cut(rest, " ")
	attempt, status, _ := strings.Cut(rest, " ")
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.assets[id]
	if a == nil {
		a = &account{complete: map[string]int{}, failed: map[string]int{}}
	}
	switch word {
	case "accepted":
		a.attempt = attempt
	case "retry":
		a.retry = true
	case "retried":
		a.attempt, a.retry = attempt, false
	case "delete":
		a.delete = true
	case "deleted":
		a.deleted = true
	case "event":
		switch progress.Status(status) {
		case progress.Complete:
			a.complete[attempt]++
		case progress.Error:
			a.failed[attempt]++
		}
	default:
		return false
	}
	if l.assets == nil {
		l.assets = map[string]*account{}
	}
	l.assets[id] = a
	l.lines++
	return true
}

// Counts are how many uploads were accepted, deletions answered, and attempts told
// COMPLETE.
type Counts struct{ Accepted, Deleted, Complete int }

// Counts counts.
func (l *Ledger) Counts() (n Counts) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.assets {
		if a.attempt != "" {
			n.Accepted++
		}
		if a.deleted {
			n.Deleted++
		}
		n.Complete += len(a.complete)
	}
	return n
}

// Broken returns what is not as clients were told, once nothing is left to do: what was
// accepted is COMPLETE, and was told so once at most; what was deleted is gone.
func (l *Ledger) Broken(ctx context.Context, catalog upload.Catalog) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var broken []string
	say := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	for id, a := range l.assets {
		got, _, err := catalog.Get(ctx, id)
		gone := errors.Is(err, upload.ErrNotFound)
		switch {
		case err != nil && !gone:
			return broken, err
		case a.deleted && !gone:
			say("Asset %s was deleted and is %s.", id, got.Status)
		case gone && !a.delete && a.attempt != "":
			say("Asset %s was accepted and is lost.", id)
		case gone:
		case got.Status != progress.Complete:
			say("Asset %s was accepted and is %s: %+v.", id, got.Status, got.Error)
		case a.attempt != "" && got.Attempt != a.attempt && !a.retry:
			say("Asset %s has attempt %s, and %s was accepted.", id, got.Attempt, a.attempt)
		}
		for attempt, n := range a.complete {
			if n > 1 || n == 1 && a.failed[attempt] > 0 {
				say("Attempt %s of asset %s was told COMPLETE %d times and ERROR %d times.", attempt, id, n, a.failed[attempt])
			}
		}
	}
	return broken, nil
}
