package upload

import (
	"context"
	"errors"

	"github.com/vodkit/vodkit/encoder"
)

// replaceSource gives an asset another source, in a new attempt.
func (p *Pipeline) replaceSource(context.Context, string, []encoder.Part, NewAsset) (Asset, error) {
	return Asset{}, errors.ErrUnsupported
}
