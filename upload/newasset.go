package upload

import (
	"fmt"
	"maps"
	"mime"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vodkit/vodkit/internal/ids"
)

// Limits of what describes an asset, in bytes where not said otherwise.
const (
	maxName          = 255
	maxMetadata      = 64 // entries
	maxMetadataKey   = 128
	maxMetadataValue = 4096
	maxTenant        = 255
)

// NewAsset describes an upload. All fields are optional.
type NewAsset struct {
	// ID is the host's own: see ValidID. Defaults to a new one that grows with time.
	ID string
	// Tenant is who the asset belongs to. Never take it from the uploader.
	Tenant string
	// Name is for people, such as the file's name. Folders and control characters are
	// cut away, and what is longer than 255 bytes.
	Name string
	// Priority orders what waits: higher first. Defaults to 0.
	Priority int
	// Metadata is kept with the asset: up to 64 entries with keys up to 128 and values
	// up to 4096 bytes.
	Metadata map[string]string
	// Profile is one of Options.Profiles. It decides what the encode costs: let uploaders
	// choose with care. Defaults to "", Options.Plan.
	Profile string
	// ContentType is what the uploader says the bytes are.
	ContentType string
	// Size is how many bytes there will be, where that is known; others are refused with
	// ErrIncomplete. Defaults to 0, unknown.
	Size int64

	grant *grant    // what the tenant's quota leaves, once it is admitted
	since time.Time // an asset that was created later is not the one whose source this replaces; zero for any
}

// public returns what a hook of the host's is shown.
func (n NewAsset) public() NewAsset {
	n.Metadata, n.grant = maps.Clone(n.Metadata), nil
	return n
}

// ValidID returns nil where id may name an asset: 1 to 128 characters of A–Z, a–z,
// 0–9, '.', '_' and '-', that starts with neither '.' nor '-' and does not end in '.'.
// Otherwise the error matches [ErrInvalid]. Where the Store is a folder on a file system that folds
// case, ids should not differ by case alone.
func ValidID(id string) error {
	if err := ids.Valid(id); err != nil {
		return invalid("An id has 1 to 128 letters, digits, dots, underscores and hyphens. It starts with neither a dot nor a hyphen, and does not end in a dot.")
	}
	return nil
}

// clean checks n and returns it as it will be recorded.
func (n NewAsset) clean() (NewAsset, error) {
	if n.ID == "" {
		n.ID = ids.New(now())
	} else if err := ValidID(n.ID); err != nil {
		return n, err
	}
	n.Name = cleanName(n.Name)
	if len(n.Tenant) > maxTenant || !utf8.ValidString(n.Tenant) {
		return n, invalid("A tenant is UTF-8 of up to %d bytes.", maxTenant)
	}
	if len(n.Metadata) > maxMetadata {
		return n, invalid("There are %d metadata entries, up to %d are allowed.", len(n.Metadata), maxMetadata)
	}
	for k, v := range n.Metadata {
		if k == "" || len(k) > maxMetadataKey || len(v) > maxMetadataValue || !utf8.ValidString(k) || !utf8.ValidString(v) {
			return n, invalid("Metadata keys are UTF-8 of 1 to %d bytes, values of up to %d.", maxMetadataKey, maxMetadataValue)
		}
	}
	n.Metadata = maps.Clone(n.Metadata)
	n.ContentType = cleanType(n.ContentType)
	if n.Size < 0 {
		n.Size = 0
	}
	return n, nil
}

// cleanType returns as much of a content type as a Store would take, "" where nothing of it
// is one.
func cleanType(ct string) string {
	if len(ct) > maxName || !utf8.ValidString(ct) {
		return ""
	}
	if kind, _, err := mime.ParseMediaType(ct); err != nil {
		return kind
	}
	return ct
}

// cleanName returns the last path element of name, whatever system's path it is,
// without control and formatting characters, cut to maxName bytes. "" is a name.
func cleanName(name string) string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1 // also the marks that reorder text
		}
		return r
	}, name)
	name = strings.TrimRight(strings.TrimSpace(name), `/\`)
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.TrimSpace(name)
	if len(name) > maxName {
		cut := maxName
		for !utf8.RuneStart(name[cut]) {
			cut--
		}
		name = strings.TrimSpace(name[:cut])
	}
	return name
}

// checkType says whether the content type ct may be a video. allow are the patterns
// of Options.AllowTypes.
func checkType(ct string, allow []string) error {
	kind, _, err := mime.ParseMediaType(ct)
	if err != nil && kind == "" {
		kind = strings.ToLower(strings.TrimSpace(ct))
	}
	switch kind {
	case "", "application/octet-stream", "binary/octet-stream", "application/x-www-form-urlencoded":
		return nil // says nothing; the last is what curl --data-binary sends unasked
	}
	ok := couldBeVideo(kind)
	if allow != nil {
		ok = false
		for _, pattern := range allow {
			if match, err := path.Match(strings.ToLower(pattern), kind); err == nil && match {
				ok = true
			}
		}
	}
	if !ok {
		return fmt.Errorf("%w: %q", ErrType, kind)
	}
	return nil
}

// couldBeVideo refuses what is surely something else; the probe decides about the rest.
func couldBeVideo(kind string) bool {
	major, minor, _ := strings.Cut(kind, "/")
	switch major {
	case "font", "message", "model", "multipart":
		return false
	case "text":
		return minor == "vnd.trolltech.linguist" // what browsers take a .ts file for
	case "image":
		return minor == "gif" || minor == "webp" || minor == "avif" || minor == "apng"
	case "application":
		switch minor {
		case "json", "xml", "javascript", "pdf", "zip", "gzip", "x-tar", "x-7z-compressed", "rtf", "msword", "wasm":
			return false
		}
		return !strings.HasSuffix(minor, "+json") && !strings.HasSuffix(minor, "+xml") && !strings.HasSuffix(minor, "+zip")
	}
	return true
}
