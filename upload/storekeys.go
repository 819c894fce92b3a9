package upload

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Keys of a StoreCatalog bear the term (see ownership) of the process that wrote them,
// and the last term's object counts. A Store has no compare-and-swap, so a process that
// stood still in the Store's own Put or Delete may finish that when it wakes; under a
// key of its own term that changes nothing any more.
//
//	assets/<id>/<term>.json  the record
//	assets/<id>/<term>.gone  the record was deleted: those of earlier terms count no more
//	due/<id>/<term>.due      the mark of an unfinished asset
//
// Term 0 stands for the keys before there were terms: assets/<id>.json and due/<id>.due.

// spot is where the last word about an asset's record is.
type spot struct {
	term int64
	gone bool // the record has been deleted
}

// nowhere is the spot of a record that never was.
var nowhere = spot{gone: true}

// follows says whether p overrules o.
func (p spot) follows(o spot) bool {
	return p.term > o.term || p.term == o.term && p.gone && !o.gone
}

func (c *StoreCatalog) recordKey(id string, at spot) string {
	if at.gone {
		return c.key("assets/", id, at.term, ".gone")
	}
	return c.key("assets/", id, at.term, ".json")
}

func (c *StoreCatalog) markKey(id string, term int64) string {
	return c.key("due/", id, term, ".due")
}

func (c *StoreCatalog) key(folder, id string, term int64, ext string) string {
	if term == 0 {
		return c.prefix + folder + id + ext
	}
	return fmt.Sprintf("%s%s%s/%010d%s", c.prefix, folder, id, term, ext)
}

// parseKey takes a key of the folder apart.
func (c *StoreCatalog) parseKey(folder, key string) (id string, term int64, ext string, ok bool) {
	rest, ok := strings.CutPrefix(key, c.prefix+folder)
	if !ok {
		return "", 0, "", false
	}
	id, name, deep := strings.Cut(rest, "/")
	if !deep {
		id, name = "", rest
	}
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return "", 0, "", false
	}
	name, ext = name[:dot], name[dot:]
	if deep {
		n, err := strconv.ParseInt(name, 10, 64)
		if err != nil || n < 1 {
			return "", 0, "", false
		}
		term = n
	} else {
		id = name
	}
	return id, term, ext, ValidID(id) == nil && c.key(folder, id, term, ext) == key
}

// parseRecord takes the key of a record, or of its deletion, apart.
func (c *StoreCatalog) parseRecord(key string) (id string, at spot, ok bool) {
	id, term, ext, ok := c.parseKey("assets/", key)
	at = spot{term: term, gone: ext == ".gone"}
	return id, at, ok && (at.gone || ext == ".json")
}

// locate finds the spot of the record of id. Only an owner that is sure of it knows
// without a look, because nobody else changes it then; look is for where that was wrong.
func (c *StoreCatalog) locate(ctx context.Context, id string, look bool) (spot, error) {
	if !look && c.owner.sure() {
		if at, ok := c.index.find(id); ok {
			return at, nil
		}
	}
	spots, err := c.spotsOf(ctx, id)
	at := spot{} // where it was before there were terms
	for _, p := range spots {
		if p.follows(at) {
			at = p
		}
	}
	return at, err
}

// spotsOf returns all spots of id that have a term.
func (c *StoreCatalog) spotsOf(ctx context.Context, id string) (spots []spot, err error) {
	for info, err := range c.store.List(ctx, c.prefix+"assets/"+id+"/") {
		if err != nil {
			return nil, err
		}
		if of, at, ok := c.parseRecord(info.Key); ok && of == id {
			spots = append(spots, at)
		}
	}
	return spots, nil
}

// keepGone is how long the sign of a deletion stays: longer than a process may stand
// still, and then finish a write of the record.
const keepGone = 24 * time.Hour
