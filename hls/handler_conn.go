package hls

import (
	"context"
	"net"

	"github.com/vodkit/vodkit/internal/deliver"
)

// ConnContext is for the ConnContext of the http.Server that a [Handler] is mounted on:
//
//	server := &http.Server{Handler: mux, ConnContext: hls.ConnContext}
//
// The header of a segment under 512 KiB then leaves in the packets of its body (TCP_CORK),
// which lets a processor serve about a tenth more of them. That is for plain HTTP/1.1 on
// Linux, as behind a load balancer that ends TLS; elsewhere it does nothing, and without it
// nothing is amiss. A host that has a ConnContext of its own calls this one in it.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	return deliver.ConnContext(ctx, c)
}
