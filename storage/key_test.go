package storage_test

import (
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/storage"
)

func TestCheckKey(t *testing.T) {
	for _, key := range []string{
		"a", "media/42/master.m3u8", "with space/ün ï.mp4", "100%25.mp4", `[x]{y}"z"'w'`, "a..b/c", "...x/y", "x..",
		".hidden", "x.tmp", "x.18c2f0a1b2c3d4e.tmp", "18c2f0a1b2c3d4e5.tmp", "x.18C2F0A1B2C3D4E5.tmp", "x.attrs/y",
		"x.18c2f0a1b2c3d4e5.tmp/y", strings.Repeat("x", storage.MaxElement), strings.Repeat("x/", 511) + "xy",
	} {
		assert.NoError(t, storage.CheckKey(key), key)
	}
	for key, reason := range map[string]string{
		"":                         "empty",
		"/a":                       "starts with a slash",
		"a/":                       "ends with a slash",
		"a//b":                     "empty element",
		".":                        `"."`,
		"a/../b":                   `".."`,
		"a/..":                     `".."`,
		"a../b":                    "two dots",
		"a\x00b":                   "U+0000",
		"a\r\nb":                   "U+000D",
		"a\u007f":                  "U+007F",
		"a\u0085":                  "U+0085",
		"a\ufffe":                  "U+FFFE",
		`a\b`:                      "backslash",
		"a\xff":                    "UTF-8",
		"x.attrs":                  ".attrs",
		"x.18c2f0a1b2c3d4e5.tmp":   "temporary",
		strings.Repeat("x", 235):   "235 bytes",
		strings.Repeat("?", 30):    "240 bytes",
		strings.Repeat("x/", 1000): "2000 bytes",
	} {
		err := storage.CheckKey(key)
		require.ErrorIs(t, err, storage.ErrInvalidKey, key)
		assert.ErrorContains(t, err, reason)
		assert.Less(t, len(err.Error()), 300, "a long key is shown in part")
	}
}

func FuzzCheckKey(f *testing.F) {
	for _, seed := range []string{"a/b.mp4", "", "a/../b", "__0x2f__", "a\\b", "x.attrs", strings.Repeat("?", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if storage.CheckKey(key) != nil {
			return
		}
		// What is allowed can't leave the folder that it is joined to, and is spelt in one
		// way only.
		if joined := path.Join("/root", key); joined != "/root/"+key {
			t.Errorf("%q becomes %q", key, joined)
		}
		if !utf8.ValidString(key) || len(key) > storage.MaxKey || strings.ContainsAny(key, "\x00\n\\") {
			t.Errorf("%q is allowed", key)
		}
		for e := range strings.SplitSeq(key, "/") {
			if len(e) == 0 || len(e) > storage.MaxElement {
				t.Errorf("%q has the element %q", key, e)
			}
		}
	})
}

func TestContentType(t *testing.T) {
	for key, want := range map[string]string{
		"media/master.m3u8": "application/vnd.apple.mpegurl",
		"a/b/INIT.MP4":      "video/mp4",
		"00001.m4s":         "video/iso.segment",
		"00001.ts":          "video/mp2t",
		"en.vtt":            "text/vtt",
		"asset.json":        "application/json",
		"poster.jpg":        "image/jpeg",
		"page.html":         "application/octet-stream",
		"script.js":         "application/octet-stream",
		"image.svg":         "application/octet-stream",
		"no-extension":      "application/octet-stream",
		"dir.mp4/file":      "application/octet-stream",
		"":                  "application/octet-stream",
	} {
		assert.Equal(t, want, storage.ContentType(key), key)
	}
}
