package ffmpeg

import (
	"bytes"
	"strings"
	"sync"
)

// stderrLimit is how much of the end of a child's stderr is kept, in bytes.
const stderrLimit = 8 << 10

// stderrTail keeps the end of what a child writes to stderr and remembers whether any
// of it said that the file ends too early or is beyond a limit.
type stderrTail struct {
	mu        sync.Mutex
	buf       []byte
	line      []byte // the line that is being written, at most 1 KiB of it
	truncated bool
	tooLarge  bool
	tooMany   bool
	noMemory  bool
}

// Write never fails, so that a child is never held up by what it says.
func (t *stderrTail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - stderrLimit; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	rest := p
	for {
		head, tail, whole := bytes.Cut(rest, []byte("\n"))
		if len(t.line) < 1024 {
			t.line = append(t.line, head...)
		}
		if !whole {
			break
		}
		t.learn()
		t.line, rest = t.line[:0], tail
	}
	return len(p), nil
}

// saysTruncated knows the words in which the demuxers of mov and Matroska report a
// file that is shorter than its own index.
func saysTruncated(line []byte) bool {
	return bytes.Contains(line, []byte(": partial file")) || bytes.Contains(line, []byte("File ended prematurely"))
}

// saysNoMemory knows the words of ffmpeg, x264, the C library's loader and C++.
func saysNoMemory(line []byte) bool {
	for _, words := range []string{"Cannot allocate memory", "malloc of size", "std::bad_alloc"} {
		if bytes.Contains(line, []byte(words)) {
			return true
		}
	}
	return false
}

// learn takes what the line says; t.mu is held.
func (t *stderrTail) learn() {
	t.truncated = t.truncated || saysTruncated(t.line)
	t.tooLarge = t.tooLarge || bytes.Contains(t.line, []byte("exceeds specified max pixel count"))
	t.tooMany = t.tooMany || bytes.Contains(t.line, []byte("exceeds max_streams"))
	t.noMemory = t.noMemory || saysNoMemory(t.line)
}

func (t *stderrTail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(strings.TrimSpace(string(t.buf)), "\uFFFD")
}

// sawTruncated says whether any line told of a file that ends too early.
func (t *stderrTail) sawTruncated() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.learn()
	return t.truncated
}

// sawTooLarge says whether any line told of a picture that was refused for its size.
func (t *stderrTail) sawTooLarge() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.learn()
	return t.tooLarge
}

// sawTooMany says whether any line told of more streams than are accepted.
func (t *stderrTail) sawTooMany() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.learn()
	return t.tooMany
}

// setNoMemory notes that the child held so much memory that a failure is likely for
// the want of it: not all of ffmpeg says so.
func (t *stderrTail) setNoMemory() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.noMemory = true
}

// sawOutOfMemory says whether any line told that memory was refused, or how much the
// child held at once.
func (t *stderrTail) sawOutOfMemory() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.learn()
	return t.noMemory
}
