package ffmpeg

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/vodkit/vodkit/encoder"
)

// sideData is what ffprobe says of how a stream's pictures are to be shown.
type sideData struct {
	Rotation json.Number `json:"rotation"`
	// Matrix is the transformation matrix of ISO 14496-12 6.2.2 as a dump of three rows,
	// each behind an address and a colon.
	Matrix string `json:"displaymatrix"`
}

// orientation returns the quarter turns clockwise in degrees, and whether the picture is
// mirrored left to right before it is turned.
func (ps probeStream) orientation() (degrees int, mirrored bool) {
	for _, sd := range ps.SideData {
		if a, b, c, d, ok := parseMatrix(sd.Matrix); ok {
			return orient(a, b, c, d)
		}
		// ffprobe counts the other way, and says -9223372036854775808 of a matrix that is none.
		if deg, err := sd.Rotation.Float64(); err == nil && math.Abs(deg) <= 360 {
			return (int(math.Round(-deg/90))%4 + 4) % 4 * 90, false
		}
	}
	return 0, false
}

// orient reads the upper left of a matrix by which x, y become ax+cy, bx+dy; y points
// down.
func orient(a, b, c, d float64) (degrees int, mirrored bool) {
	mirrored = a*d-b*c < 0
	if mirrored { // what is left to be done behind the mirror
		a, b = -a, -b
	}
	return (int(math.Round(math.Atan2(b, a)/(math.Pi/2)))%4 + 4) % 4 * 90, mirrored
}

// parseMatrix reads the four numbers that turn and mirror out of ffprobe's dump.
func parseMatrix(dump string) (a, b, c, d float64, ok bool) {
	var rows [][]float64
	for line := range strings.Lines(dump) {
		_, numbers, found := strings.Cut(line, ":")
		if !found {
			continue
		}
		var row []float64
		for _, f := range strings.Fields(numbers) {
			v, err := strconv.ParseFloat(f, 64)
			if err != nil {
				return 0, 0, 0, 0, false
			}
			row = append(row, v)
		}
		rows = append(rows, row)
	}
	if len(rows) != 3 || len(rows[0]) != 3 || len(rows[1]) != 3 {
		return 0, 0, 0, 0, false
	}
	a, b, c, d = rows[0][0], rows[0][1], rows[1][0], rows[1][1]
	return a, b, c, d, a*d-b*c != 0 // else it is no picture any more
}

// turn returns the filters that bring a picture upright, after it has been brought to
// one size: ffmpeg's own would read beyond a picture that becomes smaller in the middle
// of a file, which is why -noautorotate is given.
func turn(s encoder.Stream) (filters []string) {
	if s.Mirrored {
		filters = append(filters, "hflip")
	}
	switch s.Rotation {
	case 90:
		filters = append(filters, "transpose=clock")
	case 180:
		filters = append(filters, "hflip", "vflip")
	case 270:
		filters = append(filters, "transpose=cclock")
	}
	return filters
}
