package presign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vodkit/vodkit/storage"
)

// grant is what a URL lets its bearer do.
type grant struct {
	method      string
	expires     time.Time // to the second
	size        int64
	bound       bool // the request has to carry the content type
	contentType string
	key         string
}

// What is wrong with a token. Clients see neither.
var (
	errSignature = errors.New("not signed with a secret that is known")
	errExpired   = errors.New("expired")
)

// domain keeps these MACs apart from others that somebody makes with the same secret.
const domain = "vodkit/storage/presign\x00"

// version begins every token. Another form of tokens will have another one.
const version = "v1."

// maxToken is the length of the longest token.
var maxToken = len(version) + base64.RawURLEncoding.EncodedLen(storage.MaxKey+maxType+64) + 1 + macLen

// maxType is the length of the longest content type.
const maxType = 1024

var macLen = base64.RawURLEncoding.EncodedLen(sha256.Size)

func mac(secret []byte, text string) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(domain))
	h.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// token returns the grant as text that the secret has signed.
func (g grant) token(secret []byte) string {
	claims := fmt.Sprintf("%s\n%d\n%d\n%t\n%s\n%s", g.method, g.expires.Unix(), g.size, g.bound, g.contentType, g.key)
	text := version + base64.RawURLEncoding.EncodeToString([]byte(claims))
	return text + "." + mac(secret, text)
}

// open returns the grant of a token that one of the secrets has signed and that has not
// ended. What the token says is looked at only when the first is sure.
func open(secrets [][]byte, token string, now time.Time) (grant, error) {
	cut := len(token) - macLen - 1
	if len(token) > maxToken || cut < len(version) || token[cut] != '.' {
		return grant{}, errSignature
	}
	text, same := token[:cut], false
	for _, secret := range secrets { // as text: base64 has several spellings of the same bytes
		same = hmac.Equal([]byte(mac(secret, text)), []byte(token[cut+1:])) || same
	}
	if !same {
		return grant{}, errSignature
	}
	g, ok := decode(text)
	if !ok { // signed by somebody who is not token
		return grant{}, errSignature
	}
	if !now.Before(g.expires) {
		return grant{}, fmt.Errorf("%w at %s", errExpired, g.expires.UTC().Format(time.RFC3339))
	}
	return g, nil
}

// decode reads what token has written.
func decode(text string) (g grant, ok bool) {
	encoded, ok := strings.CutPrefix(text, version)
	claims, err := base64.RawURLEncoding.DecodeString(encoded)
	fields := strings.Split(string(claims), "\n")
	if !ok || err != nil || len(fields) != 6 {
		return grant{}, false
	}
	expires, errExpires := strconv.ParseInt(fields[1], 10, 64)
	size, errSize := strconv.ParseInt(fields[2], 10, 64)
	bound, errBound := strconv.ParseBool(fields[3])
	g = grant{
		method: fields[0], expires: time.Unix(expires, 0), size: size, bound: bound, contentType: fields[4], key: fields[5],
	}
	return g, errExpires == nil && errSize == nil && errBound == nil && g.method == http.MethodPut && size > 0 && storage.CheckKey(g.key) == nil
}
