package progress

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// wire is the JSON form of an Event.
type wire struct {
	Asset    string   `json:"asset"`
	Tenant   string   `json:"tenant,omitempty"`
	Attempt  string   `json:"attempt,omitempty"`
	Status   Status   `json:"status"`
	Stage    Stage    `json:"stage,omitempty"`
	Fraction float64  `json:"fraction"`
	Position seconds  `json:"position,omitempty"`
	Duration seconds  `json:"duration,omitempty"`
	Front    seconds  `json:"front,omitempty"`
	Speed    float64  `json:"speed,omitempty"`
	ETA      seconds  `json:"eta,omitempty"`
	Queue    int      `json:"queue,omitempty"`
	Playlist string   `json:"playlist,omitempty"`
	Error    *Failure `json:"error,omitempty"`
	// Time is RFC 3339 in UTC.
	Time time.Time `json:"time,omitzero"`
}

// MarshalJSON writes the event as one JSON object with the fields asset, tenant,
// attempt, status, stage, fraction, position, duration, front, speed, eta, queue,
// playlist, error {code, message, permanent} and time. Durations are seconds with up
// to nine decimals, time is RFC 3339 in UTC. What is unknown (zero) is left out,
// except asset, status and fraction. Numbers that no event may have are brought into
// their range first: NaN, infinite and negative ones become 0, a fraction over 1
// becomes 1.
func (e Event) MarshalJSON() ([]byte, error) {
	e = e.clean()
	return json.Marshal(wire{
		Asset: e.Asset, Tenant: e.Tenant, Attempt: e.Attempt,
		Status: e.Status, Stage: e.Stage, Fraction: e.Fraction,
		Position: seconds(e.Position), Duration: seconds(e.Duration), Front: seconds(e.Front),
		Speed: e.Speed, ETA: seconds(e.ETA), Queue: e.Queue,
		Playlist: e.Playlist, Error: e.Error, Time: e.Time,
	})
}

// UnmarshalJSON reads what MarshalJSON writes. Fields that it does not know are
// skipped, and numbers out of their range are brought into it, so that a decoded
// event is as sound as an encoded one. Statuses and stages that it does not know are
// kept as they are.
func (e *Event) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil // as encoding/json asks of every UnmarshalJSON
	}
	var w wire
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*e = Event{
		Asset: w.Asset, Tenant: w.Tenant, Attempt: w.Attempt,
		Status: w.Status, Stage: w.Stage, Fraction: w.Fraction,
		Position: time.Duration(w.Position), Duration: time.Duration(w.Duration), Front: time.Duration(w.Front),
		Speed: w.Speed, ETA: time.Duration(w.ETA), Queue: w.Queue,
		Playlist: w.Playlist, Error: w.Error, Time: w.Time,
	}.clean()
	return nil
}

// clean returns e with every number and the time in the range that they may have.
func (e Event) clean() Event {
	e.Fraction = within(e.Fraction, 1)
	e.Speed = within(e.Speed, math.MaxFloat64)
	e.Position, e.Duration = max(e.Position, 0), max(e.Duration, 0)
	e.Front, e.ETA = max(e.Front, 0), max(e.ETA, 0)
	e.Queue = max(e.Queue, 0)
	e.Time = e.Time.UTC().Round(0) // without the monotonic clock, as it comes back
	if y := e.Time.Year(); y < 1 || y > 9999 {
		e.Time = time.Time{} // RFC 3339 has no other years
	}
	return e
}

// within returns f if it is a number from 0 to limit, limit if it is greater. What is
// no number, infinite or negative is no measurement and gives 0.
func within(f, limit float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) || f <= 0 {
		return 0
	}
	return min(f, limit)
}

// seconds is a duration that is a number of seconds in JSON, exact to the
// nanosecond.
type seconds time.Duration

func (s seconds) MarshalJSON() ([]byte, error) {
	n := max(int64(s), 0)
	b := strconv.AppendInt(nil, n/1e9, 10)
	if frac := n % 1e9; frac != 0 {
		digits := strconv.FormatInt(frac+1e9, 10)[1:] // nine, with leading zeros
		b = append(append(b, '.'), strings.TrimRight(digits, "0")...)
	}
	return b, nil
}

func (s *seconds) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	if n, ok := decimal(string(b)); ok {
		*s = seconds(n)
		return nil
	}
	var f float64
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	switch n := math.Round(f * 1e9); {
	case n >= math.MaxInt64:
		*s = math.MaxInt64
	case n > 0:
		*s = seconds(n)
	default:
		*s = 0
	}
	return nil
}

// decimal reads a plain decimal number of seconds, such as "12.5", as nanoseconds. It
// reports false where the number has another form, or more digits than fit.
func decimal(s string) (int64, bool) {
	whole, frac, _ := strings.Cut(s, ".")
	if len(frac) > 9 {
		return 0, false
	}
	n, err := strconv.ParseUint(whole+frac+strings.Repeat("0", 9-len(frac)), 10, 63)
	return int64(n), err == nil
}
