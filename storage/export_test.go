package storage

import "fmt"

// CheckAccounts counts anew what c counts, given all Objects of it that are open. No
// load may be under way.
func (c *Cache) CheckAccounts(open []*Object) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	users := map[*entry]int{}
	for _, obj := range open {
		if b, ok := obj.Body.(*cachedBody); ok {
			users[b.e]++
		}
	}
	for key, e := range c.entries {
		if e.key != key || !e.resident {
			return fmt.Errorf("%q is in the map as %q, resident: %v", e.key, key, e.resident)
		}
		users[e] += 0
	}
	var used, idle int64
	for e, n := range users {
		used += e.cost
		if e.users != n || e.loading {
			return fmt.Errorf("%q has %d users, %d are known; loading: %v", e.key, e.users, n, e.loading)
		}
		if want := int64(overhead+len(e.key)) + int64(len(e.buf)); e.cost != want {
			return fmt.Errorf("%q counts %d bytes, want %d", e.key, e.cost, want)
		}
		if isIdle := e.idle != nil; isIdle != (n == 0) {
			return fmt.Errorf("%q has %d users, idle: %v", e.key, n, isIdle)
		}
		if n == 0 {
			idle += e.cost
		}
	}
	switch {
	case used != c.used || idle != c.idleBytes:
		return fmt.Errorf("%d bytes are used and %d idle, c has %d and %d", used, idle, c.used, c.idleBytes)
	case used > c.opts.MaxBytes:
		return fmt.Errorf("%d bytes are used, more than %d", used, c.opts.MaxBytes)
	case len(c.misses) != c.missing.Len() || len(c.misses) > maxMisses:
		return fmt.Errorf("%d misses, %d in the list", len(c.misses), c.missing.Len())
	}
	return nil
}
