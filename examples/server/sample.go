package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/vodkit/vodkit/upload"
)

const sampleName = "Sample: a game of life.mp4"

// addSample makes a video and hands it in like an upload, if there is none yet.
func addSample(ctx context.Context, pipeline *upload.Pipeline) error {
	assets, err := pipeline.List(ctx, upload.Query{Limit: 1})
	if err != nil || len(assets) > 0 {
		return err
	}
	dir, err := os.MkdirTemp("", "vodkit-sample-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	name := filepath.Join(dir, "sample.mp4")
	if err := makeSample(ctx, name); err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = pipeline.Create(ctx, upload.NewAsset{Name: sampleName, ContentType: "video/mp4"}, f)
	return err
}

// makeSample writes 24 seconds of 720p with sound: a game of life over drifting
// colours, and a chord that swells.
func makeSample(ctx context.Context, name string) error {
	const (
		seconds = "24"
		colours = "gradients=s=1280x720:r=30:speed=0.03:nb_colors=5:seed=7:c0=0x1b1b4b:c1=0x5151cd:c2=0xd6409f:c3=0xf76b15:c4=0x12a594"
		life    = "life=s=320x180:r=15:mold=12:ratio=0.12:seed=3:life_color=white:death_color=0x202060:mold_color=black," +
			"scale=1280:720:flags=neighbor,fps=30,format=gray,boxblur=2"
		chord = "aevalsrc=s=48000:exprs=" +
			"0.12*sin(2*PI*220*t)*(0.6+0.4*sin(PI*t))+0.10*sin(2*PI*277.18*t)*(0.6+0.4*sin(0.66*PI*t))+0.10*sin(2*PI*329.63*t)*(0.6+0.4*sin(0.5*PI*t))"
		mix = "[0:v]format=gbrp[a];[1:v]format=gbrp[b];[a][b]blend=all_mode=screen:all_opacity=0.5,format=yuv420p[v]"
	)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y",
		"-f", "lavfi", "-i", colours, "-f", "lavfi", "-i", life, "-f", "lavfi", "-i", chord,
		"-filter_complex", mix, "-map", "[v]", "-map", "2:a", "-t", seconds,
		"-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-c:a", "aac", "-ac", "2", "-movflags", "+faststart", name)
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("make the sample: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
