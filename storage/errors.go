package storage

import (
	"errors"
	"io/fs"
)

// Sentinels that errors of a Store match through errors.Is.
var (
	// ErrNotExist says that no object has the key. It is fs.ErrNotExist.
	ErrNotExist = fs.ErrNotExist
	// ErrExist says that an object has the key already. It is fs.ErrExist.
	ErrExist = fs.ErrExist
	// ErrInvalidKey says that CheckKey refuses the key.
	ErrInvalidKey = errors.New("invalid storage key")
	// ErrRange says that a range starts at or behind the object's end.
	ErrRange = errors.New("range outside the object")
	// ErrPrecondition says that the object has another ETag than the one asked for.
	ErrPrecondition = errors.New("object has changed")
	// ErrNoSpace says that the store, or the account's quota in it, has no room for what
	// was put. Nothing of it is left, and it can be put again when there is room.
	ErrNoSpace = errors.New("no space in the store")
)
