//go:build linux

// Command corpus sends every file of a collection through the demo server and writes a
// table of what became of each. It exits 1 where a rule is broken:
//
//   - each file ends COMPLETE or with a typed ERROR, within the time limit;
//   - what is COMPLETE has playlists as long as the source within one segment, unless
//     explain.go says why not, that ffprobe reads to the same length, and shows and sounds
//     like the source (internal/corpus/compare);
//   - a file that points at another one ends in ERROR;
//   - progress never goes back, and there is one terminal event;
//   - no process is left when a file is done.
//
// The collection is a folder with an INVENTORY.tsv whose columns path and duration_s are
// read.
//
//	go run ./internal/corpus -server ./server -media ../shared/media -out results.tsv
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vodkit/vodkit/internal/corpus/compare"
	"github.com/vodkit/vodkit/internal/corpus/inventory"
)

func main() {
	var (
		server = flag.String("server", "", "the demo server's program")
		media  = flag.String("media", os.Getenv("VODKIT_MEDIA"), "the folder with the files; defaults to $VODKIT_MEDIA")
		out    = flag.String("out", "results.tsv", "where the table goes")
		only   = flag.String("only", "", "only files whose path contains this")
		limit  = flag.Duration("limit", 30*time.Minute, "the longest that one file may take")
	)
	flag.Parse()
	if err := run(*server, *media, *out, *only, *limit); err != nil {
		fmt.Fprintln(os.Stderr, "corpus:", err)
		os.Exit(1)
	}
}

// row is what became of one file.
type row struct {
	path, status, code string
	source, playlist   float64 // seconds; NaN where unknown
	variants           int
	compared           compare.Result
	took               time.Duration
	broken             []string // rules
	note               string
}

const header = "path\tstatus\tcode\tsource_s\tplaylist_s\tvariants\t" + compare.Header + "\ttook_s\tbroken_rules\tnote"

func (r row) String() string {
	num := func(f float64) string {
		if math.IsNaN(f) {
			return "-"
		}
		return strconv.FormatFloat(f, 'f', 3, 64)
	}
	note := r.note
	if why := explanations[r.path]; why != "" {
		note = strings.Trim(note+"; "+why, "; ")
	}
	return strings.Join([]string{r.path, r.status, orDash(r.code), num(r.source), num(r.playlist), strconv.Itoa(r.variants), r.compared.Columns(),
		strconv.FormatFloat(r.took.Seconds(), 'f', 1, 64), orDash(strings.Join(r.broken, "; ")), orDash(note)}, "\t")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return strings.NewReplacer("\t", " ", "\n", " ").Replace(s)
}

func run(program, media, out, only string, limit time.Duration) (err error) {
	if program == "" || media == "" {
		return errors.New("name the server's program with -server and the collection with -media or VODKIT_MEDIA")
	}
	files, err := inventory.Read(filepath.Join(media, "INVENTORY.tsv"))
	if err != nil {
		return err
	}
	srv, err := startServer(program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	table, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, table.Close()) }()
	_, _ = fmt.Fprintln(table, header)
	broken, seen := 0, 0
	for _, f := range files {
		if !strings.Contains(f.Path, only) {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		r := srv.send(ctx, media, f)
		cancel()
		seen++
		if len(r.broken) > 0 {
			broken++
		}
		_, _ = fmt.Fprintln(table, r)
		fmt.Println(r)
	}
	fmt.Printf("%d files, %d with a broken rule; the table is in %s\n", seen, broken, out)
	if broken > 0 {
		return fmt.Errorf("%d files broke a rule", broken)
	}
	if seen == 0 {
		return errors.New("no file was tried")
	}
	return nil
}
