package upload

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/vodkit/vodkit/storage"
)

// SessionVersion is the version of the record that this package writes of a Session.
const SessionVersion = 1

// Session is an upload that outlives requests and processes: one that a client goes on
// with after a break, or that goes to the bucket past this process. It is admitted before
// its first byte, its bytes become objects in the Store (see PartKey), and
// [Pipeline.FinishSession] makes an asset of them, exactly once. Whoever speaks with the
// client, such as package upload/tus, keeps in State what only it has to know.
//
// A session that has brought nothing for Options.SessionExpiry is abandoned. One that is
// finished is remembered as long, so that a client which has missed the answer learns of it.
type Session struct {
	// Version is the record's schema, SessionVersion.
	Version int `json:"version"`
	// ID names the session. That of a new asset is the asset's.
	ID string `json:"id"`
	// Asset is the id of the asset that it becomes, or whose source it replaces.
	Asset string `json:"asset"`
	// Replace says that there is such an asset already.
	Replace bool `json:"replace,omitempty"`
	// New describes the asset. Its Size is 0 where nobody has said yet how many bytes there
	// will be.
	New NewAsset `json:"new"`
	// Token begins the names of the session's objects.
	Token string `json:"token"`
	// Protocol is who goes on with it, such as "tus", and State what that keeps.
	Protocol string          `json:"protocol"`
	State    json.RawMessage `json:"state,omitempty"`
	// AutoFinish is SessionOptions.AutoFinish.
	AutoFinish bool      `json:"autoFinish,omitempty"`
	Created    time.Time `json:"created"`
	// Finished is when it became an asset, zero before.
	Finished time.Time `json:"finished,omitzero"`

	// Saved is when the record was last written. It is not part of it.
	Saved time.Time `json:"-"`
}

// SessionOptions shape Pipeline.BeginSession.
type SessionOptions struct {
	// Protocol and State are the new Session's.
	Protocol string
	State    json.RawMessage
	// Replace is the id of an asset that gets another source, in a new attempt: what is
	// published is served until that is complete. Defaults to "", a new asset.
	Replace string
	// AutoFinish has the Pipeline finish the session by itself where all its bytes are there
	// (New.Size is known), and whoever should have done so has died or never came back: at
	// Start, and whenever expired sessions are looked for. Defaults to false.
	AutoFinish bool
}

// PartKey returns the key of the object whose first byte is byte offset of the upload.
func (s Session) PartKey(offset int64) string { return storage.PartKey(s.partPrefix(), offset) }

// partPrefix begins the keys of all parts.
func (s Session) partPrefix() string { return sourcesPrefix + s.Asset + "/" + s.Token + "-" }

const sessionsPrefix = "uploads/"

// sessionKey is where the record of a session is.
func sessionKey(id string) string { return sessionsPrefix + id + ".json" }

// sessionOf returns the id of the session whose record has the key.
func sessionOf(key string) (id string, ok bool) {
	id, ok = strings.CutSuffix(strings.TrimPrefix(key, sessionsPrefix), ".json")
	return id, ok && ValidID(id) == nil
}

// decodeSession reads a record.
func decodeSession(data []byte) (Session, error) {
	var s Session
	if err := json.Unmarshal(data, &s); err != nil {
		return Session{}, fmt.Errorf("decode session: %w", err)
	}
	switch {
	case s.Version > SessionVersion:
		return Session{}, fmt.Errorf("session %q: %w: it has version %d and this vodkit reads up to %d; run a newer vodkit",
			s.ID, ErrVersion, s.Version, SessionVersion)
	case s.Version < 1 || ValidID(s.ID) != nil || ValidID(s.Asset) != nil || ValidID(s.Token) != nil:
		return Session{}, fmt.Errorf("decode session %q: it is none", s.ID)
	}
	return s, nil
}
