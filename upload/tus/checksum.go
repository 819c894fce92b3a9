package tus

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"slices"
	"strings"
)

// algorithms are those of Upload-Checksum, in the order that OPTIONS tells them in.
var algorithms = []struct {
	name string
	new  func() hash.Hash
}{
	{"sha1", sha1.New},
	{"sha256", sha256.New},
	{"sha512", sha512.New},
	{"md5", md5.New},
	{"crc32", func() hash.Hash { return crc32.NewIEEE() }},
}

func checksumNames() string {
	names := make([]string, len(algorithms))
	for i, a := range algorithms {
		names[i] = a.name
	}
	return strings.Join(names, ",")
}

// checksum is what a client says of the bytes of one request.
type checksum struct {
	hash.Hash
	want []byte
}

func (c *checksum) matches() bool { return bytes.Equal(c.Sum(nil), c.want) }

// parseChecksum reads Upload-Checksum (tus 1.0, "Checksum"): an algorithm and the base64 of
// what it yields. nil stands for no checksum.
func parseChecksum(values []string) (*checksum, error) {
	if len(values) == 0 {
		return nil, nil
	}
	if len(values) > 1 {
		return nil, malformed("Send one Upload-Checksum.")
	}
	name, text, _ := strings.Cut(strings.TrimSpace(values[0]), " ")
	i := slices.IndexFunc(algorithms, func(a struct {
		name string
		new  func() hash.Hash
	}) bool {
		return a.name == strings.ToLower(name)
	})
	if i < 0 {
		return nil, malformed("Upload-Checksum has an algorithm that this server does not know: it knows %s.", checksumNames())
	}
	c := &checksum{Hash: algorithms[i].new()}
	var err error
	if c.want, err = base64.StdEncoding.DecodeString(strings.TrimSpace(text)); err != nil || len(c.want) != c.Size() {
		return nil, malformed("Upload-Checksum is %q and the base64 of %d bytes.", algorithms[i].name, c.Size())
	}
	return c, nil
}
