package upload

import (
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"net/http"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/netguard"
)

// failureOfOrigin says what it means that an origin could not be asked. Its text is
// without the URL, which may bear a signature.
func failureOfOrigin(err error) *encoder.Error {
	err = netguard.Bare(err)
	var refused *netguard.Refusal
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &refused):
		return refusedOrigin(refused)
	case errors.As(err, &cert):
		return unavailableOrigin(true, err, "The server at the address has no valid certificate. Tell its operator, or use another address.")
	}
	return unavailableOrigin(false, err, "The server at the address did not answer. Try again later.")
}

func refusedOrigin(err *netguard.Refusal) *encoder.Error {
	return &encoder.Error{Code: CodeSourceRefused, Permanent: true, Err: err, Message: sentenceOf(err.Reason)}
}

func unavailableOrigin(permanent bool, err error, message string) *encoder.Error {
	return &encoder.Error{Code: encoder.CodeSourceUnavailable, Permanent: permanent, Err: err, Message: message}
}

// statusOfOrigin says that an origin has answered with a status that is not the file.
func statusOfOrigin(status int, permanent bool) *encoder.Error {
	said := fmt.Sprint(status)
	if text := http.StatusText(status); text != "" {
		said += " (" + text + ")"
	}
	next := "Try again later."
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		next = "It may have expired: use an address that anybody may fetch."
	case permanent:
		next = "Use the address of the file itself."
	}
	return unavailableOrigin(permanent, nil, "The server at the address answered "+said+" instead of the file. "+next)
}

func tooLargeOrigin(most int64) *encoder.Error {
	return &encoder.Error{Code: encoder.CodeTooLarge, Permanent: true, Err: ErrTooLarge,
		Message: "The file at the address is too large: at most " + byteSize(most) + " are accepted."}
}

func otherSize(have, want int64) *encoder.Error {
	return unavailableOrigin(true, ErrIncomplete, fmt.Sprintf("The file at the address has %d bytes, and %d were announced. Import the right one.", have, want))
}

// failureOfQuota says what it means that Options.Quota has no room for a fetch.
func failureOfQuota(err error) *encoder.Error {
	var quota *quotaError
	if errors.As(err, &quota) {
		return &encoder.Error{Code: codeQuota, Permanent: true, Err: err, Message: "The file at the address is larger than what may still be uploaded: " +
			byteSize(quota.left) + ". Delete what is no longer needed, or ask for more room, and retry."}
	}
	return &encoder.Error{Code: CodeInternal, Err: err, Message: "The service cannot tell whether it may take this file. Try again later."}
}

func emptyOrigin() *encoder.Error {
	return &encoder.Error{Code: encoder.CodeNoMedia, Permanent: true, Err: ErrEmpty, Message: "The file at the address is empty. Use another one."}
}

func otherTypeOrigin(err error, kind string) *encoder.Error {
	if media, _, parsed := mime.ParseMediaType(kind); parsed == nil {
		kind = media
	}
	return &encoder.Error{Code: encoder.CodeUnsupportedFormat, Permanent: true, Err: err,
		Message: fmt.Sprintf("The server at the address says that this is %q, which is no video. Use the address of the file itself.", kind)}
}
