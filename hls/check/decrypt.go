package check

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

var errPadding = errors.New("the padding is wrong")

// decrypt returns r without AES-128 (RFC 8216 section 4.3.2.4): CBC with PKCS7 padding.
func (p *presentation) decrypt(ctx context.Context, r io.Reader, k *key, sequence int64) (io.Reader, error) {
	p.mu.Lock()
	b, ok := p.keys[k.uri]
	p.mu.Unlock()
	if !ok {
		var err error
		if b, err = p.opts.Key(ctx, k.uri); err != nil {
			return nil, fmt.Errorf("key %q: %w", k.uri, err)
		}
		p.mu.Lock()
		p.keys[k.uri] = b
		p.mu.Unlock()
	}
	if len(b) != aes.BlockSize {
		return nil, fmt.Errorf("key %q has %d bytes, not 16: %w", k.uri, len(b), fs.ErrPermission)
	}
	block, err := aes.NewCipher(b)
	if err != nil {
		return nil, err
	}
	iv := make([]byte, aes.BlockSize)
	binary.BigEndian.PutUint64(iv[8:], uint64(sequence))
	if text := k.get("IV"); hexadecimal(text) {
		digits := strings.Repeat("0", 34-len(text)) + text[2:]
		if iv, err = hex.DecodeString(digits); err != nil {
			return nil, err
		}
	}
	return &decrypter{r: r, mode: cipher.NewCBCDecrypter(block, iv)}, nil
}

// decrypter decrypts as it reads. It holds the last block back, which has the padding.
type decrypter struct {
	r     io.Reader
	mode  cipher.BlockMode
	in    [32 << 10]byte
	n     int          // bytes of in
	plain bytes.Buffer // decrypted, the last block aside
	err   error
}

func (d *decrypter) Read(p []byte) (int, error) {
	for d.plain.Len() == 0 {
		if d.err != nil {
			return 0, d.err
		}
		d.fill()
	}
	return d.plain.Read(p)
}

func (d *decrypter) fill() {
	m, err := io.ReadFull(d.r, d.in[d.n:])
	d.n += m
	if err == nil {
		whole := d.n - aes.BlockSize // one block stays
		d.mode.CryptBlocks(d.in[:whole], d.in[:whole])
		d.plain.Write(d.in[:whole])
		d.n = copy(d.in[:], d.in[whole:d.n])
		return
	}
	d.err = err
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return
	}
	if d.n == 0 || d.n%aes.BlockSize != 0 {
		d.err = errPadding
		return
	}
	d.mode.CryptBlocks(d.in[:d.n], d.in[:d.n])
	pad := int(d.in[d.n-1])
	if pad == 0 || pad > aes.BlockSize || !bytes.Equal(d.in[d.n-pad:d.n], bytes.Repeat([]byte{byte(pad)}, pad)) {
		d.err = errPadding
		return
	}
	d.plain.Write(d.in[:d.n-pad])
	d.n, d.err = 0, io.EOF
}
