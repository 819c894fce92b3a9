package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// config is what the flags say.
type config struct {
	addr       string
	bucket     string
	encoders   int
	sample     bool
	maxUpload  size
	sweepEvery time.Duration
	secret     string
}

// parseFlags reads the command line. Errors have been told to out already.
func parseFlags(args []string, out io.Writer) (config, error) {
	c := config{maxUpload: 4 << 30}
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`address` to listen on; everyone who reaches it can upload and delete")
	flags.StringVar(&c.bucket, "bucket", "", "where everything is kept: a folder, or a gocloud.dev `URL` such as file:///srv/vod, mem:// or s3://name?region=eu-central-1\n(default a folder in the user's cache)")
	flags.IntVar(&c.encoders, "encoders", 2, "how many windows of videos are encoded at once, `N`")
	flags.BoolVar(&c.sample, "sample", false, "make a sample video and encode it when the bucket has no video")
	flags.DurationVar(&c.sweepEvery, "sweep-every", time.Hour, "how often what killed processes left behind is removed once it is a day old; 0 for never")
	flags.StringVar(&c.secret, "secret", "", "what signs the addresses of uploads straight to a folder or memory: `text` that outlives a restart\n(default a random one)")
	flags.Var(&c.maxUpload, "max-upload", "largest upload, a `size` such as 500MB or 4GiB")
	if err := flags.Parse(args); err != nil {
		return config{}, err
	}
	err := func() error {
		switch {
		case flags.NArg() > 0:
			return fmt.Errorf("unexpected argument %q", flags.Arg(0))
		case c.encoders < 1:
			return fmt.Errorf("-encoders is %d and must be at least 1", c.encoders)
		case c.sweepEvery < 0:
			return fmt.Errorf("-sweep-every is %v and must not be negative", c.sweepEvery)
		case c.maxUpload < 1:
			return errors.New("-max-upload must be more than 0")
		}
		return nil
	}()
	if err != nil {
		_, _ = fmt.Fprintln(out, err)
		flags.Usage()
	}
	return c, err
}

// size is a number of bytes as a flag: "4GiB", "500 MB", "1.5g", "1048576".
type size int64

var units = []struct {
	name  string
	bytes float64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"tib", 1 << 40},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12},
	{"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {"t", 1 << 40},
	{"bytes", 1}, {"b", 1},
}

// Set reads s.
func (z *size) Set(s string) error {
	number, factor := strings.ToLower(strings.TrimSpace(s)), 1.0
	for _, u := range units {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, factor = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(n) || n < 0 || n*factor >= math.MaxInt64 {
		return fmt.Errorf("%q is no size: write something like 500MB or 4GiB", s)
	}
	*z = size(n * factor)
	return nil
}

// String says z in the largest unit that it is a whole number of.
func (z *size) String() string {
	if z == nil || *z == 0 {
		return "0"
	}
	for _, u := range []struct {
		name  string
		bytes size
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if *z%u.bytes == 0 {
			return strconv.FormatInt(int64(*z/u.bytes), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(*z), 10)
}
