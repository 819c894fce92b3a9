// Command serve runs versitygw for the browser tests, with a bucket that pages of every
// origin may send to as package storage/s3presign asks for, until it is interrupted:
//
//	serve -versitygw BINARY -bucket NAME
//
// It says where: "bucket s3://…", a URL of gocloud.dev.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/vodkit/vodkit/internal/s3test/gateway"
)

func main() {
	binary := flag.String("versitygw", os.Getenv("VERSITYGW"), "the server's `binary`")
	bucket := flag.String("bucket", "films", "`name` of the bucket")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *binary, *bucket); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary, bucket string) error {
	if binary == "" {
		return errors.New("-versitygw names no server; make test-s3 builds one")
	}
	server, err := gateway.Start(binary)
	if err != nil {
		return err
	}
	defer server.Close()
	client := gateway.Client(server.URL, http.DefaultTransport)
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		return err
	}
	_, err = client.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: &bucket, CORSConfiguration: &types.CORSConfiguration{
		CORSRules: []types.CORSRule{{
			AllowedOrigins: []string{"*"}, AllowedMethods: []string{"PUT"},
			AllowedHeaders: []string{"Content-Type"}, ExposeHeaders: []string{"ETag"}, MaxAgeSeconds: aws.Int32(3600),
		}},
	}})
	if err != nil {
		return err
	}
	to, err := url.Parse(server.URL)
	if err != nil {
		return err
	}
	front := httptest.NewServer(whole(to))
	defer front.Close()
	query := url.Values{"endpoint": {front.URL}, "use_path_style": {"true"}, "region": {gateway.Region}}
	fmt.Printf("bucket s3://%s?%s\n", bucket, query.Encode())
	<-ctx.Done()
	return nil
}
