//go:build unix

package bench

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Table is what a benchmark writes, and which gates it has missed.
type Table struct {
	rows   []string
	missed error
}

// Row adds a line. Numbers with a fraction have three decimals.
func (t *Table) Row(cells ...any) {
	var s []string
	for _, c := range cells {
		if f, ok := c.(float64); ok {
			c = strconv.FormatFloat(f, 'f', 3, 64)
		}
		s = append(s, fmt.Sprint(c))
	}
	t.rows = append(t.rows, strings.Join(s, "\t"))
}

// Gate notes a gate that is missed.
func (t *Table) Gate(ok bool, format string, args ...any) {
	if !ok {
		t.missed = errors.Join(t.missed, fmt.Errorf(format, args...))
	}
}

// Write writes the table to a file and the standard output. It returns the gates that are
// missed, too.
func (t *Table) Write(path string) error {
	text := strings.Join(t.rows, "\n") + "\n"
	fmt.Print(text)
	return errors.Join(os.WriteFile(path, []byte(text), 0o644), t.missed) //nolint:gosec // a report is for everyone
}
