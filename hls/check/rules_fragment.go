package check

// fragmentRules: the boxes of segments (ISO 14496-12).
func fragmentRules() []rule {
	return []rule{
		conformance("ISO-4.2", "boxes have true sizes and are whole", boxSizes),
		conformance("ISO-8.8.4", "a segment has a moof with a traf", bytesRule),
		conformance("ISO-8.8.7", "fragments are of a track of the initialization segment", bytesRule),
		conformance("ISO-8.8.8", "all samples are inside the mdat of their fragment", bytesRule),
		conformance("ISO-8.8.12", "every fragment has a tfdt", bytesRule),
	}
}

func boxSizes(p *presentation, r *reporter) {
	for _, t := range p.media() {
		initFaults(p, t, r)
	}
	bytesRule(p, r)
}
