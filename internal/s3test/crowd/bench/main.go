// Command bench counts what a crowd of viewers costs an S3 bucket, through vodkit and
// through nginx. It prints a table and fails where vodkit reads an object more than once,
// or where a viewer gets other bytes than were published.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob/s3blob"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/s3test/crowd"
	"github.com/vodkit/vodkit/internal/s3test/gateway"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

const bucket = "vod"

func main() {
	b := bench{}
	flag.StringVar(&b.versitygw, "versitygw", "", "the S3 server's `binary`")
	flag.StringVar(&b.nginx, "nginx", "nginx", "nginx's `binary`; \"\" leaves it out")
	flag.IntVar(&b.viewers, "viewers", 1000, "how many arrive together")
	flag.IntVar(&b.size, "size", 300_000, "bytes of a segment of the best rendition")
	flag.StringVar(&b.out, "out", "", "`file` for the table, besides the standard output")
	flag.Parse()
	if err := b.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type bench struct {
	versitygw, nginx, out string
	viewers, size         int

	table []byte
}

func (b *bench) run(ctx context.Context) error {
	server, err := gateway.Start(b.versitygw)
	if err != nil {
		return err
	}
	defer server.Close()
	direct := &http.Transport{}
	defer direct.CloseIdleConnections()
	s3client := gateway.Client(server.URL, direct)
	if _, err := s3client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		return err
	}
	store, err := openStore(ctx, server.URL, direct)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	p, err := crowd.Publish(ctx, store, "42", b.size)
	if err != nil {
		return err
	}
	b.row("server", "origin", "viewers", "objects", "origin_gets", "per_object", "viewers_right")
	var failed error
	for _, origin := range []struct {
		name  string
		delay time.Duration
		fail  int
	}{{"as it is", 0, 0}, {"200 ms, 5 % errors", 200 * time.Millisecond, 20}} {
		for _, watch := range []struct {
			name string
			run  func(ctx context.Context, proxy *crowd.Proxy, address string, p *crowd.Presentation) (crowd.Result, error)
		}{{"vodkit", b.vodkit}, {"nginx proxy_cache lock", b.throughNginx}} {
			if b.nginx == "" && watch.name != "vodkit" {
				continue
			}
			proxy := crowd.NewProxy(server.URL, 1)
			proxy.Delay, proxy.Fail = origin.delay, origin.fail
			result, err := b.proxied(ctx, proxy, p, watch.run)
			if err != nil {
				return err
			}
			gets := 0
			for _, n := range proxy.Gets() {
				gets += n
			}
			objects := p.Watched(b.viewers)
			b.row(watch.name, origin.name, b.viewers, objects, gets, fmt.Sprintf("%.2f", float64(gets)/float64(objects)), result.Right)
			if watch.name == "vodkit" && (gets != objects || len(proxy.Gets()) != objects || result.Right != b.viewers) {
				failed = errors.Join(failed, fmt.Errorf("vodkit, %s: %d GETs of %d objects, %d viewers of %d are right: %w",
					origin.name, gets, objects, result.Right, b.viewers, result.Err))
			}
		}
	}
	if b.out != "" {
		failed = errors.Join(failed, os.WriteFile(b.out, b.table, 0o666))
	}
	return failed
}

// row prints a line of the table.
func (b *bench) row(cells ...any) {
	begin := len(b.table)
	for i, c := range cells {
		if i > 0 {
			b.table = append(b.table, '\t')
		}
		b.table = fmt.Append(b.table, c)
	}
	b.table = append(b.table, '\n')
	_, _ = os.Stdout.Write(b.table[begin:])
}

// proxied runs watch with the proxy listening.
func (b *bench) proxied(ctx context.Context, proxy *crowd.Proxy, p *crowd.Presentation,
	watch func(context.Context, *crowd.Proxy, string, *crowd.Presentation) (crowd.Result, error),
) (crowd.Result, error) {
	defer proxy.Close()
	address, stop, err := listen(proxy)
	if err != nil {
		return crowd.Result{}, err
	}
	defer stop()
	return watch(ctx, proxy, address, p)
}

func (b *bench) vodkit(ctx context.Context, _ *crowd.Proxy, address string, p *crowd.Presentation) (crowd.Result, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	store, err := openStore(ctx, "http://"+address, transport)
	if err != nil {
		return crowd.Result{}, err
	}
	defer func() { _ = store.Close() }()
	cache := storage.NewCache(store, nil)
	defer func() { _ = cache.Close() }()
	served, stop, err := listen(http.StripPrefix("/media", hls.NewHandler(cache, nil)))
	if err != nil {
		return crowd.Result{}, err
	}
	defer stop()
	return p.Watch(ctx, "http://"+served, b.viewers), nil
}

func (b *bench) throughNginx(ctx context.Context, _ *crowd.Proxy, address string, p *crowd.Presentation) (crowd.Result, error) {
	binary, err := exec.LookPath(b.nginx)
	if err != nil {
		return crowd.Result{}, err
	}
	n, err := crowd.StartNginx(binary, address, bucket)
	if err != nil {
		return crowd.Result{}, err
	}
	defer n.Close()
	return p.Watch(ctx, n.URL, b.viewers), nil
}

func openStore(ctx context.Context, url string, transport http.RoundTripper) (*blobstore.Store, error) {
	b, err := s3blob.OpenBucket(ctx, gateway.Client(url, transport), bucket, nil)
	if err != nil {
		return nil, err
	}
	return blobstore.New(b, &blobstore.Options{ETag: gateway.ETag}), nil
}

// listen serves on a free port of the loopback interface.
func listen(h http.Handler) (address string, stop func(), err error) {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	return l.Addr().String(), func() {
		_ = srv.Close()
		<-done
	}, nil
}
