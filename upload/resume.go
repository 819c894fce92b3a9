package upload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path"
	"strconv"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
)

// Runs of one attempt share its output: what an encoder emits is named by its content,
// and the journal says what there is, so a run goes on where the one before it was
// stopped. Two of them may be at it at once for a moment, when a process that was taken
// for dead had only stood still. What it adds harms nobody; the growing playlists, which
// runs share as well, it does not touch once its lease has passed; and final playlists
// have the run in their names.
//
// A run begins anew, under another output, where there is no journal, where that is of
// another recipe, and where what is there is what may be wrong.

// outputOf returns the output of a run that begins anew.
func outputOf(a Asset, run int) string {
	out := mediaPrefix + a.ID + "/" + a.Attempt
	if run > 1 {
		out += "-" + strconv.Itoa(run)
	}
	return out
}

// settle decides whether the run goes on with what is there, and gives it a publisher.
func (r *run) settle(ctx context.Context, job *encoder.Job) error {
	recipe, err := r.recipe(ctx, *job)
	if err != nil {
		return err
	}
	page, err := r.earlier(ctx, recipe)
	if errors.Is(err, errAnew) {
		r.log.Info("A run begins anew.", "reason", err)
		page, err = journalPage{}, r.anew(ctx, recipe)
	}
	if err != nil {
		return storeError(err)
	}
	if err = r.publisher(job, page); err == nil {
		return nil
	}
	if page.empty() {
		return err
	}
	r.log.Warn("A run begins anew, because what is there does not fit the plan.", "error", err)
	if err := r.anew(ctx, recipe); err != nil {
		return storeError(err)
	}
	return r.publisher(job, journalPage{})
}

// errAnew says why a run does not go on with what is there.
var errAnew = errors.New("there is nothing to go on with")

// earlier opens the journal and returns what runs before this one have made.
func (r *run) earlier(ctx context.Context, recipe string) (journalPage, error) {
	a := r.held.get()
	if recipe == "" {
		if a.Runs > 1 {
			return journalPage{}, errAnew
		}
		return journalPage{}, nil
	}
	j := newJournal(r.p.store, a.ID, a.Output, recipe)
	if a.Runs == 1 {
		r.keepJournal(j)
		return journalPage{}, nil
	}
	page, err := j.load(ctx)
	switch {
	case errors.Is(err, errOtherRecipe):
		return page, errors.Join(errAnew, err)
	case err != nil:
		return page, err
	case page.empty() && a.Published == a.Output:
		return page, errAnew // or what was published might change
	}
	r.keepJournal(j)
	return page, nil
}

// anew gives the run an output of its own, and removes what is under the one before.
func (r *run) anew(ctx context.Context, recipe string) error {
	before := r.held.get()
	old := r.withdraw(ctx, before)
	err := r.held.update(ctx, func(a *Asset) {
		a.Output = outputOf(*a, a.Runs)
		r.withdrawn(a)
	})
	if err != nil {
		return err
	}
	if before.Playlist != "" && before.Published == before.Output {
		r.endGrowingOf(ctx, before)
	}
	r.removeListed(ctx, old)
	var j *journal
	if recipe != "" {
		j = newJournal(r.p.store, before.ID, r.held.get().Output, recipe)
	}
	r.keepJournal(j)
	return nil
}

// publisher makes the run's publisher, which has what is on page, and tells the encoder
// of that.
func (r *run) publisher(job *encoder.Job, page journalPage) error {
	a := r.held.get()
	job.ID = a.Attempt + "-" + strconv.Itoa(a.Runs)
	job.Output, job.Done = a.Output, doneOf(page.Segments)
	job.Encryption = r.p.opts.encryption(a)
	opts := &hls.PublisherOptions{
		// Where something else can be played already, it stays until this run is complete.
		DeferMaster: a.Playlist != "" && a.Published != a.Output,
		Check:       r.gate(*job), Record: r.record, Run: 1, Logger: r.log,
		KeyURI: r.p.opts.keyURI(a.ID),
	}
	if a.Output != outputOf(a, a.Runs) {
		opts.Run = a.Runs
	}
	pub, err := hls.NewPublisher(r.p.store, mediaPrefix+a.ID, path.Base(a.Output), job.Presentation(), opts)
	if err != nil {
		return err
	}
	if !page.empty() {
		if err := pub.Restore(page.Inits, page.Segments); err != nil {
			return err
		}
		r.log.Info("A run goes on with what there is.", "segments", len(page.Segments))
	}
	r.pub, r.resumed = pub, !page.empty()
	return nil
}

// recipe names all that decides what the encoder makes of the job. It is "" where the
// encoder cannot tell: then every run begins anew.
func (r *run) recipe(ctx context.Context, job encoder.Job) (string, error) {
	f, ok := r.p.enc.(encoder.Fingerprinter)
	if !ok {
		return "", nil
	}
	made, err := f.Fingerprint(ctx)
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		if !errors.Is(err, errors.ErrUnsupported) {
			r.log.Warn("The encoder's fingerprint is unknown; a crash will cost the whole encode.", "error", err)
		}
		return "", nil
	}
	text, err := json.Marshal(struct {
		Made   string
		Source encoder.Source
		Media  encoder.Media
		Grid   encoder.Grid
		Tracks []encoder.TrackSpec
		// Encrypt is last and left out where it is nil: so what was recorded before there
		// was encryption goes on.
		Encrypt *encoder.EncryptOptions `json:",omitempty"`
	}{made, job.Source, job.Media, job.Grid, job.Tracks, r.p.opts.encrypt(r.held.get())})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), nil
}

// keepJournal and journal set and get the run's journal; the keeper reads it.
func (r *run) keepJournal(j *journal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.book = j
}

func (r *run) journal() *journal {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.book
}

// note puts what the encoder has emitted into the journal.
func (r *run) note(u encoder.Update) {
	switch j := r.journal(); {
	case j == nil:
	case u.Init != nil:
		j.init(*u.Init)
	case u.Segment != nil:
		j.segment(*u.Segment)
	}
}

// record is asked before playlists are written that refer to what was noted.
func (r *run) record(ctx context.Context) error {
	if j := r.journal(); j != nil {
		if err := j.flush(ctx); err != nil {
			return err
		}
	}
	if r.held.expired() {
		return errLost // this process stood still, and somebody else may be at it
	}
	return nil
}

// recordSoon is record by the keeper, which has a lease to renew: a Store that hangs does
// not keep it from that.
func (r *run) recordSoon(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.held.lease/3)
	defer cancel()
	if err := r.record(ctx); err != nil && !errors.Is(err, context.Canceled) {
		r.log.Warn("What is encoded could not be recorded.", "error", err)
	}
}

// goesOn says whether the next run can go on with what this one leaves, which failed
// with the code, or "" where it was stopped.
func (r *run) goesOn(code string) bool {
	switch {
	case r.pub == nil:
		return true // it has changed nothing
	case r.journal() == nil:
		return false
	}
	switch code {
	case "", encoder.CodeStorage:
		return true
	case CodeNonconformant, encoder.CodePackaging, encoder.CodeNoSpace:
		return false
	}
	return !r.resumed // what it went on with may be what is wrong
}
