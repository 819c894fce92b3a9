package check

// bandwidthRules: what the multivariant playlist says of bit rates, against the bytes. Too
// low makes players stall and is an error, too high makes them choose worse than they
// could and is a warning.
func bandwidthRules() []rule {
	return []rule{
		conformance("M9.13", "BANDWIDTH is not less than the measured peak", bandwidthLow),
		{Rule{"M1.27", Conformance, Warning, "BANDWIDTH is at most 10 % over the measured peak"}, bandwidthHigh},
		conformance("M1.26", "AVERAGE-BANDWIDTH is within 10 % of the measured average", averageBandwidth),
	}
}

const rounding = 1.01 // of durations and of bit rates

func bandwidthLow(p *presentation, r *reporter) {
	severity := r.rule.Severity
	if p.growing() {
		severity = Warning // provisional
	}
	p.eachVariant(func(v *variant, peak, _ float64) {
		if b := v.integer("BANDWIDTH"); b > 0 && float64(b)*rounding < peak {
			r.as(severity, p.master.at(v.line), "BANDWIDTH is %d, but the peak of what the variant plays was measured at %.0f bits per second; players would stall. Write the measured peak.", b, peak)
		}
	})
}

func bandwidthHigh(p *presentation, r *reporter) {
	if p.growing() {
		return // planned figures are all that there is
	}
	p.eachVariant(func(v *variant, peak, _ float64) {
		if b := v.integer("BANDWIDTH"); float64(b) > 1.1*peak {
			r.at(p.master.at(v.line), "BANDWIDTH is %d, more than 10 %% over the measured peak of %.0f bits per second; players with less choose another variant. Write the measured peak.", b, peak)
		}
	})
}

func averageBandwidth(p *presentation, r *reporter) {
	if p.growing() {
		return
	}
	p.eachVariant(func(v *variant, _, average float64) {
		b := float64(v.integer("AVERAGE-BANDWIDTH"))
		switch {
		case b == 0:
		case b*1.1 < average:
			r.at(p.master.at(v.line), "AVERAGE-BANDWIDTH is %.0f, more than 10 %% under the measured %.0f bits per second. Write what is measured.", b, average)
		case b > 1.1*average:
			r.as(Warning, p.master.at(v.line), "AVERAGE-BANDWIDTH is %.0f, more than 10 %% over the measured %.0f bits per second. Write what is measured.", b, average)
		}
	})
}

// eachVariant calls f for each variant that was measured.
func (p *presentation) eachVariant(f func(v *variant, peak, average float64)) {
	if p.master == nil {
		return
	}
	for i := range p.master.variants {
		v := &p.master.variants[i]
		if peak, average, ok := p.variantRates(v); ok && peak > 0 {
			f(v, peak, average)
		}
	}
}
