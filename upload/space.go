package upload

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/storage"
)

// spareRoom is what uploads and encodes leave free in the Store for records and
// playlists, in bytes.
const spareRoom = 1 << 20

// full says whether err is for want of room. Catalogs and Stores of others may say it
// in the system's words.
func full(err error) bool {
	return errors.Is(err, storage.ErrNoSpace) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// room returns storage.ErrNoSpace where the Store can tell that it has no room for so
// many bytes. Nothing is reserved: others may be faster.
func (p *Pipeline) room(ctx context.Context, bytes int64) error {
	free, err := storage.Free(ctx, p.store)
	if err != nil || free-spareRoom >= bytes {
		return nil //nolint:nilerr // the write will tell
	}
	return fmt.Errorf("%w: %s are free, and %s are needed beside %s for records", storage.ErrNoSpace,
		byteSize(free), byteSize(bytes), byteSize(spareRoom))
}

// leastShare is the part of what a job may write at most that has to be free before it
// begins. Videos take a tenth (slides) to two thirds (noise) of it: to ask for all would
// refuse many that fit.
const leastShare = 4

// roomFor says whether the Store has room for the job, so that no encode begins that is
// sure to fail when it has taken the last room from everybody.
func (r *run) roomFor(ctx context.Context, job encoder.Job) error {
	most := job.MaxOutput()
	if err := r.p.room(ctx, most/leastShare-r.pub.State().Size); err != nil {
		return &encoder.Error{Code: encoder.CodeNoSpace, Err: err, Message: "The storage has no room for this video, which may take up to " +
			byteSize(most) + " once encoded. Try again when there is room."}
	}
	return nil
}

// makeRoom removes what this run has written where nothing leads to it, and says whether
// that is so: a run that has filled the Store must be able to record its end.
//
// While its lease lasts, nobody else goes on with that.
func (r *run) makeRoom(ctx context.Context) bool {
	a := r.held.get()
	if a.Output == "" || a.Output == a.Published || r.held.expired() {
		return false
	}
	r.removeListed(ctx, r.journals(ctx)) // first: it must not name what is not there
	keys := r.list(ctx, a.Output+"/", everything)
	r.removeListed(ctx, keys)
	return len(keys) > 0
}
