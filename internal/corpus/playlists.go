//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// presentation is what the playlists of an asset say.
type presentation struct {
	variants          int
	shortest, longest float64 // seconds
	// smallest and sound are the media playlists of the variant with the least bandwidth
	// and of the first rendition of sound. Nil where there is none: sound alone is a
	// variant of its own.
	smallest, sound *url.URL
}

var (
	uriAttribute = regexp.MustCompile(`URI="([^"]+)"`)
	bandwidth    = regexp.MustCompile(`[:,]BANDWIDTH=(\d+)`)
)

// playlists reads the multivariant playlist at path and every media playlist that it
// names, and fetches the first and last object of each.
func (d *demo) playlists(ctx context.Context, path string) (presentation, error) {
	p := presentation{shortest: math.Inf(1)}
	if path == "" {
		return p, errors.New("the asset has no playlist")
	}
	master, err := url.Parse(d.base + path)
	if err != nil {
		return p, err
	}
	body, err := d.fetch(ctx, master.String())
	if err != nil {
		return p, err
	}
	least, info := int64(math.MaxInt64), ""
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSpace(line)
		uri := line
		switch {
		case strings.HasPrefix(line, "#EXT-X-MEDIA:"):
			m := uriAttribute.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			uri = m[1]
		case strings.HasPrefix(line, "#EXT-X-STREAM-INF:"):
			info = line
			continue
		case line == "" || strings.HasPrefix(line, "#"):
			continue
		default:
			p.variants++
		}
		ref, err := master.Parse(uri)
		if err != nil {
			return p, err
		}
		seconds, err := d.mediaPlaylist(ctx, ref)
		if err != nil {
			return p, err
		}
		switch m := bandwidth.FindStringSubmatch(info); {
		case strings.HasPrefix(line, "#EXT-X-MEDIA:"):
			if p.sound == nil && strings.Contains(line, "TYPE=AUDIO") {
				p.sound = ref
			}
		case !strings.Contains(info, "RESOLUTION="): // sound alone
			p.sound = ref
		case m != nil:
			if b, err := strconv.ParseInt(m[1], 10, 64); err == nil && b < least {
				least, p.smallest = b, ref
			}
		}
		p.shortest, p.longest = min(p.shortest, seconds), max(p.longest, seconds)
	}
	if p.variants == 0 {
		return p, errors.New("no variant")
	}
	return p, nil
}

// mediaPlaylist returns the sum of the playlist's EXTINF.
func (d *demo) mediaPlaylist(ctx context.Context, address *url.URL) (sum float64, err error) {
	body, err := d.fetch(ctx, address.String())
	if err != nil {
		return 0, err
	}
	text := string(body)
	if !strings.Contains(text, "#EXT-X-ENDLIST") || !strings.Contains(text, "#EXT-X-PLAYLIST-TYPE:VOD") {
		return 0, fmt.Errorf("%s is not final", address.Path)
	}
	var objects []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if d, ok := strings.CutPrefix(line, "#EXTINF:"); ok {
			f, err := strconv.ParseFloat(strings.TrimSuffix(d, ","), 64)
			if err != nil {
				return 0, err
			}
			sum += f
		} else if m := uriAttribute.FindStringSubmatch(line); m != nil && strings.HasPrefix(line, "#EXT-X-MAP") {
			objects = append(objects, m[1])
		} else if line != "" && !strings.HasPrefix(line, "#") {
			objects = append(objects, line)
		}
	}
	if strings.Count(text, "#EXTINF:") == 0 || len(objects) == 0 {
		return sum, fmt.Errorf("%s has no segments", address.Path)
	}
	for _, o := range []string{objects[0], objects[min(1, len(objects)-1)], objects[len(objects)-1]} {
		ref, err := address.Parse(o)
		if err != nil {
			return sum, err
		}
		if _, err := d.fetch(ctx, ref.String()); err != nil {
			return sum, err
		}
	}
	return sum, nil
}
