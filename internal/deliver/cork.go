package deliver

import (
	"context"
	"net"
	"net/http"
	"syscall"

	"github.com/vodkit/vodkit/storage"
)

// leastCorked is from how many bytes on, up to leastInPieces, a body leaves together with its
// header where the connection is known. net/http writes less in one go by itself; of more the
// header's packet is a small part, and corked pieces cost half as much CPU again.
const leastCorked = 4 << 10

type connKey struct{}

// ConnContext lets Serve know a connection: it is an http.Server's ConnContext.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	tcp, ok := c.(*net.TCPConn) // what speaks TLS is no such one
	if !ok {
		return ctx
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return ctx
	}
	return context.WithValue(ctx, connKey{}, raw)
}

// corked has the kernel send full packets only of what is written to the request's
// connection, until uncork is called. It is for length bytes that are at hand, so that
// nothing waits: a file's, or such as are in memory.
func corked(r *http.Request, obj *storage.Object, length int64) (uncork func()) {
	raw, ok := r.Context().Value(connKey{}).(syscall.RawConn)
	if !ok || r.ProtoMajor != 1 || length < leastCorked || length >= leastInPieces || !atHand(obj, length) {
		return func() {}
	}
	cork(raw, true)
	return func() { cork(raw, false) }
}

func atHand(obj *storage.Object, length int64) bool {
	if _, ok := inMemory(obj, length); ok {
		return true
	}
	_, ok := storage.File(obj)
	return ok
}
