package deliver

import (
	"fmt"

	"github.com/vodkit/vodkit/storage"
)

// Within returns what opts ask for of an object, as storage.Store.Open does.
func Within(info storage.Info, opts *storage.OpenOptions) (from, to int64, err error) {
	if opts == nil {
		return 0, info.Size, nil
	}
	switch {
	case opts.IfMatch != "" && opts.IfMatch != info.ETag:
		err = storage.ErrPrecondition
	case opts.Offset < 0 || opts.Length < 0 || opts.Offset > 0 && opts.Offset >= info.Size || opts.Length > 0 && info.Size == 0:
		err = storage.ErrRange
	}
	if err != nil {
		return 0, 0, fmt.Errorf("open %q: %w", info.Key, err)
	}
	to = info.Size
	if opts.Length > 0 {
		to = min(to, opts.Offset+opts.Length)
	}
	return opts.Offset, to, nil
}
