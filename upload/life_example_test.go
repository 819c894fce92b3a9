package upload_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/encodertest"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/progresstest"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

// newService starts a pipeline with a store in memory and the fake encoder, as a service's
// tests do.
func newService(o upload.Options) (vod *upload.Pipeline, ended func(upload.Asset), stop func()) {
	store := blobstore.New(memblob.OpenBucket(nil), nil)
	fake := encodertest.NewFake(store, nil)
	events := &progresstest.Recorder{}
	o.Sink = events
	vod, err := upload.New(store, fake, fake, &o)
	if err == nil {
		err = vod.Start(context.Background())
	}
	if err != nil {
		panic(err)
	}
	ended = func(a upload.Asset) { _, _ = events.WaitAttempt(context.Background(), a.ID, a.Attempt) }
	return vod, ended, func() {
		_ = vod.Shutdown(context.Background())
		_ = store.Close()
	}
}

// A host that has plans refuses what is not in them, before a byte is sent.
func ExampleRefusal() {
	ctx := context.Background()
	vod, _, stop := newService(upload.Options{
		Admit: func(_ context.Context, n upload.NewAsset) error {
			if n.Tenant == "free" && n.Size > 1<<30 {
				return &upload.Refusal{Status: 413, Code: "plan_limit", Message: "Your plan has videos of up to 1 GB."}
			}
			return nil
		},
		Quota: func(_ context.Context, tenant string) (int64, error) { return 50 << 30, nil },
	})
	defer stop()
	_, err := vod.Create(ctx, upload.NewAsset{ID: "film", Tenant: "free", Size: 2 << 30}, strings.NewReader("…"))
	var refusal *upload.Refusal
	fmt.Println(errors.Is(err, upload.ErrRefused), errors.As(err, &refusal), refusal.Code)
	_, err = vod.Create(ctx, upload.NewAsset{ID: "film", Tenant: "free", Size: 0}, strings.NewReader("a video"))
	fmt.Println(err)
	// Output:
	// true true plan_limit
	// <nil>
}

// Names and metadata change at any time.
func ExamplePipeline_Update() {
	ctx := context.Background()
	vod, _, stop := newService(upload.Options{})
	defer stop()
	a, err := vod.Create(ctx, upload.NewAsset{Name: "VID_0001.mp4", Metadata: map[string]string{"views": "41"}}, strings.NewReader("a video"))
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err = vod.Update(ctx, a.ID, func(e *upload.Edit) error {
		e.Name = "The beach.mp4"
		e.Metadata["views"] = "42"
		return nil
	})
	fmt.Println(a.Name, a.Metadata, err)
	// Output:
	// The beach.mp4 map[views:42] <nil>
}

// A better cut takes the place of a video under its address.
func ExamplePipeline_Replace() {
	ctx := context.Background()
	vod, ended, stop := newService(upload.Options{})
	defer stop()
	a, err := vod.Create(ctx, upload.NewAsset{ID: "film"}, strings.NewReader("the first cut"))
	if err != nil {
		fmt.Println(err)
		return
	}
	ended(a)
	a, err = vod.Replace(ctx, "film", upload.NewSource{Name: "final.mp4"}, strings.NewReader("the director's cut"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.Status, a.Playlist, a.Size)
	ended(a)
	a, err = vod.Get(ctx, "film")
	fmt.Println(a.Status, a.Playlist, a.Attempts, err)
	// Output:
	// READY media/film/master.m3u8 18
	// COMPLETE media/film/master.m3u8 2 <nil>
}

// What has failed is encoded again, with a smaller ladder.
func ExamplePipeline_RetryAll() {
	ctx := context.Background()
	vod, ended, stop := newService(upload.Options{
		Profiles: map[string]*encoder.PlanOptions{"small": {MaxHeight: 480}},
	})
	defer stop()
	for _, id := range []string{"one", "two"} {
		a, err := vod.Create(ctx, upload.NewAsset{ID: id}, strings.NewReader("a video"))
		if err != nil {
			fmt.Println(err)
			return
		}
		ended(a)
	}
	small := "small"
	query := upload.Query{Status: progress.Complete}
	for {
		report, err := vod.RetryAll(ctx, query, &upload.RetryOptions{Profile: &small})
		fmt.Println(report.Retried, report.Busy, err)
		if !errors.Is(err, upload.ErrBacklogFull) {
			return
		}
		query.After = report.Next // and a pause
	}
	// Output:
	// 2 0 <nil>
}
