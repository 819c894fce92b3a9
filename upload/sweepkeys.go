package upload

import (
	"regexp"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/ids"
)

// ownKey is a key that vodkit makes, taken apart.
type ownKey struct {
	id      string
	source  bool   // a part of an upload
	session string // the token of a part's session, "" for others
	journal bool   // a page of a journal
	attempt string // the last element of Asset.Output, "" for a source and the multivariant playlist
}

// What vodkit writes, by its exact names: see the keys of packages hls and encoder.
var (
	sourceKey  = regexp.MustCompile(`^` + sourcesPrefix + `([^/]+)/(` + newID + `)(-[0-9]{16})?$`)
	masterKey  = regexp.MustCompile(`^` + mediaPrefix + `([^/]+)/master\.m3u8$`)
	attemptKey = regexp.MustCompile(`^` + mediaPrefix + `([^/]+)/(` + attemptName + `)/[a-z0-9-]+/` +
		`(?:event\.m3u8|(?:index|iframe)(?:-[0-9]+)?\.m3u8|init-[0-9a-f]{16}\.mp4|[0-9]+-[0-9a-f]{16}\.(?:m4s|vtt|jpg)|` +
		`(?:poster|sheet)-[0-9]+-[0-9a-f]{16}\.jpg|storyboard-[0-9a-f]{16}\.vtt)$`)
	journalKey = regexp.MustCompile(`^` + journalPrefix + `([^/]+)/(` + attemptName + `)/` + newID + `\.json$`)
	// masterURI is what a multivariant playlist of ours refers to.
	masterURI = regexp.MustCompile(`^(` + attemptName + `)/[a-z0-9-]+/(?:event|(?:index|iframe)(?:-[0-9]+)?)\.m3u8$`)
)

const (
	newID       = `[0-9a-hjkmnp-tv-z]{26}` // ids.New
	attemptName = newID + `(?:-[0-9]+)?`
)

// ownKeyOf takes key apart; ok is false where it is not surely vodkit's.
func ownKeyOf(key string) (k ownKey, ok bool) {
	if m := sourceKey.FindStringSubmatch(key); m != nil {
		k = ownKey{id: m[1], source: true}
		if m[3] != "" {
			k.session = m[2]
		}
	} else if m := attemptKey.FindStringSubmatch(key); m != nil {
		k = ownKey{id: m[1], attempt: m[2]}
	} else if m := journalKey.FindStringSubmatch(key); m != nil {
		k = ownKey{id: m[1], journal: true, attempt: m[2]}
	} else if m := masterKey.FindStringSubmatch(key); m != nil {
		k = ownKey{id: m[1]}
	}
	return k, ids.Valid(k.id) == nil
}

// masterRefers returns the attempts that a multivariant playlist refers to. ours is
// false where vodkit did not write it.
func masterRefers(text []byte) (attempts map[string]bool, ours bool) {
	attempts, ours = map[string]bool{}, true
	for _, uri := range hls.URIs(text) {
		if m := masterURI.FindStringSubmatch(uri); m != nil {
			attempts[m[1]] = true
		} else {
			ours = false
		}
	}
	return attempts, ours && len(attempts) > 0
}
