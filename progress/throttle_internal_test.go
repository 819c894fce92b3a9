package progress

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// What is kept cannot be seen from outside.
func TestThrottleForgetsAssets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Throttle(SinkFunc(func(context.Context, Event) {}), time.Second)
		for i := range 10_000 {
			s.Report(t.Context(), Event{Asset: fmt.Sprint(i), Status: Running})
			time.Sleep(10 * time.Millisecond) // 100 assets an interval
		}
		assert.LessOrEqual(t, len(s.passed), 400)
		before := len(s.passed)
		s.Report(t.Context(), Event{Asset: "9999", Status: Complete})
		assert.Len(t, s.passed, before-1)
	})
}

func TestRecentIsBounded(t *testing.T) {
	var r recent
	for i := range 5 * generation {
		assert.True(t, r.add(fmt.Sprint(i), "1"))
	}
	assert.LessOrEqual(t, len(r.young)+len(r.old), 2*generation)
	assert.False(t, r.add(fmt.Sprint(5*generation-1), "1"))
	assert.False(t, r.add(fmt.Sprint(4*generation), "1"), "the last generation is remembered whole")
	assert.True(t, r.add(fmt.Sprint(5*generation-1), "2"))
}
