package check

import (
	"strings"
	"sync"
)

// presentation is everything that was read, for the rules to look at.
type presentation struct {
	opts Options
	src  Source
	uri  string

	master  *playlist // nil where a media playlist was given
	tooMany bool      // there are more than tracks has
	tracks  []*track  // in the order in which they are mentioned
	byURI   map[string]*track
	inits   map[initKey]*initSegment

	mu      sync.Mutex // guards what follows while objects are read
	missing []missing
	failed  error // of the Source
	left    budget
	keys    map[string][]byte
}

// missing is an object that could not be read.
type missing struct {
	where Where
	err   error
}

type initKey struct {
	uri            string
	offset, length int64
}

func (r *initRef) ident() initKey { return initKey{r.uri, r.offset, r.length} }

// track is a media playlist and what is known of it.
type track struct {
	*playlist // nil where it could not be read
	uri       string
	kind      string     // "video", "audio", "subtitles", "iframes" or ""
	rendition *rendition // the first that names it, nil for a variant's
	line      int        // of the multivariant playlist
	nested    bool       // it is a multivariant playlist, and was not read further
	skipped   bool       // not all segments were read

	// What measure finds.
	init      *initSegment // of the first segment, nil where there is none
	main      *initTrack
	timed     bool    // duration and start come from all the bytes
	start     float64 // seconds
	duration  float64 // seconds
	frame     float64 // the longest sample in seconds
	samples   int64
	sized     bool // peak and average come from all the bytes
	size      int64
	read      int
	peak      float64 // bits per second
	average   float64
	encrypted bool
	format    string
}

func newPresentation(src Source, master string, opts Options) *presentation {
	return &presentation{
		opts: opts, src: src, uri: master,
		left:  budget{segments: opts.MaxSegments, text: maxText},
		byURI: map[string]*track{}, inits: map[initKey]*initSegment{}, keys: map[string][]byte{},
	}
}

// add returns the track of a media playlist, a new one where it is mentioned first.
func (p *presentation) add(uri, kind string, line int, r *rendition) *track {
	if t := p.byURI[uri]; t != nil {
		return t
	}
	t := &track{uri: uri, kind: kind, line: line, rendition: r}
	p.byURI[uri] = t
	p.tracks = append(p.tracks, t)
	return t
}

// collect makes the tracks of the multivariant playlist.
func (p *presentation) collect() {
	m := p.master
	for i := range m.variants {
		v := &m.variants[i]
		if v.uri != "" {
			p.add(v.uri, codecsKind(v.get("CODECS")), v.line, nil)
		}
	}
	for i := range m.renditions {
		r := &m.renditions[i]
		if r.uri != "" {
			p.add(r.uri, strings.ToLower(r.get("TYPE")), r.line, r)
		}
	}
	for i := range m.iframes {
		v := &m.iframes[i]
		if v.uri != "" {
			p.add(v.uri, "iframes", v.line, nil)
		}
	}
}

// codecsKind returns "audio" where CODECS names no video.
func codecsKind(codecs string) string {
	if codecs == "" {
		return "video"
	}
	for c := range strings.SplitSeq(codecs, ",") {
		if !audioCodec(c) {
			return "video"
		}
	}
	return "audio"
}

func audioCodec(c string) bool {
	kind, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(c)), ".")
	switch kind {
	case "mp4a", "ac-3", "ec-3", "ac-4", "opus", "flac", "fl", "alac", "mp3":
		return true
	}
	return false
}

// playlists returns all playlists that were read.
func (p *presentation) playlists() []*playlist {
	var out []*playlist
	if p.master != nil {
		out = append(out, p.master)
	}
	for _, t := range p.tracks {
		if t.playlist != nil {
			out = append(out, t.playlist)
		}
	}
	return out
}

// media returns the tracks whose playlists were read, of the kinds, or of all where none
// is given.
func (p *presentation) media(kinds ...string) []*track {
	var out []*track
	for _, t := range p.tracks {
		if t.playlist == nil {
			continue
		}
		for _, k := range kinds {
			if t.kind == k {
				out = append(out, t)
			}
		}
		if len(kinds) == 0 {
			out = append(out, t)
		}
	}
	return out
}

// initOf returns the initialization segment that applies to a segment, nil where there is
// none or it was not read.
func (p *presentation) initOf(s *segment) *initSegment {
	if s.init == nil {
		return nil
	}
	return p.inits[s.init.ident()]
}

// growing says that a playlist is not complete.
func (p *presentation) growing() bool {
	for _, t := range p.media() {
		if !t.ended {
			return true
		}
	}
	return false
}

// group returns the renditions of a group.
func (p *presentation) group(kind, id string) []*rendition {
	var out []*rendition
	for i := range p.master.renditions {
		if r := &p.master.renditions[i]; r.get("TYPE") == kind && r.get("GROUP-ID") == id {
			out = append(out, r)
		}
	}
	return out
}

// reach returns the tracks that a variant can play: its own, and those of the groups that
// it names. ok is false where one of them was not read.
func (p *presentation) reach(v *variant) (own *track, groups [][]*track, ok bool) {
	ok = true
	own = p.byURI[v.uri]
	if own == nil || own.playlist == nil {
		return nil, nil, false
	}
	for _, kind := range []string{"AUDIO", "VIDEO", "SUBTITLES"} {
		id, has := v.lookup(kind)
		if !has {
			continue
		}
		var g []*track
		for _, r := range p.group(kind, id) {
			if r.uri == "" || r.uri == v.uri {
				continue
			}
			t := p.byURI[r.uri]
			if t == nil || t.playlist == nil {
				ok = false
				continue
			}
			g = append(g, t)
		}
		if g != nil {
			groups = append(groups, g)
		} else if len(p.group(kind, id)) == 0 {
			ok = false
		}
	}
	return own, groups, ok
}
