package ffmpeg

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOneOfMany(t *testing.T) {
	assert.Equal(t, "framestep=50", oneOf(50, nil))
	assert.Equal(t, "framestep=50", oneOf(50, []int64{50, 200, 350}), "the count is the same")
	assert.Equal(t, "select='not(mod(n-if(lt(n,50),0,50),150))'", oneOf(150, []int64{50, 200, 350}))
	assert.Equal(t, "select='not(mod(n-if(lt(n,30),0,if(lt(n,71),30,71)),50))'", oneOf(50, []int64{30, 71, 121}))

	var many []int64
	for n := range int64(4000) {
		many = append(many, n*150+150+n%7)
	}
	expr := oneOf(50, many)
	assert.Less(t, len(expr), 128<<10, "what Linux takes for one argument")
	depth, most := 0, 0
	for _, c := range expr {
		depth += strings.Count("(", string(c)) - strings.Count(")", string(c))
		most = max(most, depth)
	}
	assert.Less(t, most, 30)
}
