package pack

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// lineReader reads lines of text that end with LF, CRLF or the end of the stream.
type lineReader struct {
	r   *bufio.Reader
	off int64 // bytes read
}

func newLineReader(r io.Reader) *lineReader { return &lineReader{r: bufio.NewReaderSize(r, 64<<10)} }

// line returns the next line without its end, as valid UTF-8 without NUL, and io.EOF
// behind the last.
func (l *lineReader) line() (string, error) {
	var line []byte
	for {
		part, err := l.r.ReadSlice('\n')
		l.off += int64(len(part))
		line = append(line, part...)
		switch {
		case len(line) > maxCues:
			return "", fmt.Errorf("%w: a line of more than %d bytes", ErrTooLarge, int64(maxCues))
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) > 0, err == nil:
			line = bytes.TrimRight(line, "\r\n")
			return strings.ReplaceAll(strings.ToValidUTF8(string(line), "\ufffd"), "\x00", "\ufffd"), nil
		}
		return "", err
	}
}
