package testmedia

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
)

// Forms returns how a secret may be written where it should not be: as it is, in
// hexadecimal, in base64, and as Go and JSON print bytes.
func Forms(secret []byte) [][]byte {
	var numbers []string
	for _, b := range secret {
		numbers = append(numbers, strconv.Itoa(int(b)))
	}
	forms := [][]byte{secret, []byte(strings.Join(numbers, " ")), []byte(strings.Join(numbers, ","))}
	for _, text := range []string{hex.EncodeToString(secret), base64.RawStdEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret)} {
		forms = append(forms, []byte(text), []byte(strings.ToUpper(text)))
	}
	return forms
}
