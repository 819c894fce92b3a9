package tus

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/vodkit/vodkit/upload"
)

// Bounds of what a client may say of an upload.
const (
	maxMetadata = 64 << 10 // bytes of the header
	maxPairs    = 100
)

// pair is an entry of Upload-Metadata.
type pair struct{ key, value string }

// joined is a header that may have come in several lines.
func joined(values []string) string { return strings.Join(values, ",") }

// parseMetadata reads Upload-Metadata (tus 1.0, "Creation"): pairs with commas between them,
// each a key and, behind a space, the base64 of its value, which may be missing.
func parseMetadata(values []string) ([]pair, error) {
	text := joined(values)
	if len(text) > maxMetadata {
		return nil, &refusal{422, codeInvalid, "Upload-Metadata has more than 64 KiB."}
	}
	if strings.Trim(text, " \t") == "" {
		return nil, nil
	}
	var pairs []pair
	for element := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(strings.Trim(element, " \t"), " ")
		if key == "" || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, malformed("A key in Upload-Metadata is printable ASCII without spaces and commas.")
		}
		if slices.ContainsFunc(pairs, func(p pair) bool { return p.key == key }) {
			return nil, malformed("Upload-Metadata has the key %q twice.", key)
		}
		plain, err := base64.StdEncoding.DecodeString(strings.Trim(value, " \t"))
		if err != nil {
			return nil, malformed("The value of %q in Upload-Metadata is not base64.", key)
		}
		if pairs = append(pairs, pair{key, string(plain)}); len(pairs) > maxPairs {
			return nil, &refusal{422, codeInvalid, "Upload-Metadata has more than 100 entries."}
		}
	}
	return pairs, nil
}

// newAsset describes the asset as the client does. tus itself gives no key a meaning; these
// are the ones that tus-js-client, Uppy and others send. keep are the others that become
// metadata, nil for all.
func newAsset(pairs []pair, keep []string) upload.NewAsset {
	var n upload.NewAsset
	for _, p := range pairs {
		switch p.key {
		case "filename":
			n.Name = p.value
		case "name":
			if n.Name == "" {
				n.Name = p.value
			}
		case "filetype":
			n.ContentType = p.value
		case "type":
			if n.ContentType == "" {
				n.ContentType = p.value
			}
		case "relativePath": // Uppy's, of a folder on the uploader's machine
		default:
			if keep != nil && !slices.Contains(keep, p.key) {
				continue
			}
			if n.Metadata == nil {
				n.Metadata = map[string]string{}
			}
			n.Metadata[strings.TrimPrefix(p.key, "meta.")] = p.value
		}
	}
	return n
}

// state is what this package keeps in a session.
type state struct {
	// Metadata is Upload-Metadata as the client has sent it, for HEAD.
	Metadata string `json:"metadata,omitempty"`
}

func (s state) json() json.RawMessage {
	data, err := json.Marshal(s)
	if err != nil {
		return nil // it cannot fail
	}
	return data
}

// rawMetadata returns Upload-Metadata as it was sent.
func rawMetadata(s upload.Session) string {
	var st state
	if json.Unmarshal(s.State, &st) != nil {
		return ""
	}
	return st.Metadata
}
