package upload_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

// heights returns those of a job's pictures.
func heights(job encoder.Job) (h []int) {
	for _, t := range job.Tracks {
		if t.Kind == hls.Video {
			h = append(h, t.Height)
		}
	}
	return h
}

func profiles(b *bench) {
	b.opts.Profiles = map[string]*encoder.PlanOptions{"small": {MaxHeight: 240}, "same": nil}
}

func TestProfiles(t *testing.T) {
	b := newBench(t, profiles)
	a := b.terminal(b.create(upload.NewAsset{}))
	assert.Equal(t, []int{360, 240}, heights(b.studio.jobs[0]))
	small := "small"
	a, err := b.RetryWith(b.ctx, a.ID, &upload.RetryOptions{Profile: &small})
	require.NoError(t, err)
	assert.Equal(t, "small", a.Profile)
	a = b.terminal(a)
	assert.Equal(t, progress.Complete, a.Status)
	assert.Equal(t, []int{240}, heights(b.studio.jobs[1]))
	assert.NotEqual(t, b.studio.jobs[0].Output, b.studio.jobs[1].Output)

	a, err = b.Retry(b.ctx, a.ID)
	require.NoError(t, err)
	a = b.terminal(a)
	assert.Equal(t, "small", a.Profile, "a plain retry keeps it")
	assert.Equal(t, []int{240}, heights(b.studio.jobs[2]))
	none, priority := "", 4
	a, err = b.RetryWith(b.ctx, a.ID, &upload.RetryOptions{Profile: &none, Priority: &priority})
	require.NoError(t, err)
	b.terminal(a)
	assert.Equal(t, []int{360, 240}, heights(b.studio.jobs[3]))
	assert.Equal(t, 4, b.studio.jobs[3].Priority)

	c := b.terminal(b.create(upload.NewAsset{Profile: "small"}))
	assert.Equal(t, []int{240}, heights(b.studio.jobs[4]))
	c, err = b.Replace(b.ctx, c.ID, upload.NewSource{}, strings.NewReader("another"))
	require.NoError(t, err)
	assert.Equal(t, "small", c.Profile)
	b.terminal(c)
	b.terminal(b.create(upload.NewAsset{Profile: "same"}))
	assert.Equal(t, []int{360, 240}, heights(b.studio.jobs[6]))
}

func TestUnknownProfiles(t *testing.T) {
	b := newBench(t, profiles)
	_, err := b.Create(b.ctx, upload.NewAsset{Profile: "huge"}, unread{t})
	require.ErrorIs(t, err, upload.ErrInvalid)
	_, err = b.BeginSession(b.ctx, upload.NewAsset{Profile: "huge"}, nil)
	require.ErrorIs(t, err, upload.ErrInvalid)
	a := b.terminal(b.create(upload.NewAsset{Profile: "small"}))
	huge := "huge"
	_, err = b.RetryWith(b.ctx, a.ID, &upload.RetryOptions{Profile: &huge})
	require.ErrorIs(t, err, upload.ErrInvalid)
	got, err := b.Get(b.ctx, a.ID)
	require.NoError(t, err)
	assert.Equal(t, a, got, "nothing is stored")

	// The host forgets a profile.
	require.NoError(t, b.Shutdown(b.ctx))
	b.opts.Profiles = nil
	b.start()
	a, err = b.Retry(b.ctx, a.ID)
	require.NoError(t, err)
	probed := false
	b.studio.set(func(s *studio) {
		s.probe = func(encoder.Source) (encoder.Media, error) { probed = true; return encoder.Media{}, errors.New("no") }
	})
	a = b.terminal(a)
	assert.Equal(t, upload.CodeProfile, a.Error.Code)
	assert.True(t, a.Error.Permanent)
	assert.Contains(t, a.Error.Message, `"small"`)
	assert.False(t, probed)
	assert.NotEmpty(t, a.Playlist, "what there is can be played")
	b.studio.set(func(s *studio) { s.probe = nil })
	none := ""
	a, err = b.RetryWith(b.ctx, a.ID, &upload.RetryOptions{Profile: &none})
	require.NoError(t, err)
	assert.Equal(t, progress.Complete, b.terminal(a).Status)
}

func TestProfilesAreChecked(t *testing.T) {
	s := &studio{}
	store := newStore(t)
	try := func(o *upload.Options) error {
		_, err := upload.New(store, s, s, o)
		return err
	}
	require.NoError(t, try(&upload.Options{Profiles: map[string]*encoder.PlanOptions{"a-1.B_c": nil}}))
	for _, name := range []string{"", "a b", "../x", "ä", strings.Repeat("x", 129)} {
		require.ErrorContains(t, try(&upload.Options{Profiles: map[string]*encoder.PlanOptions{name: nil}}), "profile", name)
	}
	secret := map[string]*encoder.PlanOptions{"secret": {Encrypt: &encoder.EncryptOptions{}}}
	require.ErrorContains(t, try(&upload.Options{Profiles: secret}), `Profiles["secret"].Encrypt without Keys`)
	keys, err := hls.NewDerivedKeys(map[string][]byte{"1": []byte(strings.Repeat("k", 32))})
	require.NoError(t, err)
	require.NoError(t, try(&upload.Options{Profiles: secret, Keys: keys}))
	secret["secret"].Encrypt.Rotate = -1
	require.ErrorContains(t, try(&upload.Options{Profiles: secret, Keys: keys}), `Profiles["secret"]`)
}

// Uploaders do not choose what an encode costs, unless the host lets them.
func TestHTTPProfiles(t *testing.T) {
	b := newBench(t, profiles)
	asked := map[string]bool{}
	deny := ""
	authorize := func(_ *http.Request, action, _ string) error {
		asked[action] = true
		if action == deny {
			return errors.New("no")
		}
		return nil
	}
	closed := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{Authorize: authorize})
	open := upload.NewHandler(b.Pipeline, &upload.HandlerOptions{Authorize: authorize, UploadProfiles: true})
	send := func(h http.Handler, profile string) []answer {
		body, kind := form("clip.mp4", "a video", "profile", profile)
		return []answer{
			b.do(h, "POST", "/assets", body, "Content-Type", kind),
			b.do(h, "POST", "/assets?profile="+profile, strings.NewReader("a video")),
		}
	}
	profileOf := func(a answer) string {
		got, err := b.Get(b.ctx, a.ID)
		require.NoError(t, err)
		b.terminal(got)
		return got.Profile
	}
	for _, a := range send(closed, "small") {
		require.Equal(t, http.StatusAccepted, a.status)
		assert.Empty(t, profileOf(a), "it is ignored")
	}
	assert.False(t, asked[upload.ActionProfile])
	var id string
	for _, a := range send(open, "small") {
		require.Equal(t, http.StatusAccepted, a.status)
		assert.Contains(t, a.body, `"profile":"small"`)
		assert.Equal(t, "small", profileOf(a))
		id = a.ID
	}
	assert.True(t, asked[upload.ActionProfile])
	for _, a := range send(open, "huge") {
		assert.Equal(t, http.StatusUnprocessableEntity, a.status)
		assert.Equal(t, "invalid_field", a.Error.Code)
	}
	retry := func(body string, headers ...string) answer {
		return b.do(closed, "POST", "/assets/"+id+"/retry", strings.NewReader(body), append([]string{"Content-Type", "application/json"}, headers...)...)
	}
	a := retry(`{"profile": "", "priority": 3}`)
	require.Equal(t, http.StatusAccepted, a.status, a.body)
	assert.Equal(t, 3, a.Priority)
	assert.Empty(t, profileOf(a))
	assert.True(t, asked[upload.ActionUpdate])
	a = retry(`{}`)
	require.Equal(t, http.StatusAccepted, a.status)
	profileOf(a)
	for body, status := range map[string]int{
		`{"profile": "huge"}`: 422, `{"profile": 1}`: 422, `{"ladder": "small"}`: 422, `[]`: 422, `{`: 400,
	} {
		assert.Equal(t, status, retry(body).status, body)
	}
	assert.Equal(t, http.StatusUnsupportedMediaType, retry("profile=small", "Content-Type", "application/x-www-form-urlencoded").status)

	deny = upload.ActionProfile
	for _, a := range send(open, "small") {
		assert.Equal(t, http.StatusForbidden, a.status)
	}
	assert.Equal(t, http.StatusForbidden, retry(`{"profile": "small"}`).status)
	a = retry("")
	require.Equal(t, http.StatusAccepted, a.status)
	profileOf(a)
}
