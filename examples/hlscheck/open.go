package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/vodkit/vodkit/hls/check"
)

// open returns the Source of the target, and the playlist in it. done frees it.
func open(c config) (src check.Source, master string, done func(), err error) {
	if strings.HasPrefix(c.target, "http://") || strings.HasPrefix(c.target, "https://") {
		client := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
		return check.HTTP(&check.HTTPOptions{Client: client, Header: c.header}), c.target, client.CloseIdleConnections, nil
	}
	dir := c.target
	info, err := os.Stat(c.target)
	if err != nil {
		return nil, "", nil, err
	}
	if info.IsDir() {
		if master, err = playlistIn(dir); err != nil {
			return nil, "", nil, err
		}
	} else {
		dir, master = filepath.Split(c.target)
		if dir == "" {
			dir = "."
		}
	}
	folder, err := check.Dir(dir)
	if err != nil {
		return nil, "", nil, err
	}
	return folder, master, func() { folder.Close() }, nil
}

// playlistIn returns the name of the playlist to begin with: master.m3u8, or the only one
// there is.
func playlistIn(dir string) (string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.m3u8"))
	if err != nil {
		return "", err
	}
	for _, n := range names {
		if filepath.Base(n) == "master.m3u8" {
			return "master.m3u8", nil
		}
	}
	if len(names) != 1 {
		return "", fmt.Errorf("%s has no master.m3u8, and %d other playlists; name the one to check", dir, len(names))
	}
	return filepath.Base(names[0]), nil
}

func readKey(ctx context.Context, src check.Source, uri string) ([]byte, error) {
	obj, err := src.Open(ctx, uri, 0, 0)
	if err != nil {
		return nil, err
	}
	defer obj.Body.Close()
	return io.ReadAll(io.LimitReader(obj.Body, 1024))
}
