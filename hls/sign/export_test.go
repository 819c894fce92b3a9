package sign

import "encoding/base64"

// MaxToken is the length of the longest token.
var MaxToken = maxToken

// Covers says whether a token with the path opens what is asked for.
func Covers(claimed, asked string) bool { return covers(claimed, asked) }

// Forge signs bytes that need not be claims.
func (k Key) Forge(claims []byte) string {
	return k.ForgeText(version + "." + k.ID + "." + base64.RawURLEncoding.EncodeToString(claims))
}

// ForgeText signs a text that need not be a token's.
func (k Key) ForgeText(text string) string { return text + "." + string(k.mac(text)) }
