package hls

// KeepPlaylists sets how many bytes of playlists the handler keeps at most.
func (h *Handler) KeepPlaylists(n int) { h.playlists.most = n }

// KeptPlaylists returns how many bytes of playlists the handler keeps, counted anew.
func (h *Handler) KeptPlaylists() int {
	h.playlists.mu.Lock()
	defer h.playlists.mu.Unlock()
	n := 0
	for _, t := range h.playlists.texts {
		n += t.cost()
	}
	return n
}

// IdleFiles returns how many files the handler keeps open.
func (h *Handler) IdleFiles() int {
	h.files.mu.Lock()
	defer h.files.mu.Unlock()
	return h.files.order.Len()
}

// Ordinary is what takes most names at one glance.
var Ordinary = ordinary
