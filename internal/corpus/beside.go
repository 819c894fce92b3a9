//go:build linux

package main

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/internal/corpus/compare"
	"github.com/vodkit/vodkit/storage/blobstore"
)

// beside decodes an asset's smallest pictures and its sound, and lays them beside the
// file that was uploaded.
func (d *demo) beside(ctx context.Context, file string, p presentation) (r compare.Result, err error) {
	dir, err := os.MkdirTemp(d.dir, "beside-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	picture, sound, err := streams(ctx, dir, file)
	if err != nil {
		return r, err
	}
	var have [2]compare.Stream
	for i, list := range []*url.URL{p.smallest, p.sound} {
		if list == nil {
			continue
		}
		have[i].Path = filepath.Join(dir, []string{"picture.mp4", "sound.mp4"}[i])
		if err := d.join(ctx, list, have[i].Path); err != nil {
			return r, err
		}
	}
	output, err := compare.Read(ctx, have[0], have[1], &compare.Options{Times: true})
	if err != nil {
		return r, err
	}
	source, err := compare.Read(ctx, picture, sound, nil)
	if err != nil {
		return r, err
	}
	return compare.Compare(source, output), nil
}

// streams returns which streams of a file are encoded.
func streams(ctx context.Context, dir, file string) (picture, sound compare.Stream, err error) {
	store, err := blobstore.OpenFile(filepath.Join(dir, "bucket"), nil)
	if err != nil {
		return picture, sound, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	f, err := os.Open(file)
	if err != nil {
		return picture, sound, err
	}
	defer func() { _ = f.Close() }()
	info, err := store.Put(ctx, "source", f, nil)
	if err != nil {
		return picture, sound, err
	}
	m, err := ffmpeg.New(store, nil).Probe(ctx, encoder.Source{Parts: []encoder.Part{{Key: info.Key, Size: info.Size, ETag: info.ETag}}})
	if err != nil {
		return picture, sound, err
	}
	_, tracks, err := encoder.Plan(m, nil)
	for _, t := range tracks {
		switch s := (compare.Stream{Path: file, Index: t.Stream}); {
		case t.Kind == hls.Video:
			picture = s
		case t.Kind == hls.Audio && sound.Path == "":
			sound = s
		}
	}
	return picture, sound, err
}

// join writes the init segment and the media segments of a playlist to a file.
func (d *demo) join(ctx context.Context, list *url.URL, path string) error {
	body, err := d.fetch(ctx, list.String())
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for line := range strings.Lines(string(body)) {
		uri := strings.TrimSpace(line)
		if strings.HasPrefix(uri, "#EXT-X-MAP") {
			if m := uriAttribute.FindStringSubmatch(uri); m != nil {
				uri = m[1]
			}
		}
		if uri == "" || strings.HasPrefix(uri, "#") {
			continue
		}
		ref, err := list.Parse(uri)
		if err != nil {
			return err
		}
		data, err := d.fetch(ctx, ref.String())
		if err != nil {
			return err
		}
		if _, err := f.Write(data); err != nil {
			return err
		}
	}
	return f.Close()
}
