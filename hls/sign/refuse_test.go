package sign_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/hls/sign"
)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func TestVerifyRefuses(t *testing.T) {
	s := newSigner(t, keyA, keyB)
	good := token(t, s, claims("42"))
	part := strings.Split(good, ".")
	id, body, mac := part[1], part[2], part[3]
	last := strings.IndexByte(alphabet, mac[42])
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"empty":              {"", sign.ErrMalformed},
		"dots":               {"...", sign.ErrMalformed},
		"no mac":             {"v1." + id + "." + body, sign.ErrMalformed},
		"empty mac":          {"v1." + id + "." + body + ".", sign.ErrMalformed},
		"empty claims":       {"v1." + id + ".." + mac, sign.ErrSignature},
		"no id":              {"v1.." + body + "." + mac, sign.ErrMalformed},
		"unknown id":         {"v1.c." + body + "." + mac, sign.ErrSignature},
		"other key's id":     {"v1.b." + body + "." + mac, sign.ErrSignature},
		"version 2":          {"v2" + good[2:], sign.ErrMalformed},
		"version in capital": {"V1" + good[2:], sign.ErrMalformed},
		"no version":         {good[3:], sign.ErrMalformed},
		"space in front":     {" " + good, sign.ErrMalformed},
		"space behind":       {good + " ", sign.ErrMalformed},
		"line end behind":    {good + "\n", sign.ErrMalformed},
		"line end inside":    {"v1." + id + "." + body[:3] + "\n" + body[3:] + "." + mac, sign.ErrMalformed},
		"line end in mac":    {"v1." + id + "." + body + "." + mac[:3] + "\r\n" + mac[3:], sign.ErrMalformed},
		"padding":            {good + "=", sign.ErrMalformed},
		"another part":       {"v1." + id + "." + body + "." + body + "." + mac, sign.ErrMalformed},
		"twice":              {good + good, sign.ErrMalformed},
		"dot behind":         {good + ".", sign.ErrMalformed},
		"standard base64":    {"v1." + id + "." + body + "." + strings.Repeat("+", 43), sign.ErrMalformed},
		"no mac of ours":     {"v1." + id + "." + body + "." + strings.Repeat("A", 43), sign.ErrSignature},
		"trailing bits":      {good[:len(good)-1] + string(alphabet[last^1]), sign.ErrSignature},
		"percent encoding":   {strings.ReplaceAll(good, ".", "%2E"), sign.ErrMalformed},
		"NUL":                {good[:5] + "\x00" + good[6:], sign.ErrMalformed},
		"too long":           {"v1." + id + "." + strings.Repeat("A", sign.MaxToken) + "." + mac, sign.ErrMalformed},
		"huge":               {strings.Repeat(good, 10_000), sign.ErrMalformed},
	} {
		assert.NotEqual(t, good, c.token, name)
		got, err := s.Verify(c.token, "42", home)
		assert.ErrorIs(t, err, c.want, name)
		assert.Zero(t, got, name)
	}
	decoded, err := base64.RawURLEncoding.DecodeString(mac[:42] + string(alphabet[last^1]))
	require.NoError(t, err)
	same, err := base64.RawURLEncoding.DecodeString(mac)
	require.NoError(t, err)
	assert.Equal(t, same, decoded, "the case of trailing bits is one: the same bytes in another spelling")
}

// Even with a good signature, claims have one form. (Who could sign others has the key.)
func TestOtherFormsAreRefused(t *testing.T) {
	s := newSigner(t, keyA)
	end := []byte{0x00, 0x7f, 0x00, 0x00, 0x00} // the year 2037
	form := func(parts ...string) []byte { return append(bytes.Clone(end), strings.Join(parts, "")...) }

	_, err := s.Verify(keyA.Forge(form("\x0242")), "42", home)
	require.NoError(t, err, "the form is right")
	for name, b := range map[string][]byte{
		"nothing":             {},
		"no path":             end,
		"half an end":         end[:4],
		"no end":              append([]byte{0, 0, 0, 0, 0}, "\x0242"...),
		"empty path":          form("\x00"),
		"path cut off":        form("\x0342"),
		"slash in front":      form("\x03/42"),
		"slash behind":        form("\x0342/"),
		"up":                  form("\x0542/.."),
		"NUL":                 form("\x0342\x00"),
		"empty viewer":        form("\x0242", "\x00"),
		"viewer cut off":      form("\x0242", "\x05anna"),
		"viewer of two lines": form("\x0242", "\x03a\nb"),
		"half an address":     form("\x0242", "\x00", "\x18\xc0\x00\x02"),
		"long address":        form("\x0242", "\x00", "\x18\xc0\x00\x02\x00\x00"),
		"bits beyond":         form("\x0242", "\x00", "\x18\xc0\x00\x02\x01"),
		"more bits than 32":   form("\x0242", "\x00", "\x21\xc0\x00\x02\x01"),
		"only bits":           form("\x0242", "\x04anna", "\x18"),
		"IPv4 in IPv6":        form("\x0242", "\x00", "\x80", strings.Repeat("\x00", 10), "\xff\xff\xc0\x00\x02\x01"),
		"more":                form("\x0242", "\x04anna", "\x20\xc0\x00\x02\x01", "\x0242"),
	} {
		_, err := s.Verify(keyA.Forge(b), "42", home)
		assert.ErrorIs(t, err, sign.ErrMalformed, name)
	}
	good := strings.TrimPrefix(token(t, s, claims("42")), "v1.a.")
	body, _, _ := strings.Cut(good, ".")
	i := strings.IndexByte(alphabet, body[len(body)-1])
	require.Zero(t, i&3, "11 characters are 8 bytes and two bits")
	_, err = s.Verify(keyA.ForgeText("v1.a."+body[:len(body)-1]+string(alphabet[i|1])), "42", home)
	assert.ErrorIs(t, err, sign.ErrMalformed, "trailing bits")
}
