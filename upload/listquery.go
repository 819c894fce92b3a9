package upload

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vodkit/vodkit/progress"
)

// Limits of a page of assets.
const (
	pageSize    = 50
	maxPageSize = 200
)

// statuses are the values of status.
var statuses = [...]progress.Status{progress.Ready, progress.Running, progress.Complete, progress.Error}

// listQuery reads the query of a list. What it does not know is ignored.
func listQuery(r *http.Request) (Query, error) {
	v := r.URL.Query()
	q := Query{Limit: pageSize, After: v.Get("after"), Profile: v.Get("profile"), Name: v.Get("name"), Metadata: metadataOf(v)}
	if s := v.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return q, invalid("limit is a number from 1 to %d.", maxPageSize)
		}
		q.Limit = min(n, maxPageSize)
	}
	var err error
	if q.Status, err = parseStatus(v.Get("status")); err != nil {
		return q, err
	}
	if q.CreatedAfter, err = parseTime(v, "created_after"); err != nil {
		return q, err
	}
	q.CreatedBefore, err = parseTime(v, "created_before")
	return q, err
}

// parseStatus reads one of the statuses, "" for all.
func parseStatus(s string) (progress.Status, error) {
	status := progress.Status(strings.ToUpper(s))
	if s != "" && !slices.Contains(statuses[:], status) {
		return "", invalid("status is one of READY, RUNNING, COMPLETE and ERROR.")
	}
	return status, nil
}

// parseTime reads a time, zero where there is none.
func parseTime(v url.Values, name string) (time.Time, error) {
	s := v.Get(name)
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, invalid("%s is a time such as 2026-01-02T03:04:05Z, with its plus signs as %%2B.", name)
	}
	return t, nil
}

// metadataOf reads the entries that assets are to have, in fields as those of uploads.
func metadataOf(v url.Values) (m map[string]string) {
	for name := range v {
		if key, ok := strings.CutPrefix(name, metadataField); ok {
			if m == nil {
				m = map[string]string{}
			}
			m[key] = v.Get(name)
		}
	}
	return m
}
