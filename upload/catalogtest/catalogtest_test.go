package catalogtest_test

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/upload"
	"github.com/vodkit/vodkit/upload/catalogtest"
)

func TestMain(m *testing.M) {
	if os.Getenv(faultEnv) != "" {
		os.Exit(m.Run()) // what a faulty catalog leaves running is another matter
	}
	goleak.VerifyTestMain(m)
}

const faultEnv = "CATALOGTEST_FAULT"

func TestRun(t *testing.T) {
	fault := os.Getenv(faultEnv)
	limit := 30 * time.Second
	if fault != "" {
		limit = 2 * time.Second // what never comes need not be waited for
	}
	another := func(b *backend) upload.Catalog { return &catalog{backend: b, fault: fault, cache: map[string]row{}} }
	catalogtest.Run(t, func(*testing.T) upload.Catalog { return another(newBackend()) },
		catalogtest.Quiet(100*time.Millisecond), catalogtest.Limit(limit), catalogtest.Records(500),
		catalogtest.Second(func(_ *testing.T, first upload.Catalog) upload.Catalog { return another(first.(*catalog).backend) }),
		catalogtest.Reopen(func(_ *testing.T, old upload.Catalog) upload.Catalog {
			next := another(old.(*catalog).backend).(*catalog)
			if fault == "restart" {
				for id, r := range next.rows {
					if a := next.asset(r); a.Owner != "" {
						delete(next.rows, id)
					}
				}
			}
			return next
		}))
}

// The suite has to find what is wrong with a Catalog.
func TestRunFindsFaults(t *testing.T) {
	if os.Getenv(faultEnv) != "" {
		t.Skip("this is the run with a fault")
	}
	for fault, found := range map[string]string{
		"upsert":        "CreateRace",
		"revive":        "Missing",
		"missing":       "Missing",
		"delete":        "Delete",
		"reused":        "Delete",
		"content":       "Put",
		"lost update":   "PutRace",
		"column":        "EveryField",
		"update":        "EveryField",
		"float":         "EveryField",
		"seconds":       "EveryField",
		"text":          "OddText",
		"length":        "LargeRecord",
		"case":          "OddIDs",
		"collation":     "OddIDs",
		"alias":         "Memory",
		"ctx":           "Cancelled",
		"order":         "ClaimOrder",
		"intents":       "ClaimOrder",
		"priority":      "ClaimOrder",
		"text times":    "ClaimOrderOfTimes",
		"claim":         "ClaimWrites",
		"claimed lease": "ClaimWrites",
		"empty":         "ClaimWaits",
		"deaf":          "ClaimWaits",
		"asleep":        "ClaimWakes",
		"due":           "ClaimDue",
		"double claim":  "ClaimsExclude",
		"lost claim":    "CancelledClaims",
		"forever":       "LeaseEnds",
		"lease":         "LeaseEnds",
		"renewal":       "LeaseRenewed",
		"ascending":     "ListOrder",
		"status":        "ListFilters",
		"tenant":        "ListFilters",
		"profile":       "ListNarrows",
		"name":          "ListNarrows",
		"metadata":      "ListNarrows",
		"since":         "ListNarrows",
		"until":         "ListNarrows",
		"limit first":   "ListFilters",
		"inclusive":     "ListFilters",
		"errors":        "ListStops",
		"break":         "ListStops",
		"locked list":   "ListStops",
		"cache":         "SecondReads",
		"restart":       "Reopen",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.short", "-test.run=TestRun$/^"+found+"$")
			cmd.Env = append(os.Environ(), faultEnv+"="+fault)
			output, err := cmd.CombinedOutput()
			assert.Error(t, err, fault)
			assert.Contains(t, string(output), "--- FAIL: TestRun/"+found, fault)
		})
	}
}
