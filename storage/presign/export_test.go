package presign

import "time"

// Signed returns text with a MAC behind it, as a URL of ours has one.
func Signed(secret []byte, text string) string { return text + "." + mac(secret, text) }

// Open returns the key and the size of what a token is for.
func Open(secrets [][]byte, token string, now time.Time) (key string, size int64, err error) {
	g, err := open(secrets, token, now)
	return g.key, g.size, err
}
