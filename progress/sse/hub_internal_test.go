package sse

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/progress"
)

// What is kept cannot be seen from outside.
func TestStatesAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(&Options{Retain: time.Minute})
		report := func(asset string, status progress.Status) {
			h.Report(t.Context(), progress.Event{Asset: asset, Attempt: "1", Status: status})
		}
		report("live", progress.Running)
		for i := range maxIdle + 100 {
			report(fmt.Sprint(i), progress.Complete)
		}
		assert.Len(t, h.states, maxIdle+1, "however many end in a minute")
		assert.NotContains(t, h.states, "0")

		heard := fmt.Sprint(maxIdle)
		c, err := h.subscribe([]string{heard, "unknown"})
		require.NoError(t, err)
		time.Sleep(time.Minute)
		report("other", progress.Complete)
		assert.Len(t, h.states, 4, "live, other, and what somebody listens to")
		h.leave(c)
		assert.NotContains(t, h.states, "unknown")
		assert.Contains(t, h.states, heard, "it stays for who comes back")
		time.Sleep(time.Minute)
		report("live", progress.Running)
		assert.Len(t, h.states, 1)
		report("live", progress.Complete)
		report("live", progress.Ready) // a retry
		time.Sleep(time.Minute)
		report("other", progress.Ready)
		assert.Contains(t, h.states, "live")
		assert.Zero(t, h.idle.Len())
		assert.Zero(t, h.clients)
	})
}

func TestSeenBy(t *testing.T) {
	for id, want := range map[string]uint64{
		"e-1": 1, "e-18446744073709551615": 1<<64 - 1, "e-18446744073709551616": 0,
		"": 0, "e": 0, "e-": 0, "e--1": 0, "e-+1": 0, "e-1 ": 0, "f-1": 0, "ee-1": 0, "-1": 0,
	} {
		assert.Equal(t, want, seenBy("e", id), "%q", id)
	}
}

func FuzzSeenBy(f *testing.F) {
	f.Add("e", "e-1", uint64(1))
	f.Add("0k", "0k-18446744073709551616", uint64(1<<64-1))
	f.Add("", "-1", uint64(0))
	f.Add("e-", "e--1", uint64(7))
	f.Fuzz(func(t *testing.T, epoch, id string, seq uint64) {
		assert.Equal(t, seq, seenBy(epoch, eventID(epoch, seq)))
		if seq := seenBy(epoch, id); seq > 0 {
			assert.Equal(t, seq, seenBy(epoch, eventID(epoch, seq)))
			assert.True(t, strings.HasPrefix(id, epoch+"-"))
			assert.Zero(t, seenBy(epoch+"x", id), "of another epoch")
		}
	})
}
