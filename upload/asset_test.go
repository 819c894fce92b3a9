package upload_test

import (
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

var update = flag.Bool("update", false, "write golden files")

const goldenRecord = "testdata/asset-v1.json"

// fullAsset has every field set.
func fullAsset() upload.Asset {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678000000, time.UTC)
	media := (&studio{}).media()
	return upload.Asset{
		Version: upload.AssetVersion, ID: "movie-42", Tenant: "acme", Name: "Größe.mp4", Priority: 3,
		Metadata: map[string]string{"camera": "x"}, ContentType: "video/mp4",
		Source: encoder.Source{Parts: []encoder.Part{{Key: "sources/movie-42/1", Size: 12, ETag: "e"}}}, Size: 12, External: true,
		Media: &media, Status: progress.Error, Stage: progress.StageEncoding, Attempt: "a1", Attempts: 2, Runs: 3, Failures: 1,
		Output: "media/movie-42/a1-3", Published: "media/movie-42/a1-3", Playlist: "media/movie-42/master.m3u8",
		Fraction: 0.5, Position: 9 * time.Second, Front: 6 * time.Second, Duration: 18 * time.Second,
		Error:   &progress.Failure{Code: "truncated", Message: "The file ends early.", Permanent: true},
		Created: at, Updated: at.Add(time.Second), Completed: at.Add(2 * time.Second), Due: at.Add(3 * time.Second),
		Owner: "o1", Lease: at.Add(time.Minute), Intent: upload.IntentCancel,
	}
}

// The golden file is what older processes wrote: when it changes, either a field was
// added, or AssetVersion has to grow and this version must still be read.
func TestRecordsOfVersion1(t *testing.T) {
	data, err := json.MarshalIndent(fullAsset(), "", "  ")
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o777))
		require.NoError(t, os.WriteFile(goldenRecord, append(data, '\n'), 0o666))
	}
	golden, err := os.ReadFile(goldenRecord)
	require.NoError(t, err)
	assert.Equal(t, string(golden), string(data)+"\n")
	a, err := upload.DecodeAsset(golden)
	require.NoError(t, err)
	assert.Equal(t, fullAsset(), a)
}

func TestDecodeAssetRefuses(t *testing.T) {
	_, err := upload.DecodeAsset([]byte(`{"version": 2, "id": "x", "status": 17}`))
	require.ErrorIs(t, err, upload.ErrVersion, "whatever else a newer record holds")
	for _, s := range []string{``, `{`, `null`, `[]`, `{}`, `{"version":1}`, `{"version":0,"id":"x","status":"READY"}`,
		`{"version":1,"id":"../x","status":"READY"}`, `{"version":1,"id":"x","status":"DONE"}`, `{"version":1,"id":"x","status":"READY","size":"big"}`} {
		_, err := upload.DecodeAsset([]byte(s))
		assert.Error(t, err, s)
	}
}

func FuzzDecodeAsset(f *testing.F) {
	golden, err := os.ReadFile(goldenRecord)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add([]byte(`{"version":1,"id":"x","status":"READY"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := upload.DecodeAsset(data)
		if err != nil {
			return
		}
		if err := upload.ValidID(a.ID); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(a)
		if err != nil {
			t.Skip(err) // a year beyond 9999, say
		}
		b, err := upload.DecodeAsset(again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		third, err := json.Marshal(b)
		if err != nil || string(again) != string(third) {
			t.Fatalf("%s\n%s\n%v", again, third, err)
		}
	})
}
