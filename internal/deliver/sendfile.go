package deliver

import (
	"io"
	"runtime"
)

// What is between these, in bytes, is handed to the kernel in pieces, and other connections
// have their turn in between: it would fit into a socket's buffer as a whole, from where it
// leaves only as fast as the receiver's acknowledgements are worked on. A piece is what
// sendfile(2) moves at a time, so that each is sent at once. `make bench-serve` has the
// figures: larger files fill the buffer anyway, and for smaller ones it makes no difference.
const (
	leastInPieces = 512 << 10
	mostInPieces  = 2 << 20
	piece         = 64 << 10
)

// sendFile copies length bytes of an *os.File, which is open at them. A limited file, as it
// is, is what net/http hands to sendfile.
func sendFile(w io.Writer, f io.Reader, length int64) (n int64, err error) {
	if length < leastInPieces || length > mostInPieces {
		return io.CopyN(w, f, length)
	}
	for n < length && err == nil {
		var m int64
		m, err = io.CopyN(w, f, min(piece, length-n))
		n += m
		runtime.Gosched()
	}
	return n, err
}
