package sign

import (
	"fmt"
	"strings"

	"github.com/vodkit/vodkit/storage"
)

// All is the Claims.Path that opens everything.
const All = "/"

// MaxPath is the greatest length of a Claims.Path, in bytes.
const MaxPath = 255

// checkClaimed says whether a token may name the path.
func checkClaimed(path string) error {
	switch {
	case path == All:
		return nil
	case path == "":
		return fmt.Errorf("%w: the path is empty; to open everything say sign.All", ErrInvalidClaims)
	case len(path) > MaxPath:
		return fmt.Errorf("%w: the path has %d bytes, more than %d", ErrInvalidClaims, len(path), MaxPath)
	case !clean(path):
		return fmt.Errorf("%w: the path %q is not one below the handler's prefix, such as \"42\" or \"42/a1\"", ErrInvalidClaims, path)
	}
	return nil
}

// covers says whether a token with the path opens what is asked for: that path itself, or
// one whose first elements it is. Nothing that is not clean is ever opened, so that no one
// further in can come to another place by cleaning it.
func covers(claimed, asked string) bool {
	if !clean(asked) {
		return false
	}
	if claimed == All || claimed == asked {
		return true
	}
	rest, ok := strings.CutPrefix(asked, claimed)
	return ok && rest[0] == '/'
}

// clean says whether the path can be one of an object that is served: a valid key, none
// of whose elements starts with a dot.
func clean(path string) bool {
	return storage.CheckKey(path) == nil && path[0] != '.' && !strings.Contains(path, "/.")
}
