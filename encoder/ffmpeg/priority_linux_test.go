package ffmpeg

import (
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What yields has a lower priority than its parent, and nothing else has.
func TestLowerPriority(t *testing.T) {
	// The 19th field of proc(5)'s stat is the nice value.
	path := script(t, `sleep 0.3
read -r line < /proc/$$/stat
set -- $line
echo ${19}
`)
	nice := func(yields bool) (n int) {
		c := command{program: path, yields: yields, log: slog.New(slog.DiscardHandler)}
		_, err := output(t.Context(), c, func(r io.Reader) error {
			text, err := io.ReadAll(r)
			n = int(whole(strings.TrimSpace(string(text))))
			return err
		})
		require.NoError(t, err)
		return n
	}
	assert.Equal(t, min(19, nice(false)+lower), nice(true))
}
