package ffmpeg

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOrientation(t *testing.T) {
	dump := func(a, b, c, d int) string {
		return fmt.Sprintf("\n00000000: %d %d 0\n00000001: %d %d 0\n00000002: 0 0 1073741824\n", a<<16, b<<16, c<<16, d<<16)
	}
	for _, tc := range []struct {
		matrix   string
		rotation json.Number
		degrees  int
		mirrored bool
	}{
		{matrix: dump(1, 0, 0, 1)},
		{matrix: dump(0, 1, -1, 0), rotation: "-90", degrees: 90},
		{matrix: dump(-1, 0, 0, -1), degrees: 180},
		{matrix: dump(0, -1, 1, 0), degrees: 270},
		{matrix: dump(-1, 0, 0, 1), mirrored: true},
		{matrix: dump(1, 0, 0, -1), degrees: 180, mirrored: true},
		{matrix: dump(0, -1, -1, 0), degrees: 90, mirrored: true},
		{matrix: dump(0, 1, 1, 0), degrees: 270, mirrored: true},
		{matrix: dump(0, 0, 0, 0), rotation: "-9223372036854775808"},
		{matrix: "nonsense: x", rotation: "90", degrees: 270},
		{rotation: "-180", degrees: 180},
		{},
	} {
		degrees, mirrored := probeStream{SideData: []sideData{{Rotation: tc.rotation, Matrix: tc.matrix}}}.orientation()
		assert.Equal(t, tc.degrees, degrees, "%+v", tc)
		assert.Equal(t, tc.mirrored, mirrored, "%+v", tc)
	}
}
