package s3test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.uber.org/goleak"
)

const (
	accessKey = "s3test"
	secretKey = "not-a-secret-only-for-tests"
	region    = "us-east-1"
)

// gateway is the server that all tests use; "" means there is none.
var gateway string

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
		stop, err := start(binary)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer stop()
	}
	return m.Run()
}

// start runs the server on a free port of the loopback interface, over a new folder.
func start(binary string) (stop func(), err error) {
	dir, err := os.MkdirTemp("", "s3test")
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	var output bytes.Buffer
	cmd := exec.Command(binary, "--quiet", "--access", accessKey, "--secret", secretKey, "--region", region,
		"--port", address, "--health", "/health", "posix", dir)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	}
	gateway = "http://" + address
	if err := ready(gateway + "/health"); err != nil {
		stop()
		return nil, fmt.Errorf("%s does not answer: %w\n%s", binary, err, &output)
	}
	return stop, nil
}

// ready waits until the server answers.
func ready(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
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

func client() *s3.Client {
	return s3.New(s3.Options{
		Region:       region,
		BaseEndpoint: aws.String(gateway),
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
		HTTPClient:   &http.Client{Transport: transport},
	})
}
