package hls

// KeepCompressed sets how many bytes of compressed playlists the handler keeps at most.
func (h *Handler) KeepCompressed(n int) { h.gzip.max = n }

// Compressed returns how many bytes of compressed playlists the handler keeps, counted
// anew.
func (h *Handler) Compressed() int {
	h.gzip.mu.Lock()
	defer h.gzip.mu.Unlock()
	n := 0
	for _, e := range h.gzip.entries {
		n += len(e.body)
	}
	return n
}
