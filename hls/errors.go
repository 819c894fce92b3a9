package hls

import (
	"errors"
	"fmt"
	"strings"
)

// Sentinels that errors of a [Publisher] match through errors.Is.
var (
	// ErrInvalidPlan says that a Presentation cannot be published as it is.
	ErrInvalidPlan = errors.New("hls: invalid presentation")
	// ErrInvalidUpdate says that an Init or a Segment contradicts the plan, or what was
	// accepted before, or cannot be right by itself. The same update will be refused
	// again.
	ErrInvalidUpdate = errors.New("hls: invalid update")
	// ErrIncomplete says that a presentation cannot be finished yet; see
	// [IncompleteError].
	ErrIncomplete = errors.New("hls: presentation is incomplete")
	// ErrEnded says that the presentation has ended and takes nothing more.
	ErrEnded = errors.New("hls: presentation has ended")
)

// IncompleteError says what a presentation lacks. It matches [ErrIncomplete].
type IncompleteError struct {
	Tracks []IncompleteTrack
}

// IncompleteTrack says what one track lacks.
type IncompleteTrack struct {
	Track string
	// NoInit says that there is no initialization segment, NoSegments that there is no
	// media segment at all.
	NoInit, NoSegments bool
	// Missing are the numbers that lack before a segment that is there, the lowest 16.
	Missing []int
}

// Error names each track and what it lacks.
func (e *IncompleteError) Error() string {
	var b strings.Builder
	b.WriteString(ErrIncomplete.Error())
	for i, t := range e.Tracks {
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "track %q lacks", t.Track)
		var lacks []string
		if t.NoInit {
			lacks = append(lacks, " its initialization segment")
		}
		if t.NoSegments {
			lacks = append(lacks, " all segments")
		}
		if len(t.Missing) > 0 {
			lacks = append(lacks, fmt.Sprintf(" segments %v", t.Missing))
		}
		b.WriteString(strings.Join(lacks, " and"))
	}
	return b.String()
}

// Is matches ErrIncomplete.
func (e *IncompleteError) Is(target error) bool { return target == ErrIncomplete }
