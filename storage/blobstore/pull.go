package blobstore

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"time"

	"gocloud.dev/blob"

	"github.com/vodkit/vodkit/storage"
)

// abortGrace is how long a driver gets to give up an upload in parts by itself.
const abortGrace = 5 * time.Second

// pull puts by letting the driver read r itself. On S3 that is the only way to give up an
// upload in parts and have the parts removed: the SDK does so when its reader fails, but
// when its context ends it tries with that same context, in vain.
//
// So the driver's context goes on when ctx ends; the reader fails instead, and only a
// driver that doesn't come back soon is cancelled.
func (s *Store) pull(ctx context.Context, key string, r io.Reader, o storage.PutOptions) (int64, error) {
	driverCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	finished, watched := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(watched)
		timer := time.NewTimer(abortGrace)
		defer timer.Stop()
		select {
		case <-finished:
		case <-timer.C:
			cancel()
		}
	})
	p := &puller{ctx: ctx, src: r, size: o.Size}
	err := s.bucket.Upload(driverCtx, key, p, s.writerOptions(o))
	close(finished)
	if !stop() {
		<-watched
	}
	if p.panicked != nil {
		panic(p.panicked) //nolint:forbidigo // the source's own, handed on to the goroutine where it belongs
	}
	if p.err != nil && p.err != io.EOF { //nolint:errorlint // the end is io.EOF itself
		return p.n, p.err
	}
	return p.n, err
}

// puller checks a source on its way to a driver. A driver reads it in a goroutine of its
// own, so a panic is kept for the one that called Put.
type puller struct {
	ctx      context.Context
	src      io.Reader
	size     int64 // 0 for unknown
	n        int64
	err      error // how it ended
	panicked any
}

func (p *puller) Read(b []byte) (n int, err error) {
	if p.err != nil {
		return 0, p.err
	}
	defer func() {
		if v := recover(); v != nil {
			p.panicked = v
			n, err = 0, fmt.Errorf("the source panicked: %v", v)
		}
		p.err = err
	}()
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	n, err = p.src.Read(b)
	p.n += int64(n)
	if ctxErr := p.ctx.Err(); ctxErr != nil {
		return n, ctxErr
	}
	if err != nil && err != io.EOF { //nolint:errorlint // a wrapped EOF is an error of the source's
		return n, &sourceError{err}
	}
	if sizeErr := checkSize(p.n, p.size, err != nil); sizeErr != nil {
		return n, sizeErr
	}
	return n, err
}

// checkSize compares what a source has yielded with what was announced.
func checkSize(n, announced int64, ended bool) error {
	switch {
	case announced <= 0:
		return nil
	case n > announced:
		return fmt.Errorf("the source yields more than the %d bytes announced: %w", announced, io.ErrUnexpectedEOF)
	case ended && n < announced:
		return fmt.Errorf("the source yields %d of the %d bytes announced: %w", n, announced, io.ErrUnexpectedEOF)
	}
	return nil
}

// isS3 says whether the driver is s3blob, without importing it and the SDK of AWS. The
// portable API doesn't tell, so this asks for the name of the driver's type; where that
// fails, Put works as for any driver and may leave parts behind (internal/s3test fails
// then).
func isS3(bucket *blob.Bucket) bool {
	driver := reflect.ValueOf(bucket).Elem().FieldByName("b")
	for range 8 { // PrefixedBucket wraps a driver, perhaps again and again
		for driver.Kind() == reflect.Interface || driver.Kind() == reflect.Pointer {
			driver = driver.Elem()
		}
		if driver.Kind() != reflect.Struct {
			return false
		}
		if driver.Type().PkgPath() == "gocloud.dev/blob/s3blob" {
			return true
		}
		driver = driver.FieldByName("base")
	}
	return false
}
