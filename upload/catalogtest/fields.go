package catalogtest

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/upload"
)

// full returns an asset with something in each field, which differs between seeds. All
// its times have passed.
func full(t *testing.T, id string, seed int) upload.Asset {
	t.Helper()
	var a upload.Asset
	n := 0
	fill(t, "Asset", reflect.ValueOf(&a).Elem(), seed, &n)
	a.Version, a.ID = upload.AssetVersion, id
	return a
}

// fill gives v a value that no other field has.
func fill(t *testing.T, path string, v reflect.Value, seed int, n *int) {
	t.Helper()
	*n++
	at := *n + 100*seed
	switch value := v.Addr().Interface().(type) {
	case *progress.Status:
		*value = []progress.Status{progress.Ready, progress.Running, progress.Error}[seed%3]
		return
	case *progress.Stage:
		*value = []progress.Stage{progress.StageFetching, progress.StageProbing, progress.StageEncoding, progress.StagePublishing}[seed%4]
		return
	case *upload.Intent:
		*value = []upload.Intent{upload.IntentDelete, upload.IntentCancel}[seed%2]
		return
	case *encoder.StreamKind:
		*value = []encoder.StreamKind{encoder.VideoStream, encoder.AudioStream, encoder.SubtitleStream}[at%3]
		return
	case *time.Time:
		*value = epoch.Add(-time.Duration(at)*time.Hour + time.Duration(123456789+at))
		return
	case *bool:
		*value = seed%2 == 0
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("%s %d", strings.ToLower(path), at))
	case reflect.Int, reflect.Int32:
		v.SetInt(int64(at))
	case reflect.Int64:
		v.SetInt(1<<53 + 2*int64(at) + 1) // neither 32 bits nor a float64 hold it
	case reflect.Float64:
		v.SetFloat(float64(at) / 1237)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, path+"."+v.Type().Field(i).Name, v.Field(i), seed, n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, path, v.Elem(), seed, n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(t, fmt.Sprintf("%s[%d]", path, i), v.Index(i), seed, n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for i := range 2 {
			key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, fmt.Sprintf("%s.key%d", path, i), key, seed, n)
			fill(t, fmt.Sprintf("%s.value%d", path, i), elem, seed, n)
			v.SetMapIndex(key, elem)
		}
	default:
		t.Fatalf("catalogtest does not know how to fill %s, a %s", path, v.Type())
	}
}

// same wants two records to be the same: times as instants, and no entries like nil.
func same(t *testing.T, what string, want, got upload.Asset, cfg config) {
	t.Helper()
	var diffs []string
	compare("Asset", reflect.ValueOf(want), reflect.ValueOf(got), cfg, &diffs)
	if len(diffs) > 0 {
		t.Errorf("%s: another record than was put:\n  %s", what, strings.Join(diffs, "\n  "))
	}
}

// compare adds a line for each difference between the two.
func compare(path string, want, got reflect.Value, cfg config, diffs *[]string) {
	differ := func() { *diffs = append(*diffs, fmt.Sprintf("%s: got %#v, want %#v", path, got, want)) }
	if w, ok := want.Interface().(time.Time); ok {
		g, _ := got.Interface().(time.Time)
		if w.IsZero() != g.IsZero() || g.Sub(w).Abs() >= cfg.precision {
			*diffs = append(*diffs, fmt.Sprintf("%s: got %v, want %v", path, g, w))
		}
		return
	}
	switch want.Kind() {
	case reflect.Struct:
		for i := range want.NumField() {
			compare(path+"."+want.Type().Field(i).Name, want.Field(i), got.Field(i), cfg, diffs)
		}
	case reflect.Pointer:
		if want.IsNil() || got.IsNil() {
			if want.IsNil() != got.IsNil() {
				differ()
			}
			return
		}
		compare(path, want.Elem(), got.Elem(), cfg, diffs)
	case reflect.Slice:
		if want.Len() != got.Len() {
			differ()
			return
		}
		for i := range want.Len() {
			compare(fmt.Sprintf("%s[%d]", path, i), want.Index(i), got.Index(i), cfg, diffs)
		}
	case reflect.Map:
		if want.Len() != got.Len() {
			differ()
			return
		}
		for _, k := range want.MapKeys() {
			if v := got.MapIndex(k); !v.IsValid() {
				differ()
			} else {
				compare(fmt.Sprintf("%s[%q]", path, k), want.MapIndex(k), v, cfg, diffs)
			}
		}
	default:
		if !want.Equal(got) {
			differ()
		}
	}
}
