package tus

import (
	"errors"
	"io"
)

// errCut says that a body broke off before its checksum could be compared.
var errCut = errors.New("body broke off")

// source is a body that can be asked whether it goes on, and is summed up as it is read.
type source struct {
	r    io.Reader
	sum  *checksum
	next [1]byte
	has  bool // next is the next byte
	end  error
}

// more says whether there is another byte. It waits for it.
func (s *source) more() (bool, error) {
	for tries := 0; !s.has && s.end == nil; tries++ {
		n, err := s.r.Read(s.next[:])
		s.has, s.end = n > 0, err
		if n == 0 && err == nil && tries == 100 {
			s.end = io.ErrNoProgress
		}
	}
	if s.has || s.end == io.EOF { //nolint:errorlint // the end is io.EOF itself
		return s.has, nil
	}
	return false, s.end
}

func (s *source) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if s.has {
		s.has = false
		p[0] = s.next[0]
		s.add(p[:1])
		return 1, nil
	}
	if s.end != nil {
		return 0, s.end
	}
	n, err := s.r.Read(p)
	s.end = err
	s.add(p[:n])
	return n, err
}

func (s *source) add(p []byte) {
	if s.sum != nil {
		_, _ = s.sum.Write(p)
	}
}
