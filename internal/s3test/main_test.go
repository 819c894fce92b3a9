package s3test

import (
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.uber.org/goleak"

	"github.com/vodkit/vodkit/internal/s3test/gateway"
)

// serverURL is where the server is that all tests use; "" means there is none.
var serverURL string

var transport = http.DefaultTransport.(*http.Transport).Clone()

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	code := runWithGateway(m)
	transport.CloseIdleConnections()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

func runWithGateway(m *testing.M) int {
	if binary := os.Getenv("VERSITYGW"); binary != "" {
		server, err := gateway.Start(binary)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer server.Close()
		serverURL = server.URL
	}
	return m.Run()
}

func client() *s3.Client { return gateway.Client(serverURL, transport) }
