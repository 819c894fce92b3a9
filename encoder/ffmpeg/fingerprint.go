package ffmpeg

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/vodkit/vodkit/encoder"
)

// recipe numbers what this package has ffmpeg do. It must change with every change of
// arguments or filters after which what was made before does not go with what is made
// now.
const recipe = 3

var _ encoder.Fingerprinter = (*Encoder)(nil)

// Fingerprint tells versions and builds of ffmpeg apart, and the options that change
// what is encoded. Threads, limits and the sandbox are not among them. It asks the
// program each time, so that an update is noticed while this process runs.
func (e *Encoder) Fingerprint(ctx context.Context) (string, error) {
	if !supported {
		return "", errors.ErrUnsupported
	}
	// The whole answer: its configuration and the versions of its libraries, too.
	version, err := e.ask(ctx, e.opts.FFmpeg, "-version")
	if err != nil {
		return "", err
	}
	none := []string{}
	all, err := json.Marshal([]any{recipe, version, e.opts.Preset,
		append(none, e.opts.InputArgs...), append(none, e.opts.VideoArgs...), append(none, e.opts.AudioArgs...)})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(all)
	return hex.EncodeToString(sum[:8]), nil
}
