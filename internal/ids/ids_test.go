package ids_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/internal/ids"
)

func TestNewSortsByTimeAndIsUnique(t *testing.T) {
	t0 := time.UnixMilli(1_700_000_000_000)
	seen := map[string]bool{}
	last := ""
	for i := range 1000 {
		id := ids.New(t0.Add(time.Duration(i) * time.Millisecond))
		require.NoError(t, ids.Valid(id))
		require.Len(t, id, 26)
		require.Greater(t, id, last)
		last = id
		same := ids.New(t0)
		require.False(t, seen[same])
		seen[same] = true
		require.Equal(t, "01hf7yat00", same[:10])
	}
}

func TestValid(t *testing.T) {
	for _, id := range []string{"a", "0", "_x", "A.b-c_9", "a..b", strings.Repeat("x", 128)} {
		assert.NoError(t, ids.Valid(id), id)
	}
	for _, id := range []string{"", ".", "..", ".a", "a.", "a..", "-a", "a/b", "a\\b", "a b", "ä", "a\x00", "a%2f", "a:b", strings.Repeat("x", 129)} {
		assert.ErrorIs(t, ids.Valid(id), ids.ErrInvalid, id)
	}
}

func FuzzValid(f *testing.F) {
	f.Add("abc")
	f.Add("../x")
	f.Fuzz(func(t *testing.T, id string) {
		if ids.Valid(id) != nil {
			return
		}
		if strings.ContainsAny(id, "/\\\x00 %?#:") || id[0] == '.' || id[0] == '-' || len(id) > ids.MaxLen {
			t.Fatalf("%q is accepted", id)
		}
	})
}
