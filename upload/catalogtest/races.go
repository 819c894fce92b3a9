package catalogtest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/vodkit/vodkit/upload"
)

const racers = 8

func rounds() int {
	if testing.Short() {
		return 5
	}
	return 20
}

// outcome is what one of several concurrent calls returned.
type outcome struct {
	rev upload.Revision
	err error
}

// race puts several records over handles at once under rev, and returns the one that
// has won: exactly one may, and the others lose with an error that matches loss.
func race(t *testing.T, handles []upload.Catalog, id string, rev upload.Revision, loss error, cfg config) upload.Revision {
	t.Helper()
	results := make([]outcome, racers)
	record := func(i int) upload.Asset {
		a := asset(id)
		a.Name = fmt.Sprint("of writer ", i)
		return a
	}
	parallel(racers, func(i int) {
		r := &results[i]
		r.rev, r.err = handles[i%len(handles)].Put(t.Context(), record(i), rev)
	})
	winner := -1
	for i, r := range results {
		switch {
		case r.err != nil:
			wantErr(t, "concurrent Put", r.err, loss, id)
		case winner >= 0:
			t.Fatalf("two concurrent Puts of %q under one revision %q went well", id, rev)
		default:
			winner = i
		}
	}
	if winner < 0 {
		t.Fatalf("none of the concurrent Puts of %q under revision %q went well", id, rev)
	}
	for _, c := range handles {
		wantRecord(t, c, record(winner), results[winner].rev, cfg)
	}
	return results[winner].rev
}

func testCreateRace(t *testing.T, c upload.Catalog, cfg config) {
	for i := range rounds() {
		race(t, []upload.Catalog{c}, fmt.Sprint("x", i), "", upload.ErrExist, cfg)
	}
}

func testPutRace(t *testing.T, c upload.Catalog, cfg config) {
	rev := put(t, c, asset("x"), "")
	for range rounds() {
		rev = race(t, []upload.Catalog{c}, "x", rev, upload.ErrConflict, cfg)
	}
}

// testDeleteRace lets Puts and Deletes of one revision race: one of the Puts wins and
// nothing is deleted, or no Put does and the record is gone.
func testDeleteRace(t *testing.T, c upload.Catalog, _ config) {
	for i := range rounds() {
		id := fmt.Sprint("x", i)
		rev := put(t, c, asset(id), "")
		results := make([]outcome, racers)
		parallel(racers, func(i int) {
			r := &results[i]
			if i%2 == 0 {
				r.err = c.Delete(t.Context(), id, rev)
			} else {
				r.rev, r.err = c.Put(t.Context(), asset(id), rev)
			}
		})
		puts, deletes := 0, 0
		for i, r := range results {
			switch {
			case r.err != nil:
				wantErr(t, "Put or Delete", r.err, upload.ErrConflict, id)
			case i%2 == 0:
				deletes++
			default:
				puts++
			}
		}
		_, _, err := c.Get(t.Context(), id)
		switch {
		case puts == 1 && deletes == 0 && err == nil:
		case puts == 0 && deletes > 0 && errors.Is(err, upload.ErrNotFound):
		default:
			t.Errorf("of concurrent Puts and Deletes under one revision %d Puts and %d Deletes went well; then Get: %v", puts, deletes, err)
		}
	}
}

func testIncrements(t *testing.T, c upload.Catalog, _ config) {
	put(t, c, finished("x"), "")
	increments(t, []upload.Catalog{c})
}

// increments counts in a record, reading it again where somebody was faster.
func increments(t *testing.T, handles []upload.Catalog) {
	t.Helper()
	each := rounds()
	before, _ := get(t, handles[0], "x")
	parallel(racers, func(i int) {
		c := handles[i%len(handles)]
		for done := 0; done < each && !t.Failed(); {
			a, rev, err := c.Get(t.Context(), "x")
			if err == nil {
				a.Attempts++
				_, err = c.Put(t.Context(), a, rev)
			}
			switch {
			case err == nil:
				done++
			case !errors.Is(err, upload.ErrConflict):
				t.Errorf("Get and Put: %v", err)
			}
		}
	})
	if after, _ := get(t, handles[0], "x"); after.Attempts-before.Attempts != racers*each && !t.Failed() {
		t.Errorf("%d Puts that went well changed the record %d times", racers*each, after.Attempts-before.Attempts)
	}
}
