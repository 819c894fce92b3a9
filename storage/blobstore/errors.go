package blobstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"syscall"

	"gocloud.dev/gcerrors"

	"github.com/vodkit/vodkit/storage"
)

// opError names the operation and the key. It matches kind, a sentinel, besides all that
// the driver's error matches.
type opError struct {
	op, key string
	kind    error // nil for none
	err     error
}

func (e *opError) Error() string {
	return fmt.Sprintf("%s %q: %v", e.op, e.key, innermost(e.err))
}

func (e *opError) Unwrap() []error {
	if e.kind == nil {
		return []error{e.err}
	}
	return []error{e.kind, e.err}
}

// innermost leaves gocloud's wrapper out of the text: it repeats the key.
func innermost(err error) error {
	if w, ok := err.(interface{ Unwrap() []error }); ok && gcerrors.Code(err) != gcerrors.OK {
		if inner := w.Unwrap(); len(inner) > 0 && inner[0] != nil {
			return inner[0]
		}
	}
	return err
}

// fail wraps what an operation on key ended with, and finds the sentinel for it.
func fail(ctx context.Context, op, key string, err error) error {
	if err == nil {
		return nil
	}
	e := &opError{op: op, key: key, err: err}
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		e.kind = cause // some drivers say it in their own words
		return e
	}
	if ctx.Err() != nil {
		return e
	}
	if noSpace(err) {
		e.kind = storage.ErrNoSpace
		return e
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		e.kind = storage.ErrNotExist
	case gcerrors.AlreadyExists:
		e.kind = storage.ErrExist
	case gcerrors.PermissionDenied:
		e.kind = fs.ErrPermission
	case gcerrors.Unimplemented:
		e.kind = errors.ErrUnsupported
	default:
		if remoteCode(err) == "InvalidRange" {
			e.kind = storage.ErrRange
		}
	}
	return e
}

// failKey is fail for an error of CheckKey, which names the key itself.
func failKey(op string, err error) error { return fmt.Errorf("%s: %w", op, err) }

// notFound says whether there is no such object. In a folder that is also so where the
// key goes through a file: "a/b" where "a" is an object.
func notFound(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || gcerrors.Code(err) == gcerrors.NotFound ||
		errors.Is(err, syscall.ENOTDIR)
}

// noSpace says whether a disk or a quota is full. Services that speak like S3 say it
// with status 507 or in codes of their own (Ceph, MinIO); Amazon's never are.
func noSpace(err error) bool {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || diskFull(err) {
		return true
	}
	switch remoteCode(err) {
	case "QuotaExceeded", "XMinioStorageFull", "InsufficientStorage":
		return true
	}
	var status interface{ HTTPStatusCode() int }
	return errors.As(err, &status) && status.HTTPStatusCode() == http.StatusInsufficientStorage
}

// preconditionFailed says whether a conditional write lost.
func preconditionFailed(err error) bool {
	switch gcerrors.Code(err) {
	case gcerrors.FailedPrecondition, gcerrors.AlreadyExists:
		return true
	}
	return errors.Is(err, storage.ErrExist) || remoteCode(err) == "PreconditionFailed"
}

// remoteCode is the service's own code, as the SDKs of AWS spell it.
func remoteCode(err error) string {
	var coded interface{ ErrorCode() string }
	if errors.As(err, &coded) {
		return coded.ErrorCode()
	}
	return ""
}
