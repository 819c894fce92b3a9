package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/vodkit/vodkit/hls/check"
)

// printReport writes the findings, the worst first, and tables of what was measured.
func printReport(w io.Writer, r check.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.Master)
	for _, s := range []check.Severity{check.Error, check.Warning, check.Info} {
		n := r.Count(s)
		if n == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n", plural(n, string(s)))
		for _, f := range r.Findings {
			if f.Severity != s {
				continue
			}
			fmt.Fprintf(&b, "  %s", f.Rule)
			if at := f.Where.String(); at != "" {
				fmt.Fprintf(&b, "  %s", at)
			}
			fmt.Fprintf(&b, "\n      %s\n", f.Message)
		}
	}
	if r.Omitted > 0 {
		fmt.Fprintf(&b, "\n%d more findings of the same rules are not shown.\n", r.Omitted)
	}
	if len(r.Variants) > 0 {
		b.WriteString("\nVariants\n")
		variants(&b, r)
	}
	b.WriteString("\nTracks\n")
	tracks(&b, r)
	b.WriteString("\n")
	if r.Expected > 0 {
		fmt.Fprintf(&b, "%s of %s expected. ", clock(r.Duration), clock(r.Expected))
	}
	verdict := "It conforms"
	if r.Err() != nil {
		verdict = "It does not conform"
	}
	if r.Growing {
		verdict += ", and is still growing"
	}
	fmt.Fprintf(&b, "%s: %s, %s, %s.\n", verdict, plural(r.Count(check.Error), "error"), plural(r.Count(check.Warning), "warning"), plural(r.Count(check.Info), "info"))
	_, err := io.WriteString(w, b.String())
	return err
}

func variants(b *strings.Builder, r check.Report) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  \tresolution\tBANDWIDTH\tmeasured peak\tAVERAGE-BANDWIDTH\tmeasured\tcodecs")
	for _, v := range r.Variants {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.URI, dash(v.Resolution), rate(v.Bandwidth), rate(v.Peak), rate(v.AverageBandwidth), rate(v.Average), dash(v.Codecs))
	}
	t.Flush()
}

func tracks(b *strings.Builder, r check.Report) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  \tkind\tformat\tcodecs\tsegments\tduration\tpeak\taverage")
	for _, k := range r.Tracks {
		segments := fmt.Sprint(k.Segments)
		if k.Read < k.Segments {
			segments = fmt.Sprintf("%d of %d", k.Read, k.Segments)
		}
		d := clock(k.Duration)
		if !k.Measured {
			d = "~" + d
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.URI, dash(k.Kind), dash(k.Format), dash(k.Codecs), segments, d, rate(k.Peak), rate(k.Average))
	}
	t.Flush()
}

func printRules(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range check.Rules() {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.ID, r.Profile, r.Severity, r.Title)
	}
	t.Flush()
}

// rate writes bits per second as kb/s.
func rate(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f kb/s", float64(n)/1000)
}

func clock(d time.Duration) string { return d.Round(time.Millisecond).String() }

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
