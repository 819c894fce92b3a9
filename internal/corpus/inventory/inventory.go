// Package inventory reads the table of a collection of real files.
package inventory

import (
	"bufio"
	"math"
	"os"
	"strconv"
	"strings"
)

// File is a line of INVENTORY.tsv.
type File struct {
	Path     string
	Bytes    int64   // 0 where it says none
	Duration float64 // seconds; NaN where it says none
}

// Read reads the columns path, bytes and duration_s of the table at path.
func Read(path string) ([]File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	var files []File
	column := map[string]int{}
	for sc.Scan() {
		fields := strings.Split(sc.Text(), "\t")
		if len(column) == 0 {
			for i, name := range fields {
				column[name] = i
			}
			continue
		}
		at := func(name string) string {
			if i, ok := column[name]; ok && i < len(fields) {
				return fields[i]
			}
			return ""
		}
		file := File{Path: at("path"), Duration: math.NaN()}
		file.Bytes, _ = strconv.ParseInt(at("bytes"), 10, 64)
		if d, err := strconv.ParseFloat(at("duration_s"), 64); err == nil {
			file.Duration = d
		}
		files = append(files, file)
	}
	return files, sc.Err()
}
