package sign_test

import (
	"net/netip"
	"time"

	"github.com/vodkit/vodkit/hls/sign"
)

// golden are tokens of keyA, which were made with OpenSSL too:
//
//	printf 'vodkit/hls/sign\0v1.a.…' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef -binary | basenc --base64url
var golden = map[string]sign.Claims{
	"v1.a.AGsC51ACNDI.HkeRCbAJERvgfZYZkfY_eUcDdtNlcruGsWQPM1qj9ME":                                  claims("42"),
	"v1.a.AGsC51ABLw.EMHBn71QvfIPPIBLdyVj3x18NUH0tNDOJ1jPE_PAkUM":                                   claims(sign.All),
	"v1.a.AGsC51AFNDIvYTEQYW5uYUBleGFtcGxlLmNvbRjAAAIA.ftJBH2IqQpxxOcla9ZLRIK_AVczppzugnrJ8eOESak8": {Path: "42/a1", Expires: noon.Add(time.Hour), Viewer: "anna@example.com", Address: netip.MustParsePrefix("192.0.2.0/24")},
}
