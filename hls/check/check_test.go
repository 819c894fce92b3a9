package check_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// authoring is what the good presentation lacks: the fake has one picture for all
// renditions, and vodkit writes no I-frame playlists.
var authoring = []string{"M6.1", "M9.9"}

func TestGood(t *testing.T) {
	r := newPresentation(t).run(nil)
	require.NoError(t, r.Err())
	assert.Equal(t, authoring, rules(r))
	assert.Len(t, r.Findings, 2)
}
