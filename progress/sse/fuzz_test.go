package sse_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/vodkit/vodkit/progress"
	"github.com/vodkit/vodkit/progress/sse"
)

// FuzzStream reports an event with anyone's words and asks for it with anyone's query
// and Last-Event-ID: nothing breaks out of its message, nobody sees an asset that was
// not asked for, and who comes back is not told the same again.
func FuzzStream(f *testing.F) {
	f.Add("a", "words", "asset=a", "")
	f.Add("a\ndata: {}\n\n", "x\r\n\r\nid: 7\u2028", "asset=a%0Adata:+%7B%7D%0A%0A", "e-1")
	f.Add("a", "\xff\x00", "asset=b&asset=a;asset=%zz&asset=", "\n")
	f.Add("a/../b", "", "asset=a/../b&asset=a%2f..%2fb", "18446744073709551616")
	f.Fuzz(func(t *testing.T, asset, words, query, last string) {
		if asset == "" {
			return
		}
		for _, status := range []progress.Status{progress.Running, progress.Error} {
			hub := sse.NewHub(nil)
			e := progress.Event{Asset: asset, Tenant: words, Attempt: words, Status: status, Playlist: words, Time: at}
			if status == progress.Error {
				e.Error = &progress.Failure{Code: words, Message: words}
			}
			hub.Report(t.Context(), e)
			hub.Report(t.Context(), running("secret", 0.5))
			askSecret := strings.Contains(query, "secret") || strings.Contains(query, "%")
			for _, m := range ask(t, hub, query, last) {
				if !askSecret && m.event.Asset == "secret" {
					t.Fatalf("%q tells of %+v", query, m.event)
				}
			}
			named := "asset=" + url.QueryEscape(asset)
			told := ask(t, hub, named, "")
			if asset == "secret" {
				return
			}
			if len(told) != 1 || !reflect.DeepEqual(told[0].event, asJSON(t, e)) {
				t.Fatalf("%+v instead of %+v", told, e)
			}
			if again := ask(t, hub, named, told[0].id); len(again) != 0 {
				t.Fatalf("%+v is told again", again)
			}
			hub.Close()
		}
	})
}

// asJSON returns the event as it arrives.
func asJSON(t *testing.T, e progress.Event) (arrived progress.Event) {
	t.Helper()
	b, err := json.Marshal(e)
	if err == nil {
		err = json.Unmarshal(b, &arrived)
	}
	if err != nil {
		t.Fatal(err)
	}
	return arrived
}

// ask returns the messages that a request gets at once.
func ask(t *testing.T, hub *sse.Hub, query, last string) (told []message) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := (&http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/events", RawQuery: query}, Header: http.Header{}}).WithContext(ctx)
	r.Header.Set("Last-Event-ID", last)
	w := httptest.NewRecorder()
	hub.ServeHTTP(w, r)
	body := w.Body.String()
	switch w.Code {
	case 200:
	case 204:
		return nil
	case 400, 404:
		if !json.Valid([]byte(body)) {
			t.Fatalf("%d %q", w.Code, body)
		}
		return nil
	default:
		t.Fatalf("%d %q", w.Code, body)
	}
	blocks := strings.Split(body, "\n\n")
	if len(blocks) < 2 || blocks[0] != "retry: 2000" || blocks[len(blocks)-1] != "" || strings.ContainsAny(body, "\r\x00") {
		t.Fatalf("%q", body)
	}
	for _, block := range blocks[1 : len(blocks)-1] {
		head, body, _ := strings.Cut(block, "\n")
		id, isID := strings.CutPrefix(head, "id: ")
		text, isData := strings.CutPrefix(body, "data: ")
		if !isID || !isData || strings.Contains(text, "\n") {
			t.Fatalf("%q", body)
		}
		m := message{id: id}
		if err := json.Unmarshal([]byte(text), &m.event); err != nil {
			t.Fatalf("%v: %q", err, text)
		}
		told = append(told, m)
	}
	return told
}
