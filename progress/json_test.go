package progress_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/progress"
)

var at = time.Date(2026, 3, 4, 5, 6, 7, 890_000_000, time.UTC)

func whole() progress.Event {
	return progress.Event{
		Asset: "a1", Tenant: "acme", Attempt: "t1", Status: progress.Error, Stage: progress.StageEncoding,
		Fraction: 0.25, Position: 15*time.Second + 1, Duration: time.Minute, Front: 12 * time.Second,
		Speed: 1.5, ETA: 30*time.Second + 50*time.Millisecond, Queue: 3, Playlist: "media/a1/master.m3u8",
		Error: &progress.Failure{Code: "corrupt", Message: "The file is damaged.", Permanent: true}, Time: at,
	}
}

func TestEventJSONHasTheDocumentedForm(t *testing.T) {
	b, err := json.Marshal(whole())
	require.NoError(t, err)
	assert.Equal(t, `{"asset":"a1","tenant":"acme","attempt":"t1","status":"ERROR","stage":"encoding","fraction":0.25,`+
		`"position":15.000000001,"duration":60,"front":12,"speed":1.5,"eta":30.05,"queue":3,`+
		`"playlist":"media/a1/master.m3u8",`+
		`"error":{"code":"corrupt","message":"The file is damaged.","permanent":true},"time":"2026-03-04T05:06:07.89Z"}`, string(b))

	b, err = json.Marshal(progress.Event{Asset: "a", Status: progress.Ready})
	require.NoError(t, err)
	assert.Equal(t, `{"asset":"a","status":"READY","fraction":0}`, string(b), "what is unknown is left out")
}

func TestEventJSONRoundTrips(t *testing.T) {
	for _, want := range []progress.Event{
		{}, whole(),
		{Asset: "a", Status: progress.Complete, Fraction: 1, Duration: math.MaxInt64, Position: 1<<62 + 1},
	} {
		b, err := json.Marshal(want)
		require.NoError(t, err)
		var got progress.Event
		require.NoError(t, json.Unmarshal(b, &got))
		assert.Equal(t, want, got)
	}
	local := whole()
	local.Time = at.In(time.FixedZone("", 3600))
	b, err := json.Marshal(local)
	require.NoError(t, err)
	assert.Contains(t, string(b), `"time":"2026-03-04T05:06:07.89Z"`)
}

func TestEventJSONNeverWritesWhatJSONCannotSay(t *testing.T) {
	b, err := json.Marshal(progress.Event{
		Asset: "a", Status: progress.Running, Fraction: math.NaN(), Speed: math.Inf(1), Position: -time.Second,
		Duration: math.MinInt64, ETA: -1, Queue: -4, Time: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC),
	})
	require.NoError(t, err)
	assert.Equal(t, `{"asset":"a","status":"RUNNING","fraction":0}`, string(b))

	for fraction, want := range map[float64]string{1.5: "1", math.Inf(1): "0", math.Inf(-1): "0", -0.5: "0"} {
		b, err := json.Marshal(progress.Event{Fraction: fraction})
		require.NoError(t, err)
		assert.Equal(t, `{"asset":"","status":"","fraction":`+want+`}`, string(b), "fraction %v", fraction)
	}
}

func TestEventJSONReadsWhatOthersWrite(t *testing.T) {
	var e progress.Event
	require.NoError(t, json.Unmarshal([]byte(`{"asset":"a","status":"PAUSED","fraction":2,"position":1.5e1,
		"duration":1e300,"front":-3,"eta":null,"speed":-1,"time":"2026-03-04T06:06:07.89+01:00","new":{"field":1}}`), &e))
	assert.Equal(t, progress.Event{
		Asset: "a", Status: "PAUSED", Fraction: 1, Position: 15 * time.Second, Duration: math.MaxInt64, Time: at,
	}, e)

	for _, bad := range []string{`[]`, `{"position":"5"}`, `{"fraction":1e400}`, `{"fraction":NaN}`, `{"duration":{}}`, `{"time":"yesterday"}`, `{"error":"no"}`} {
		assert.Error(t, json.Unmarshal([]byte(bad), &progress.Event{}), bad)
	}
	kept := whole()
	require.NoError(t, json.Unmarshal([]byte(`null`), &kept))
	assert.Equal(t, whole(), kept)
}

func FuzzEventUnmarshalJSON(f *testing.F) {
	b, err := json.Marshal(whole())
	require.NoError(f, err)
	f.Add(b)
	f.Add([]byte(`{"position":0.0000000001,"duration":9223372036.854775807,"eta":9223372036.9,"front":1e-9}`))
	f.Add([]byte(`{"time":"9999-12-31T23:59:59-23:59","fraction":-0,"speed":1e308,"error":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var e progress.Event
		if json.Unmarshal(b, &e) != nil {
			return
		}
		assert.False(t, math.IsNaN(e.Fraction) || e.Fraction < 0 || e.Fraction > 1, "fraction %v", e.Fraction)
		assert.False(t, e.Position < 0 || e.Duration < 0 || e.Front < 0 || e.ETA < 0 || e.Queue < 0 || e.Speed < 0, "%+v", e)
		again, err := json.Marshal(e)
		require.NoError(t, err)
		var back progress.Event
		require.NoError(t, json.Unmarshal(again, &back))
		assert.Equal(t, e, back)
	})
}
