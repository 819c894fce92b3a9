package encodertest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// testEncrypted asks for encryption, with another key for each segment. An encoder that has
// no keys has to say so, instead of leaving segments clear.
func testEncrypted(t *testing.T, s subject) {
	job := sibling(s.job, "encrypted")
	job.Encryption = &encoder.Encryption{Asset: "encodertest", Keys: "1-encodertest", Rotate: 1}
	emitted := 0
	c := s.watch(job)
	c.hook = func(encoder.Update) error {
		emitted++
		return nil
	}
	err := c.encode(t.Context(), s.enc)
	var e *encoder.Error
	switch {
	case err == nil:
	case !errors.As(err, &e) || e.Code != encoder.CodeKeys:
		t.Errorf("Encode of an encrypted job: %v, which is no *encoder.Error with CodeKeys", err)
	case emitted > 0:
		t.Errorf("Encode emitted %d updates before it said that it has no keys: %v", emitted, err)
	default:
		t.Skipf("the encoder has no keys: %v", err)
	}
}

// sawEncrypted looks at a segment whose bytes b nobody can read here.
func sawEncrypted(s hls.Segment, b []byte, id, name string) error {
	const block = 16
	clear := false
	if len(b) >= 8 {
		kind := string(b[4:8])
		clear = kind == "styp" || kind == "moof" || kind == "sidx" || string(b[:6]) == "WEBVTT"
	}
	switch {
	case s.KeyID != id:
		return fmt.Errorf("%s is encrypted with %q, not %q", name, s.KeyID, id)
	case clear || len(b) == 0 || len(b)%block != 0:
		return fmt.Errorf("%s is not encrypted: it has %d bytes and begins with %.8q", name, len(b), b)
	case len(s.Keyframes) > 0:
		return fmt.Errorf("%s is encrypted and tells keyframes", name)
	case s.Duration <= 0:
		return fmt.Errorf("%s says duration %d", name, s.Duration)
	}
	return nil
}
