//go:build linux

// Command variants damages the files of a collection in many ways, the same ones for
// a seed, and sends each through Probe, Plan and Encode. It writes a table of what
// became of each and exits 1 where a rule is broken:
//
//   - each ends within the time limit, encoded or with a typed, permanent error;
//   - what is encoded decodes without an error and is as long as was planned, and so are
//     its segments;
//   - it shows and sounds like what ffmpeg makes of the variant (internal/corpus/compare);
//   - no process and no file is left behind.
//
// The collection is a folder with an INVENTORY.tsv whose columns path, bytes and
// duration_s are read; large and long files are left out.
//
//	go run ./internal/corpus/variants -media ../shared/media -seed 1 -n 500
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vodkit/vodkit/internal/corpus/compare"
	"github.com/vodkit/vodkit/internal/corpus/inventory"
)

func main() {
	var c config
	flag.StringVar(&c.media, "media", os.Getenv("VODKIT_MEDIA"), "the folder with the files; defaults to $VODKIT_MEDIA")
	flag.StringVar(&c.out, "out", "results-variants.tsv", "where the table goes")
	flag.StringVar(&c.only, "only", "", "only files whose path contains this")
	flag.StringVar(&c.keep, "keep", "", "a folder for the variants that break a rule; none are kept without")
	flag.Uint64Var(&c.seed, "seed", 1, "what the damage depends on")
	flag.IntVar(&c.n, "n", 500, "at least so many variants")
	flag.DurationVar(&c.limit, "limit", 2*time.Minute, "the longest that one variant may take")
	flag.BoolVar(&c.bwrap, "bwrap", false, "run ffmpeg under bubblewrap")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "variants:", err)
		os.Exit(1)
	}
}

func say(format string, args ...any) { _, _ = fmt.Fprintf(os.Stdout, format, args...) }

type config struct {
	media, out, only, keep string
	seed                   uint64
	n                      int
	limit                  time.Duration
	bwrap                  bool
}

func (c config) run(ctx context.Context) (err error) {
	if c.media == "" {
		return errors.New("name the collection with -media or VODKIT_MEDIA")
	}
	files, err := small(filepath.Join(c.media, "INVENTORY.tsv"), c.only)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("no file fits")
	}
	tr, err := newTrial(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tr.close()) }()
	table, err := os.Create(c.out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, table.Close()) }()
	say("seed %d, %d files\n", c.seed, len(files))
	_, _ = fmt.Fprintf(table, "# seed %d\n%s\n", c.seed, header)
	count := map[string]int{}
	broken, seen := 0, 0
	for n := 0; seen < c.n; n++ {
		for _, path := range files {
			b, err := os.ReadFile(filepath.Join(c.media, filepath.FromSlash(path)))
			if err != nil {
				return err
			}
			r := row{path: path, n: n}
			var data []byte
			r.kind, data = vary(c.seed, path, n, b)
			tr.send(ctx, data, &r)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			seen++
			count[r.status+" "+r.code]++
			if len(r.broken) > 0 {
				broken++
				say("%s\n", r)
				if c.keep != "" {
					name := fmt.Sprintf("%d-%s", n, strings.ReplaceAll(path, "/", "-"))
					if err := os.WriteFile(filepath.Join(c.keep, name), data, 0o600); err != nil {
						return err
					}
				}
			}
			_, _ = fmt.Fprintln(table, r)
		}
	}
	for what, n := range count {
		say("%5d %s\n", n, what)
	}
	say("%d variants, %d with a broken rule; the table is in %s\n", seen, broken, c.out)
	if broken > 0 {
		return fmt.Errorf("%d variants broke a rule", broken)
	}
	return nil
}

// row is what became of one variant.
type row struct {
	path, kind, status, code string
	n                        int
	planned, decoded         float64 // seconds
	truncated                bool
	compared                 compare.Result
	took                     time.Duration
	broken                   []string // rules
	note                     string
}

const header = "path\tvariant\tdamage\tstatus\tcode\tplanned_s\tdecoded_s\ttruncated\t" + compare.Header + "\ttook_s\tbroken_rules\tnote"

func (r row) String() string {
	num := func(f float64) string { return strconv.FormatFloat(f, 'f', 3, 64) }
	clean := func(s string) string {
		if s == "" {
			return "-"
		}
		return strings.NewReplacer("\t", " ", "\n", " ").Replace(s)
	}
	return strings.Join([]string{r.path, strconv.Itoa(r.n), r.kind, r.status, clean(r.code), num(r.planned), num(r.decoded),
		strconv.FormatBool(r.truncated), r.compared.Columns(), num(r.took.Seconds()), clean(strings.Join(r.broken, "; ")), clean(r.note)}, "\t")
}

// Files beyond these are left out, so that hundreds of variants take minutes.
const (
	mostBytes   = 2_500_000
	mostSeconds = 15
)

// small returns the paths of the files to be damaged.
func small(path, only string) ([]string, error) {
	files, err := inventory.Read(path)
	var paths []string
	for _, f := range files {
		tooLong := f.Duration > mostSeconds // not so where it is unknown (NaN)
		if f.Bytes > 0 && f.Bytes <= mostBytes && !tooLong && strings.Contains(f.Path, only) {
			paths = append(paths, f.Path)
		}
	}
	return paths, err
}
