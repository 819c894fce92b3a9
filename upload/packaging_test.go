package upload_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/progress"
)

// What cannot be packaged gives the same again: one more run shows that.
func TestPackagingFails(t *testing.T) {
	b := newBench(t, nil)
	b.studio.set(func(s *studio) {
		s.encode = func(context.Context, encoder.Job, func(encoder.Update) error) error {
			return &encoder.Error{Code: encoder.CodePackaging, Message: "It does not fit."}
		}
	})
	a := b.ended()
	assert.Equal(t, progress.Error, a.Status)
	assert.Equal(t, &progress.Failure{Code: encoder.CodePackaging, Message: "It does not fit.", Permanent: true}, a.Error)
	assert.Equal(t, 2, a.Runs)
}
