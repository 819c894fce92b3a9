package hls

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

// EncryptSegment encrypts a media segment as players expect it (AES-128 of RFC 8216 section
// 4.3.2.4): CBC over the whole, with PKCS7 padding, so that it has 1 to 16 bytes more. The
// initialization vector is the segment's number, which is its media sequence number here:
// playlists need not tell it.
//
// What it returns uses the memory of data where that has room. It is for encoders; package
// hls/pack does it by itself.
func EncryptSegment(key []byte, number int, data []byte) ([]byte, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("hls: encrypt segment %d: the key has %d bytes, not %d", number, len(key), KeySize)
	}
	if number < 0 {
		return nil, fmt.Errorf("hls: encrypt segment %d: the number is negative", number)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("hls: encrypt segment %d: %w", number, err)
	}
	fill := aes.BlockSize - len(data)%aes.BlockSize
	data = append(data, bytes.Repeat([]byte{byte(fill)}, fill)...)
	var iv [aes.BlockSize]byte
	binary.BigEndian.PutUint64(iv[8:], uint64(number))
	cipher.NewCBCEncrypter(block, iv[:]).CryptBlocks(data, data)
	return data, nil
}
