package check

import "strings"

// authoringVideoRules: items of the Authoring Specification on what video is encoded as.
func authoringVideoRules() []rule {
	return []rule{
		must("M1.3", "H.264 is at most High profile, level 5.2", highestLevel),
		must("M1.5", "HEVC is in fragmented MP4", hevcInMP4),
		must("M1.14", "video is deinterlaced", progressive),
		must("M1.19", "there are at most 60 frames per second", sixtyFrames),
		should("S1.10", "sample entries are avc1 and hvc1", parameterSets),
		should("S1.11", "the level is the lowest that fits", lowestLevel),
		should("S1.13", "there is an IDR picture every two seconds", everyTwoSeconds),
	}
}

// h264 calls f for every track of H.264 whose parameters are known.
func (p *presentation) h264(f func(t *track, pic picture)) {
	for _, t := range p.media("video") {
		if t.main != nil && strings.HasPrefix(t.main.codec, "avc") {
			f(t, t.main.picture)
		}
	}
}

// initPlace is the place of a track's initialization segment.
func (t *track) initPlace() Where {
	return Where{Playlist: t.uri, Line: t.lines["#EXT-X-MAP"], Segment: t.init.uri, Offset: -1}
}

func highestLevel(p *presentation, r *reporter) {
	p.h264(func(t *track, pic picture) {
		if pic.level > 52 {
			r.at(t.initPlace(), "The H.264 level is %d.%d; at most 5.2 is allowed.", pic.level/10, pic.level%10)
		}
		if pic.profile > 100 {
			r.at(t.initPlace(), "The H.264 profile_idc is %d, beyond High (100); few devices play it.", pic.profile)
		}
	})
}

func hevcInMP4(p *presentation, r *reporter) {
	if p.master == nil {
		return
	}
	for i := range p.master.variants {
		v := &p.master.variants[i]
		c := strings.ToLower(v.get("CODECS"))
		if t := p.byURI[v.uri]; t != nil && t.format == "ts" && (strings.Contains(c, "hvc1") || strings.Contains(c, "hev1")) {
			r.at(p.master.at(v.line), "HEVC is in MPEG-TS; it must be in fragmented MP4.")
		}
	}
}

func progressive(p *presentation, r *reporter) {
	p.h264(func(t *track, pic picture) {
		if pic.interlaced {
			r.at(t.initPlace(), "The video is coded as fields (frame_mbs_only_flag is 0); deinterlace it.")
		}
	})
}

func sixtyFrames(p *presentation, r *reporter) {
	for _, t := range p.media("video") {
		if rate := t.rate(); rate > 60.5 {
			r.at(t.at(0), "%.3f frames per second were measured; at most 60 are allowed.", rate)
		}
	}
}

func parameterSets(p *presentation, r *reporter) {
	for _, t := range p.media("video") {
		if t.main != nil && (t.main.entry == "hev1" || t.main.entry == "avc3") {
			want := map[string]string{"hev1": "hvc1", "avc3": "avc1"}[t.main.entry]
			r.at(t.initPlace(), "The sample entry is %s; Apple's players want %s, with the parameter sets in the initialization segment.", t.main.entry, want)
		}
	}
}

// level is a row of table A-1 of ISO 14496-10.
type level struct {
	number int
	mbps   float64 // macroblocks per second
	frame  int     // macroblocks
	dpb    int     // macroblocks
	rate   float64 // 1000 bits per second, Baseline and Main
}

func levels() []level {
	return []level{
		{10, 1485, 99, 396, 64}, {11, 3000, 396, 900, 192}, {12, 6000, 396, 2376, 384}, {13, 11880, 396, 2376, 768},
		{20, 11880, 396, 2376, 2000}, {21, 19800, 792, 4752, 4000}, {22, 20250, 1620, 8100, 4000},
		{30, 40500, 1620, 8100, 10000}, {31, 108000, 3600, 18000, 14000}, {32, 216000, 5120, 20480, 20000},
		{40, 245760, 8192, 32768, 20000}, {41, 245760, 8192, 32768, 50000}, {42, 522240, 8704, 34816, 50000},
		{50, 589824, 22080, 110400, 135000}, {51, 983040, 36864, 184320, 240000}, {52, 2073600, 36864, 184320, 240000},
	}
}

func lowestLevel(p *presentation, r *reporter) {
	p.h264(func(t *track, pic picture) {
		rate := t.rate()
		if rate == 0 || pic.macroblocks == 0 || !t.sized {
			return
		}
		factor := 1.0
		if pic.profile == 100 {
			factor = 1.25
		}
		for _, l := range levels() {
			if pic.macroblocks > l.frame || float64(pic.macroblocks)*rate > l.mbps*1.001 ||
				pic.macroblocks*pic.refs > l.dpb || t.peak > 1000*l.rate*factor {
				continue
			}
			if pic.level > l.number && pic.level != 11 { // 11 may be level 1b
				r.at(t.initPlace(), "The H.264 level is %d.%d, but %d.%d would do for the size, the rate and the reference frames; some devices refuse what is higher than they know.", pic.level/10, pic.level%10, l.number/10, l.number%10)
			}
			return
		}
	})
}

func everyTwoSeconds(p *presentation, r *reporter) {
	for _, t := range p.media("video") {
		if !t.timed || t.main.handler != "vide" {
			continue
		}
		var since, gap float64 // since the last one, at the end of a segment
		first := true
		var at *segment
		for _, s := range t.segments {
			now, track := p.run(s)
			scale := float64(track.timescale)
			if now.firstSync < 0 {
				since += float64(now.end-now.decode) / scale
				continue
			}
			inside := float64(now.syncGap) / scale
			if !first && !s.discontinuity {
				inside = max(inside, since+float64(now.firstSync-now.decode)/scale)
			}
			if inside > gap {
				gap, at = inside, s
			}
			first, since = false, float64(now.end-now.lastSync)/scale
		}
		if at != nil && gap > 2+t.frame/2+jitter {
			r.at(t.inSegment(at, -1), "Between two IDR pictures are %.3f s; one every 2 s is advised.", gap)
		}
	}
}
