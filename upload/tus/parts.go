package tus

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/upload"
)

// How an upload is cut into objects, in bytes. A process that is killed loses the part at
// work, and each part is a request to a remote bucket.
const (
	leastPart = 8 << 20
	mostPart  = 64 << 20
	perUpload = 64 // parts, where that is within these bounds
	// smallPart is what a part has at least before another begins behind it, so that a client
	// which sends little at a time does not leave thousands of objects: what there is of
	// such a part is put once more with what is new.
	smallPart = 1 << 20
	// heldBack is how much of a body with a checksum stays in memory. As long as it is not in
	// the Store, what lies behind it there does not count.
	heldBack = 1 << 20
)

// settle is how long the Store may take over a part whose bytes have all been read, before
// the request gives up.
const settle = time.Minute

// partSize returns how large a part may become that begins at offset. size is 0 where it is
// not known.
func partSize(offset, size int64) int64 {
	return min(max(leastPart, max(offset, size)/perUpload), mostPart)
}

// chunk writes the body of one request behind what there is of an upload.
type chunk struct {
	store   storage.Store
	session upload.Session
	parts   []encoder.Part // what there is
	from    int64          // where the body begins
	at      int64          // where the next part begins
	most    int64          // bytes of the whole upload
	src     *source
	whole   func() bool // whether the body has been read without an error
}

// write returns how many bytes are in the Store for good. What the body has brought until
// it broke off is.
func (c *chunk) write(ctx context.Context) (int64, error) {
	if c.src.sum != nil {
		return c.writeChecked(ctx)
	}
	tail, key, err := c.tail(ctx)
	if err != nil {
		return 0, err
	}
	for {
		more, err := c.more()
		if !more || err != nil {
			return c.at - c.from, err
		}
		if key == "" {
			key = c.session.PartKey(c.at)
		}
		n, err := c.put(ctx, key, tail, c.next())
		if err != nil {
			return c.at - c.from, err
		}
		c.at += n
		tail, key = nil, ""
	}
}

// writeChecked keeps all of the body or nothing: its first bytes are put last.
func (c *chunk) writeChecked(ctx context.Context) (int64, error) {
	held, err := io.ReadAll(io.LimitReader(c.src, min(heldBack, c.most-c.at)))
	if err != nil {
		return 0, err
	}
	c.at += int64(len(held))
	var keys []string
	err = c.writeBehind(ctx, &keys)
	switch {
	case err != nil:
	case !c.whole():
		err = errCut
	case !c.src.sum.matches():
		err = errMismatch
	}
	if err == nil && len(held) > 0 {
		err = c.putHeld(ctx, held)
	}
	if err == nil {
		return c.at - c.from, nil
	}
	for _, key := range keys { // the next request removes what cannot be removed now
		_ = c.store.Delete(ctx, key)
	}
	if errors.Is(err, errCut) {
		err = nil // the body says why
	}
	return 0, err
}

// writeBehind puts what follows the bytes that are held back.
func (c *chunk) writeBehind(ctx context.Context, keys *[]string) error {
	for {
		more, err := c.more()
		if !more || err != nil {
			return err
		}
		key := c.session.PartKey(c.at)
		*keys = append(*keys, key)
		n, err := c.put(ctx, key, nil, c.next())
		if err != nil {
			return err
		}
		c.at += n
	}
}

// putHeld puts what was held back: from here on all of the body counts.
func (c *chunk) putHeld(ctx context.Context, held []byte) error {
	tail, key, err := c.tail(ctx)
	if err != nil {
		return err
	}
	if key == "" {
		key = c.session.PartKey(c.from)
	}
	_, err = c.put(ctx, key, tail, bytes.NewReader(held))
	return err
}

// more says whether the body goes on, and whether it may.
func (c *chunk) more() (bool, error) {
	more, err := c.src.more()
	if more && c.at >= c.most {
		return false, upload.ErrTooLarge
	}
	return more, err
}

// tail returns the bytes of the last part and its key, where more has to go into it.
func (c *chunk) tail(ctx context.Context) ([]byte, string, error) {
	if len(c.parts) == 0 {
		return nil, "", nil
	}
	last := c.parts[len(c.parts)-1]
	if last.Size >= smallPart {
		return nil, "", nil
	}
	obj, err := c.store.Open(ctx, last.Key, nil)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = obj.Close() }()
	data, err := io.ReadAll(io.LimitReader(obj, smallPart))
	if err == nil && int64(len(data)) != last.Size {
		err = errElsewhere
	}
	return data, last.Key, err
}

// next is the body as far as the next part goes.
func (c *chunk) next() io.Reader {
	return io.LimitReader(c.src, min(partSize(c.at, c.session.New.Size), c.most-c.at))
}

// put puts a part: what there is of it, and what src yields. It returns how many bytes are
// new.
func (c *chunk) put(ctx context.Context, key string, tail []byte, src io.Reader) (int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(math.MaxInt64, cancel)
	defer late.Stop()
	r := &part{r: src, read: func() { late.Reset(settle) }}
	info, err := c.store.Put(ctx, key, io.MultiReader(bytes.NewReader(tail), r), &storage.PutOptions{
		ContentType: c.session.New.ContentType,
		IfNotExist:  len(tail) == 0, // what lay behind the end was removed
	})
	switch {
	case errors.Is(err, storage.ErrExist):
		return 0, errElsewhere
	case err != nil:
		return 0, err
	}
	return info.Size - int64(len(tail)), nil
}

// part is the bytes of one part.
type part struct {
	r    io.Reader
	read func() // is called when all have been read
}

func (p *part) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if err != nil {
		p.read()
	}
	return n, err
}
