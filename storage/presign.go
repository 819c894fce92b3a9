package storage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Presigner has clients send the bytes of an upload to a bucket themselves: it makes URLs
// that need no further credentials, and looks afterwards whether all has come.
//
// An upload is named by what its keys begin with: the object that begins at byte n of it
// has the key PartKey(prefix, n), and nothing else has such keys. The prefix and State are
// all that there is to keep of it, durably: another process goes on with them. State says
// nothing that is worth anything without the bucket's credentials.
//
// [NewPutPresigner] is one for every bucket that signs URLs, package storage/presign for
// folders and memory, storage/s3presign (a module of its own) for S3. All methods may be
// called concurrently; their errors name the operation and the prefix.
type Presigner interface {
	// Presign begins an upload. An error matches [ErrTooLarge] where so many bytes can't
	// be sent, and [errors.ErrUnsupported] where the bucket can't sign.
	Presign(ctx context.Context, prefix string, opts *PresignOptions) (Presigned, error)

	// Renew returns the upload with URLs that hold for expiry from now on (0 for
	// DefaultExpiry), and says which parts have come: all, where it has been completed. The
	// parts are those of Presign. [ErrNotExist] says that it has been aborted, where that is
	// known.
	Renew(ctx context.Context, prefix, state string, expiry time.Duration) (Presigned, error)

	// Complete returns the objects that the upload has become, in order: one, or one for
	// each part. It can be repeated, also in another process, and returns the same. Where
	// parts are missing, or have another size than they should, the error is a
	// [MissingPartsError]: the client may send them and Complete be called again. After
	// Abort it fails, with [ErrNotExist] or as where parts are missing.
	Complete(ctx context.Context, prefix, state string) ([]Info, error)

	// Abort ends the upload and removes what has come of it, also where Complete has been
	// called. An empty state stands for an upload whose Presign nobody knows the answer of.
	// It can be repeated. What a client is sending meanwhile may still come, and be an
	// object with a key of the upload's.
	Abort(ctx context.Context, prefix, state string) error
}

// PresignOptions say what a client may send.
type PresignOptions struct {
	// Size is how many bytes there will be, at least 1. It is required.
	Size int64
	// PartSize is how many bytes the parts should have, all but the last, where the client
	// cares. The Presigner may make them smaller or larger. Defaults to 0, the Presigner's
	// choice.
	PartSize int64
	// ContentType is the media type of the bytes. A Presigner binds it to the URL where it
	// can, and says so in PresignedPart.Header. Defaults to "", any.
	ContentType string
	// Expiry is how long the URLs hold, as far as the bucket allows. Defaults to
	// DefaultExpiry.
	Expiry time.Duration
}

// Check returns o with nothing left to default, and an error where it can't be: for those
// who write a Presigner. Nil is not accepted, for the Size is required.
func (o *PresignOptions) Check() (PresignOptions, error) {
	if o == nil || o.Size <= 0 {
		return PresignOptions{}, errors.New("the size of an upload has to be known, and be at least 1 byte")
	}
	c := *o
	c.PartSize = max(0, c.PartSize)
	if c.Expiry <= 0 {
		c.Expiry = DefaultExpiry
	}
	if reason := invalidText(c.ContentType); reason != "" {
		return PresignOptions{}, fmt.Errorf("the content type %q can't be used: %s", c.ContentType, reason)
	}
	return c, nil
}

// Presigned is an upload to a bucket that a Presigner has begun.
type Presigned struct {
	// State is what the Presigner has to be told again.
	State string
	// Parts are the requests to be made, in any order and side by side, in the order of
	// their bytes.
	Parts []PresignedPart
	// Expires is when the URLs end.
	Expires time.Time
}

// PresignedPart is a request that sends a part of an upload to the bucket. It is answered
// with a status from 200 to 299 once the bucket has the part.
type PresignedPart struct {
	Method string // PUT
	// URL is absolute, or a path where whoever made the Presigner wanted it so.
	URL string
	// Header is what the request has to carry besides Content-Length, which is Size.
	Header http.Header
	// Offset is the first byte of the part, Size how many there are.
	Offset, Size int64
	// Stored is when the part came, zero where it has not come.
	Stored time.Time
}

// PartKey returns the key of the object that begins at byte offset of an upload.
func PartKey(prefix string, offset int64) string { return fmt.Sprintf("%s%016d", prefix, offset) }

// ErrTooLarge says that an upload is larger than the bucket takes.
var ErrTooLarge = errors.New("too large for the bucket")

// MissingPartsError says that an upload is not whole.
type MissingPartsError struct {
	// Numbers are the missing parts, counted from 1 in the order of Presigned.Parts.
	Numbers []int
	// Total is how many parts there are.
	Total int
}

// Error names the parts, up to 20 of them.
func (e *MissingPartsError) Error() string {
	switch len(e.Numbers) {
	case 1:
		return fmt.Sprintf("part %d of %d is missing", e.Numbers[0], e.Total)
	case e.Total:
		return fmt.Sprintf("none of the %d parts has come", e.Total)
	}
	const most = 20
	var text strings.Builder
	for i, n := range e.Numbers[:min(len(e.Numbers), most)] {
		if i > 0 {
			text.WriteString(", ")
		}
		fmt.Fprint(&text, n)
	}
	if more := len(e.Numbers) - most; more > 0 {
		fmt.Fprintf(&text, " and %d more", more)
	}
	return fmt.Sprintf("parts %s of %d are missing", &text, e.Total)
}

// MaxParts is how many parts PlanParts makes at most: their URLs are answered together.
const MaxParts = 1000

// PlanParts cuts size bytes into parts with Method PUT, Offset and Size: partSize bytes
// each but for the last, or more where there would be more than MaxParts.
func PlanParts(size, partSize int64) []PresignedPart {
	const mib = 1 << 20
	if least := (size + MaxParts - 1) / MaxParts; partSize < least {
		partSize = (least + mib - 1) / mib * mib
	}
	parts := make([]PresignedPart, 0, (size+partSize-1)/partSize)
	for at := int64(0); at < size; at += partSize {
		parts = append(parts, PresignedPart{Method: http.MethodPut, Offset: at, Size: min(partSize, size-at)})
	}
	return parts
}

// MissingParts returns a MissingPartsError where parts have not been Stored, else nil.
func MissingParts(parts []PresignedPart) error {
	var missing []int
	for i, part := range parts {
		if part.Stored.IsZero() {
			missing = append(missing, i+1)
		}
	}
	if missing == nil {
		return nil
	}
	return &MissingPartsError{Numbers: missing, Total: len(parts)}
}
