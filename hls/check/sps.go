package check

import "bytes"

// picture is what the sequence parameter set of H.264 says, as far as rules ask.
type picture struct {
	hevc           bool
	profile, level int
	width, height  int // after cropping, in samples
	macroblocks    int // of a frame
	refs           int // max_num_ref_frames
	interlaced     bool
	transfer       int // transfer_characteristics, 0 where not told
	aspectW        int // sample aspect ratio, 0 where not told
	aspectH        int
}

// hdr says whether the transfer function is PQ or HLG.
func (p picture) videoRange() string {
	switch p.transfer {
	case 16:
		return "PQ"
	case 18:
		return "HLG"
	}
	return "SDR"
}

// bitReader reads bits. Reading past the end gives zeros and sets short.
type bitReader struct {
	b     []byte
	at    int
	short bool
}

func (r *bitReader) bit() uint32 {
	i := r.at >> 3
	if i >= len(r.b) {
		r.short = true
		return 0
	}
	v := r.b[i] >> (7 - r.at&7) & 1
	r.at++
	return uint32(v)
}

func (r *bitReader) bits(n int) uint32 {
	var v uint32
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

// ue reads an Exp-Golomb code (ISO 14496-10 9.1).
func (r *bitReader) ue() int {
	zeros := 0
	for r.bit() == 0 {
		if zeros++; zeros > 31 || r.short {
			r.short = true
			return 0
		}
	}
	return int(uint64(1)<<zeros - 1 + uint64(r.bits(zeros)))
}

func (r *bitReader) se() int {
	v := r.ue()
	if v&1 == 1 {
		return (v + 1) / 2
	}
	return -v / 2
}

// parseSPS parses a sequence parameter set NAL unit (ISO 14496-10 7.3.2.1.1).
func parseSPS(nal []byte) (picture, bool) {
	var p picture
	if len(nal) < 4 || nal[0]&31 != 7 {
		return p, false
	}
	r := &bitReader{b: bytes.ReplaceAll(nal[1:], []byte{0, 0, 3}, []byte{0, 0})}
	p.profile = int(r.bits(8))
	r.bits(8)
	p.level = int(r.bits(8))
	r.ue()
	chroma := 1
	separate := false
	switch p.profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		if chroma = r.ue(); chroma == 3 {
			separate = r.bit() == 1
		}
		r.ue()
		r.ue()
		r.bit()
		if r.bit() == 1 {
			scalingLists(r, chroma)
		}
	}
	r.ue() // log2_max_frame_num_minus4
	switch r.ue() {
	case 0:
		r.ue()
	case 1:
		r.bit()
		r.se()
		r.se()
		for range min(r.ue(), 255) {
			r.se()
		}
	}
	p.refs = r.ue()
	r.bit()
	w, h := r.ue()+1, r.ue()+1
	frame := int(r.bit())
	if p.interlaced = frame == 0; p.interlaced {
		r.bit()
	}
	r.bit()
	if r.short || w > 1<<12 || h > 1<<12 {
		return p, false
	}
	h *= 2 - frame
	p.macroblocks = w * h
	p.width, p.height = w*16, h*16
	if r.bit() == 1 {
		x, y := 2, 2
		if chroma == 0 || chroma == 3 || separate {
			x, y = 1, 1
		} else if chroma == 2 {
			y = 1
		}
		y *= 2 - frame
		left, right, top, bottom := r.ue(), r.ue(), r.ue(), r.ue()
		p.width -= x * (left + right)
		p.height -= y * (top + bottom)
	}
	if r.bit() == 1 {
		p.vui(r)
	}
	return p, p.width > 0 && p.height > 0
}

func scalingLists(r *bitReader, chroma int) {
	lists := 8
	if chroma == 3 {
		lists = 12
	}
	for i := range lists {
		if r.bit() == 0 {
			continue
		}
		size := 16
		if i >= 6 {
			size = 64
		}
		last, next := 8, 8
		for range size {
			if next != 0 {
				next = (last + r.se() + 256) % 256
			}
			if next != 0 {
				last = next
			}
		}
	}
}

// vui reads the first fields of the video usability information (annex E.1.1).
func (p *picture) vui(r *bitReader) {
	if r.bit() == 1 {
		ratio := r.bits(8)
		known := [][2]int{{0, 0}, {1, 1}, {12, 11}, {10, 11}, {16, 11}, {40, 33}, {24, 11}, {20, 11}, {32, 11}, {80, 33}, {18, 11}, {15, 11}, {64, 33}, {160, 99}, {4, 3}, {3, 2}, {2, 1}}
		if ratio == 255 {
			p.aspectW, p.aspectH = int(r.bits(16)), int(r.bits(16))
		} else if int(ratio) < len(known) {
			p.aspectW, p.aspectH = known[ratio][0], known[ratio][1]
		}
	}
	if r.bit() == 1 {
		r.bit()
	}
	if r.bit() == 1 {
		r.bits(4)
		if r.bit() == 1 {
			r.bits(8)
			if v := int(r.bits(8)); !r.short {
				p.transfer = v
			}
		}
	}
}
