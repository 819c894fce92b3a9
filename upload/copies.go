package upload

import "github.com/vodkit/vodkit/encoder"

// uncopied says whether a run that failed with the code may do so because of what it
// copied: then the next one encodes everything.
func uncopied(code string) bool { return code == encoder.CodePackaging || code == CodeNonconformant }

// planned makes the plan, and logs why what is not copied is not.
func (r *run) planned(media encoder.Media) (encoder.Grid, []encoder.TrackSpec, error) {
	opts, err := r.planOptions()
	if err != nil {
		return encoder.Grid{}, nil, err
	}
	for track, why := range encoder.NotCopied(media, opts) {
		r.log.Debug("A track is not copied from the source.", "track", track, "reason", "its samples "+why)
	}
	return encoder.Plan(media, opts)
}

// planOptions are the host's, or without copies where a run has failed on those. A host
// that wants nothing encoded has its way.
func (r *run) planOptions() (*encoder.PlanOptions, error) {
	opts, err := r.profile()
	if err != nil || !r.held.get().Uncopied || (opts != nil && opts.Copy != encoder.CopyBest) {
		return opts, err
	}
	var o encoder.PlanOptions
	if opts != nil {
		o = *opts
	}
	o.Copy = encoder.CopyNever
	return &o, nil
}
