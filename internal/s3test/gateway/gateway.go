// Package gateway runs versitygw, an S3 server that keeps objects in a folder, for tests
// and benchmarks.
package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// What the server asks of its clients.
const (
	AccessKey = "s3test"
	SecretKey = "not-a-secret-only-for-tests"
	Region    = "us-east-1"
)

// Server is a running server.
type Server struct {
	URL string

	cmd *exec.Cmd
	dir string
}

// Start runs the binary on a free port of the loopback interface, over a new folder, and
// waits until it answers.
func Start(binary string) (*Server, error) {
	dir, err := os.MkdirTemp("", "s3test")
	if err != nil {
		return nil, err
	}
	address, err := FreeAddress()
	if err != nil {
		return nil, err
	}
	var output bytes.Buffer
	cmd := exec.Command(binary, "--quiet", "--access", AccessKey, "--secret", SecretKey, "--region", Region, //nolint:noctx // Close ends it
		"--port", address, "--health", "/health", "posix", dir)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	s := &Server{URL: "http://" + address, cmd: cmd, dir: dir}
	if err := Ready(s.URL + "/health"); err != nil {
		s.Close()
		return nil, fmt.Errorf("%s does not answer: %w\n%s", binary, err, &output)
	}
	return s, nil
}

// Close ends the server and removes its folder.
func (s *Server) Close() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	_ = os.RemoveAll(s.dir)
}

// Client returns a client of the server, or of what stands at url in front of it. The server
// keeps keys in folders: where one of a neighbour's is removed while a Put makes it, it may
// answer ExistingObjectIsDirectory, which no real S3 does, so that is tried again.
func Client(url string, transport http.RoundTripper) *s3.Client {
	return s3.New(s3.Options{
		Region:       Region,
		BaseEndpoint: aws.String(url),
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(AccessKey, SecretKey, ""),
		HTTPClient:   &http.Client{Transport: transport},
		Retryer:      retry.AddWithErrorCodes(retry.NewStandard(), "ExistingObjectIsDirectory"),
	})
}

// ETag is what the documentation of blobstore recommends for S3.
func ETag(as func(any) bool) string {
	var get s3.GetObjectOutput
	var head s3.HeadObjectOutput
	var listed types.Object
	switch {
	case as(&get):
		return aws.ToString(get.ETag)
	case as(&head):
		return aws.ToString(head.ETag)
	case as(&listed):
		return aws.ToString(listed.ETag)
	}
	return ""
}

// FreeAddress returns an address of the loopback interface where nobody listens.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Ready waits until a server answers a GET of the URL with 200, for 20 seconds at most.
func Ready(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := transport.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(resp.Status)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}
