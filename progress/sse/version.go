package sse

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"

	"github.com/vodkit/vodkit/progress"
)

// version is the state of an asset at one moment. It doesn't change.
type version struct {
	seq   uint64
	event progress.Event
	// frame returns the message, the same bytes for all clients; it is empty where the
	// event can't be said in JSON.
	frame func() []byte
}

func newVersion(epoch string, seq uint64, e progress.Event) *version {
	return &version{seq: seq, event: e, frame: sync.OnceValue(func() []byte {
		data, err := json.Marshal(e) // one line: JSON escapes line ends
		if err != nil {
			return nil
		}
		b := make([]byte, 0, len(data)+48)
		b = append(b, "id: "+eventID(epoch, seq)+"\ndata: "...)
		b = append(b, data...)
		return append(b, "\n\n"...)
	})}
}

// says reports whether v tells the same as e.
func (v *version) says(e progress.Event) bool {
	a, b := v.event, e
	if a.Error != nil && b.Error != nil && *a.Error == *b.Error {
		a.Error, b.Error = nil, nil
	}
	if a.Time.Equal(b.Time) {
		b.Time = a.Time
	}
	return a == b
}

func eventID(epoch string, seq uint64) string {
	return epoch + "-" + strconv.FormatUint(seq, 10)
}

// seenBy returns the version that the id names, 0 where it is none of this epoch.
func seenBy(epoch, id string) uint64 {
	rest, ok := strings.CutPrefix(id, epoch+"-")
	if !ok {
		return 0
	}
	seq, err := strconv.ParseUint(rest, 10, 64)
	if err != nil {
		return 0
	}
	return seq
}
