package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

func testListOrder(t *testing.T, c upload.Catalog, _ config) {
	wantList(t, c, upload.Query{})
	for _, id := range []string{"m", "c", "x", "a", "z", "k"} { // neither in order nor in that of their times
		a := finished(id)
		a.Created = epoch.Add(time.Duration(id[0]%7) * time.Hour)
		put(t, c, a, "")
	}
	wantList(t, c, upload.Query{}, "z", "x", "m", "k", "c", "a")
	a, rev := get(t, c, "c")
	put(t, c, a, rev)
	_, rev = get(t, c, "m")
	if err := c.Delete(t.Context(), "m", rev); err != nil {
		t.Errorf("Delete: %v", err)
	}
	put(t, c, asset("kk"), "")
	wantList(t, c, upload.Query{}, "z", "x", "kk", "k", "c", "a")
}

func testListFilters(t *testing.T, c upload.Catalog, _ config) {
	statuses := []progress.Status{progress.Ready, progress.Running, progress.Complete, progress.Error}
	tenants := []string{"", "one", "two"}
	var all []upload.Asset
	for i := range 24 {
		a := asset(fmt.Sprintf("x%02d", i))
		a.Status, a.Tenant = statuses[i%4], tenants[i%3]
		if a.Status.Terminal() && i%5 == 0 {
			a.Intent = upload.IntentDelete // unfinished, and of its status all the same
		}
		put(t, c, a, "")
		all = append([]upload.Asset{a}, all...)
	}
	for _, status := range append(statuses, "") {
		for _, tenant := range append(tenants, "three", "ONE", "o%") {
			for _, after := range []string{"", "x20", "x131", "x00", "a", "y"} {
				for _, limit := range []int{0, 1, 2, 100} {
					q := upload.Query{Status: status, Tenant: tenant, After: after, Limit: limit}
					var want []string
					for _, a := range all {
						if (status == "" || a.Status == status) && (tenant == "" || a.Tenant == tenant) &&
							(after == "" || a.ID < after) && (limit == 0 || len(want) < limit) {
							want = append(want, a.ID)
						}
					}
					wantList(t, c, q, want...)
				}
			}
		}
	}
	// A record that changes is found under what it is now.
	a, rev := get(t, c, "x00")
	a.Status, a.Tenant = progress.Complete, "four"
	put(t, c, a, rev)
	wantList(t, c, upload.Query{Tenant: "four"}, "x00")
	wantList(t, c, upload.Query{Status: progress.Ready}, "x20", "x16", "x12", "x08", "x04")
}

// testListNarrows asks for what upload.Query.Matches knows: names, times, metadata, profiles.
func testListNarrows(t *testing.T, c upload.Catalog, _ config) {
	names := []string{"Film.mp4", "a FILM of 100%", "", "Übung_1", "übung21"}
	hour := func(n int) time.Time { return epoch.Add(time.Duration(n) * time.Hour) }
	var all []upload.Asset
	for i := range 20 {
		a := finished(fmt.Sprintf("x%02d", i))
		a.Name, a.Created, a.Profile = names[i%5], hour(i%7), []string{"", "hd"}[i%2]
		if i%3 > 0 {
			a.Metadata = map[string]string{"album": []string{"", "summer"}[i%2], "k": fmt.Sprint(i % 4)}
		}
		put(t, c, a, "")
		all = append([]upload.Asset{a}, all...)
	}
	for _, q := range []upload.Query{
		{Profile: "hd"}, {Profile: "HD"}, {Profile: "h%"},
		{Name: "film"}, {Name: "FILM.MP4"}, {Name: "100%"}, {Name: "_1"}, {Name: "ÜBUNG"}, {Name: "%"}, {Name: "other"},
		{Metadata: map[string]string{"album": "summer"}}, {Metadata: map[string]string{"album": ""}}, {Metadata: map[string]string{"none": ""}},
		{Metadata: map[string]string{"album": "summer", "k": "1"}}, {Metadata: map[string]string{}},
		{CreatedAfter: hour(2)}, {CreatedBefore: hour(2)}, {CreatedAfter: hour(1), CreatedBefore: hour(3)}, {CreatedAfter: hour(9)},
		{CreatedAfter: hour(1).In(time.FixedZone("", 3600)), Profile: "hd", Name: "m", Metadata: map[string]string{"album": "summer"}},
	} {
		for _, after := range []string{"", "x11"} {
			for _, limit := range []int{0, 2} {
				q.After, q.Limit = after, limit
				var want []string
				for _, a := range all {
					if q.Matches(a) && (limit == 0 || len(want) < limit) {
						want = append(want, a.ID)
					}
				}
				wantList(t, c, q, want...)
			}
		}
	}
}

// testListPages walks with After and Limit, as a browser does, while records come and
// go behind and before it.
func testListPages(t *testing.T, c upload.Catalog, _ config) {
	for i := range 30 {
		put(t, c, finished(fmt.Sprintf("x%02d", i)), "")
	}
	var got []string
	q := upload.Query{Limit: 4}
	for page := 0; ; page++ {
		ids, err := list(t.Context(), t, c, q)
		if err != nil {
			t.Fatalf("List %+v: %v", q, err)
		}
		got = append(got, ids...)
		if len(ids) < q.Limit {
			break
		}
		q.After = ids[len(ids)-1]
		if _, rev, err := c.Get(t.Context(), q.After); err == nil { // the place where it goes on is gone
			if err := c.Delete(t.Context(), q.After, rev); err != nil {
				t.Errorf("Delete: %v", err)
			}
		}
		put(t, c, finished(fmt.Sprint("y", page)), "")
	}
	if len(got) != 30 || !slices.IsSortedFunc(got, func(a, b string) int { return -compareIDs(a, b) }) {
		t.Errorf("pages of %d: %v, want each of x29 to x00", q.Limit, got)
	}
}

func compareIDs(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// testListStops leaves lists early, uses the catalog within one, and ends its ctx.
func testListStops(t *testing.T, c upload.Catalog, cfg config) {
	for i := range 20 {
		put(t, c, finished(fmt.Sprintf("x%02d", i)), "")
	}
	for range 50 { // what a list holds is given back
		for range c.List(t.Context(), upload.Query{}) {
			break
		}
	}
	within := make(chan error, 1)
	go func() {
		for a, err := range c.List(t.Context(), upload.Query{Limit: 3}) {
			if err == nil {
				var rev upload.Revision
				if a, rev, err = c.Get(t.Context(), a.ID); err == nil {
					a.Name = "changed within List"
					_, err = c.Put(t.Context(), a, rev)
				}
			}
			if err != nil {
				within <- err
				return
			}
		}
		within <- nil
	}()
	select {
	case err := <-within:
		if err != nil {
			t.Errorf("Get and Put within List: %v", err)
		}
	case <-time.After(cfg.limit):
		t.Fatal("Get and Put within List hang")
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var failed error
	for _, err := range c.List(ctx, upload.Query{}) {
		if failed != nil {
			t.Errorf("List goes on behind its error %v", failed)
			break
		}
		if failed = err; err == nil {
			n++
		}
		cancel()
	}
	if failed == nil && n != 20 { // what it has read it may yield
		t.Errorf("List whose ctx was cancelled yielded %d of 20 and no error", n)
	} else if failed != nil && !errors.Is(failed, context.Canceled) {
		t.Errorf("List whose ctx was cancelled: %v, want %v", failed, context.Canceled)
	}
	wantRecord(t, c, finished("x00"), revision(t, c, "x00"), cfg)
}

func revision(t *testing.T, c upload.Catalog, id string) upload.Revision {
	t.Helper()
	_, rev := get(t, c, id)
	return rev
}

// testListDuringWrites wants what stays to be listed, once and in order, whatever comes
// and goes meanwhile.
func testListDuringWrites(t *testing.T, c upload.Catalog, _ config) {
	const stay = 20
	for i := range stay {
		put(t, c, finished(fmt.Sprintf("x%02d", i)), "")
	}
	parallel(3, func(who int) {
		for i := range rounds() {
			if who == 0 {
				ids, err := list(t.Context(), t, c, upload.Query{})
				n := 0
				for j, id := range ids {
					if len(id) == 3 {
						n++
					}
					if j > 0 && ids[j-1] <= id {
						t.Errorf("List yields %q behind %q", id, ids[j-1])
					}
				}
				if err != nil || n != stay {
					t.Errorf("List during writes yielded %d of the %d records that stay, %v", n, stay, err)
				}
				continue
			}
			id := fmt.Sprintf("x%02d-%d-%d", i%stay, who, i)
			if rev := put(t, c, finished(id), ""); i%2 == 0 {
				if err := c.Delete(t.Context(), id, rev); err != nil {
					t.Errorf("Delete: %v", err)
				}
			}
		}
	})
}

// testMany has few unfinished assets among many finished ones.
func testMany(t *testing.T, c upload.Catalog, cfg config) {
	every := max(cfg.many/5, 1)
	id := func(i int) string { return fmt.Sprintf("x%07d", i) }
	var all, due []string
	parallel(4, func(part int) {
		for i := part; i < cfg.many && !t.Failed(); i += 4 {
			a := finished(id(i))
			if i%every == 0 {
				a = asset(id(i))
			}
			a.Created = epoch.Add(time.Duration(i) * time.Second)
			if _, err := c.Put(t.Context(), a, ""); err != nil {
				t.Errorf("Put: %v", err)
			}
		}
	})
	for i := range cfg.many {
		all = append([]string{id(i)}, all...)
		if i%every == 0 {
			due = append(due, id(i))
		}
	}
	wantList(t, c, upload.Query{}, all...)
	middle := len(all) / 2
	wantList(t, c, upload.Query{After: all[middle], Limit: 10}, all[middle+1:min(middle+11, len(all))]...)
	newestFirst := slices.Clone(due)
	slices.Reverse(newestFirst)
	wantList(t, c, upload.Query{Status: progress.Ready}, newestFirst...)
	for _, want := range due {
		claim(t, c, "me", long, want, cfg)
	}
	wantNone(t, c, cfg)
}
