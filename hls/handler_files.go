package hls

import (
	"container/list"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vodkit/vodkit/internal/deliver"
	"github.com/vodkit/vodkit/storage"
)

// keepOpen is how long a file stays open at most: then its name is looked up again, so that
// what was deleted is gone, and its place on the disk is free.
const keepOpen = 10 * time.Second

// openFiles keeps files of immutable objects open between two requests. A file that is
// being sent belongs to that one request, for a file has one offset; what is kept here
// is idle. It is for concurrent use.
type openFiles struct {
	most  int         // files; 0 keeps none
	local atomic.Bool // the Store has given a file

	mu    sync.Mutex
	idle  map[string][]*keptFile // by key
	order list.List              // of *keptFile, the longest open at the front
	timer *time.Timer            // runs while there are some
}

// keptFile is an open file.
type keptFile struct {
	home   *openFiles
	key    string
	obj    *storage.Object // closing it closes f
	f      *os.File
	head   []field // of answers with it
	opened time.Time
	at     *list.Element // in order while it is idle
}

// take returns an idle file of the object, or nil. It belongs to the caller.
func (o *openFiles) take(key string) *keptFile {
	o.mu.Lock()
	defer o.mu.Unlock()
	files := o.idle[key]
	if len(files) == 0 {
		return nil
	}
	k := files[len(files)-1]
	o.remove(k)
	if time.Since(k.opened) > keepOpen {
		k.close()
		return nil
	}
	return k
}

// adopt makes of an object that was just opened with opts one whose Close keeps the file.
func (o *openFiles) adopt(k *keptFile, opts *storage.OpenOptions) *storage.Object {
	if kept, ok := k.open(opts); ok {
		return kept
	}
	return k.obj
}

// put makes a file idle, and closes the one that has been open longest where there are
// too many.
func (o *openFiles) put(k *keptFile) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.idle == nil {
		o.idle = map[string][]*keptFile{}
	}
	o.idle[k.key] = append(o.idle[k.key], k)
	k.at = o.order.PushBack(k)
	if o.order.Len() > o.most {
		oldest := o.order.Front().Value.(*keptFile)
		o.remove(oldest)
		oldest.close()
	}
	if o.timer == nil && o.order.Len() > 0 {
		o.timer = time.AfterFunc(keepOpen, o.expire)
	}
}

// remove takes a file out. The caller holds mu.
func (o *openFiles) remove(k *keptFile) {
	o.order.Remove(k.at)
	k.at = nil
	files := o.idle[k.key]
	for i := range files {
		if files[i] == k {
			files = append(files[:i], files[i+1:]...)
			break
		}
	}
	if len(files) == 0 {
		delete(o.idle, k.key)
		return
	}
	o.idle[k.key] = files
}

// expire closes what has been open for too long.
func (o *openFiles) expire() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.timer = nil
	next := keepOpen
	for e := o.order.Front(); e != nil; {
		k := e.Value.(*keptFile)
		e = e.Next()
		age := time.Since(k.opened)
		if age >= keepOpen {
			o.remove(k)
			k.close()
			continue
		}
		next = min(next, keepOpen-age)
	}
	if o.order.Len() > 0 {
		o.timer = time.AfterFunc(next, o.expire)
	}
}

// open returns the file as an object that is open at what opts ask for. It is false where
// that is not this version, or not in it: the Store knows what to say.
func (k *keptFile) open(opts *storage.OpenOptions) (*storage.Object, bool) {
	from, to, err := deliver.Within(k.obj.Info, opts)
	if err != nil {
		return nil, false
	}
	return &storage.Object{Info: k.obj.Info, Body: &keptBody{k: k, at: from, end: to}}, true
}

func (k *keptFile) close() { _ = k.obj.Close() }
