package upload

import (
	"fmt"
	"maps"
	"slices"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/ids"
)

// plan returns the options of the profile with the name, "" for Options.Plan; ok is false
// where the host has none of that name.
func (o Options) plan(profile string) (_ *encoder.PlanOptions, ok bool) {
	if profile == "" {
		return o.Plan, true
	}
	plan, ok := o.Profiles[profile]
	return plan, ok
}

// checkProfiles says what is wrong with the host's profiles.
func (o Options) checkProfiles() error {
	for _, name := range slices.Sorted(maps.Keys(o.Profiles)) {
		if ids.Valid(name) != nil {
			return fmt.Errorf("%q cannot name a profile: choose letters, digits, dots, underscores and hyphens", name)
		}
		if err := o.checkEncryption(fmt.Sprintf("Profiles[%q]", name), o.Profiles[name]); err != nil {
			return err
		}
	}
	return o.checkEncryption("Plan", o.Plan)
}

// knownProfile refuses a profile that the host does not have.
func (p *Pipeline) knownProfile(name string) error {
	if _, ok := p.opts.plan(name); !ok {
		return invalid("There is no profile %q.", name)
	}
	return nil
}

// profile returns the options that the host's profile of the asset has. A record may name
// one that the host had when it was written.
func (r *run) profile() (*encoder.PlanOptions, error) {
	name := r.held.get().Profile
	opts, ok := r.p.opts.plan(name)
	if !ok {
		return nil, &encoder.Error{Code: CodeProfile, Permanent: true, Err: fmt.Errorf("Options.Profiles has no %q", name),
			Message: fmt.Sprintf("The profile %q, which was chosen for this video, is not there any more. Retry with another one.", name)}
	}
	return opts, nil
}
