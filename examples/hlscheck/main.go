// Command hlscheck checks an HLS presentation on its bytes: one of vodkit's, or any other.
//
//	go run ./hlscheck https://example.com/media/42/master.m3u8
//	go run ./hlscheck /srv/vod/media/42
//
// It ends with status 0 where there is no error (with -strict: nor a warning), 1 where
// there is one, and 2 where the presentation could not be checked.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/vodkit/vodkit/hls/check"
)

// The exit statuses.
const (
	statusGood      = 0
	statusBad       = 1
	statusUnchecked = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// config is what the command line asks for.
type config struct {
	target  string
	json    bool
	strict  bool
	rules   bool
	keys    bool
	profile string
	timeout time.Duration
	header  http.Header
	options check.Options
}

func parseFlags(args []string, errs io.Writer) (config, error) {
	c := config{header: http.Header{}}
	f := flag.NewFlagSet("hlscheck", flag.ContinueOnError)
	f.SetOutput(errs)
	f.Usage = func() {
		fmt.Fprintln(errs, "usage: hlscheck [flags] URL|DIR|FILE.m3u8")
		f.PrintDefaults()
	}
	f.BoolVar(&c.json, "json", false, "write the report as JSON")
	f.BoolVar(&c.strict, "strict", false, "let warnings fail too")
	f.BoolVar(&c.rules, "rules", false, "list the rules and end")
	f.BoolVar(&c.keys, "keys", false, "get the keys that playlists name, and look into AES-128 segments")
	f.StringVar(&c.profile, "profile", "all", "which rules to apply: conformance, authoring or all")
	f.DurationVar(&c.options.Expected, "expected", 0, "how long the presentation has to be, such as 1h2m3s")
	f.DurationVar(&c.options.Tolerance, "tolerance", 0, "how much of -expected may be missing (default a segment)")
	f.IntVar(&c.options.Sample, "sample", 0, "look at this many segments of each track (default all)")
	f.IntVar(&c.options.Parallel, "parallel", 4, "read this many objects at a time")
	f.DurationVar(&c.timeout, "timeout", 10*time.Minute, "give up after this long")
	f.Func("skip", "rule not to apply; may be repeated", func(id string) error {
		c.options.Skip = append(c.options.Skip, id)
		return nil
	})
	f.Func("header", "header of every request, such as \"Authorization: Bearer x\"; may be repeated", func(s string) error {
		name, value, ok := strings.Cut(s, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return errors.New("write Name: value")
		}
		c.header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		return nil
	})
	if err := f.Parse(args); err != nil {
		return c, err
	}
	switch c.profile {
	case "all":
	case string(check.Conformance), string(check.Authoring):
		c.options.Profiles = []check.Profile{check.Profile(c.profile)}
	default:
		return c, fmt.Errorf("-profile %q: it must be conformance, authoring or all", c.profile)
	}
	c.target = f.Arg(0)
	if !c.rules && f.NArg() != 1 {
		f.Usage()
		return c, errors.New("name one URL, folder or playlist")
	}
	return c, nil
}

// run checks what the command line names and returns the exit status.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	c, err := parseFlags(args, errs)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return statusGood
	case err != nil:
		fmt.Fprintln(errs, "hlscheck:", err)
		return statusUnchecked
	}
	if c.rules {
		printRules(out)
		return statusGood
	}
	report, err := inspect(ctx, c)
	if report.Master != "" && (err == nil || len(report.Findings) > 0) {
		if perr := write(out, c, report); perr != nil {
			fmt.Fprintln(errs, "hlscheck:", perr)
			return statusUnchecked
		}
	}
	if err != nil {
		fmt.Fprintln(errs, "hlscheck:", err)
		return statusUnchecked
	}
	if report.Count(check.Error) > 0 || c.strict && report.Count(check.Warning) > 0 {
		return statusBad
	}
	return statusGood
}

func inspect(ctx context.Context, c config) (check.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	src, master, done, err := open(c)
	if err != nil {
		return check.Report{}, err
	}
	defer done()
	opts := c.options
	if c.keys {
		opts.Key = func(ctx context.Context, uri string) ([]byte, error) { return readKey(ctx, src, uri) }
	}
	return check.Run(ctx, src, master, &opts)
}

func write(out io.Writer, c config, r check.Report) error {
	if c.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(r)
	}
	return printReport(out, r)
}
