package upload

import "sync"

// imports keeps objects that are being made sources from being swept: a sweep that has
// read all records does not see those that come later. The zero value is ready.
type imports struct {
	mu       sync.RWMutex
	watching bool
	keys     map[string]bool // imported since the sweep began, or under way
	underway map[string]int
}

// begin keeps the object until its record is written, and as long as a sweep goes on.
// It waits for a removal that has begun.
func (m *imports) begin(key string) (end func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys == nil {
		m.keys, m.underway = map[string]bool{}, map[string]int{}
	}
	m.keys[key] = true
	m.underway[key]++
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.underway[key]--; m.underway[key] == 0 {
			delete(m.underway, key)
			if !m.watching {
				delete(m.keys, key)
			}
		}
	}
}

// watch remembers what is imported until done is called.
func (m *imports) watch() (done func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watching = true
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.watching = false
		for key := range m.keys {
			if m.underway[key] == 0 {
				delete(m.keys, key)
			}
		}
	}
}

// unlessImported calls remove unless the object is a source by now, and says whether
// that has succeeded.
func (m *imports) unlessImported(key string, remove func() error) (bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.keys[key] {
		return false, nil
	}
	err := remove()
	return err == nil, err
}
