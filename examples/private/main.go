// Command private serves videos to those whom it has let watch them, and to nobody else.
// It serves what another program, such as the quickstart or the demo server, has put into
// a folder:
//
//	go run ./private -dir vod -origin http://127.0.0.1:3000
//
// A page of that origin asks for a video in one of two ways:
//
//	POST /watch/ID?viewer=anna           {"playlist": "/media/ID/master.m3u8?token=v1.…"}
//	POST /watch/ID?viewer=anna&cookie=1  {"playlist": "/media/ID/master.m3u8"}, and a cookie
//
// The first URL plays in every player. With the second the player has to send
// credentials: hls.js does with xhrSetup, video.js with withCredentials, shaka-player with
// allowCrossSiteCredentials.
//
// With -cdn https://cdn.example.com the segments come from a CDN, or a bucket's website,
// that has the folder below that URL; the playlists, and so the names of the segments, stay
// here for those who may watch.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/vodkit/vodkit/examples/internal/serve"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/sign"
	"github.com/vodkit/vodkit/storage"
	"github.com/vodkit/vodkit/storage/blobstore"
)

type mediaURL = func(ctx context.Context, key string, lifetime time.Duration) (string, error)

// lifetime is how long a viewer may take for a video, pauses included.
const lifetime = 6 * time.Hour

// newServer serves the media in the store to pages of the origin. mediaURL says where
// segments are, nil for here.
func newServer(store storage.Store, gate *sign.Gate, origin string, mediaURL mediaURL) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/media/", http.StripPrefix("/media", hls.NewHandler(store, &hls.HandlerOptions{
		Authorize:        gate.Authorize,
		Query:            gate.Query, // puts the token behind every URI in playlists
		MediaURL:         mediaURL,
		AllowOrigin:      func(*http.Request) string { return origin },
		AllowCredentials: true, // for the cookie; tokens in the query need none
	})))
	mux.HandleFunc("POST /watch/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		w.Header().Set("Cache-Control", "no-store")
		id, viewer := r.PathValue("id"), r.FormValue("viewer")
		if !mayWatch(viewer, id) {
			http.Error(w, "You may not watch this video.", http.StatusForbidden)
			return
		}
		playlist, claims := "/media/"+id+"/master.m3u8", sign.Claims{Path: id, Viewer: viewer, Expires: time.Now().Add(lifetime)}
		var err error
		if r.FormValue("cookie") == "" {
			playlist, err = gate.URL(playlist, claims)
		} else {
			err = setCookie(w, gate, claims)
		}
		if err != nil { // such as an id that no video can have
			http.Error(w, "There is no such video.", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"playlist": playlist})
	})
	return mux
}

// mayWatch is what your service decides, from its session, its shop, its database.
func mayWatch(viewer, _ string) bool { return viewer != "" }

func setCookie(w http.ResponseWriter, gate *sign.Gate, c sign.Claims) error {
	// The page may be of another site here. Within one site the defaults do.
	cookie, err := gate.Cookie(c, &sign.CookieOptions{SameSite: http.SameSiteNoneMode, Partitioned: true})
	if err == nil {
		http.SetCookie(w, cookie)
	}
	return err
}

func main() {
	addr := flag.String("addr", "localhost:8081", "address to listen on")
	dir := flag.String("dir", "vod", "folder with the media, as vodkit lays it out")
	origin := flag.String("origin", "http://127.0.0.1:8080", "origin of the pages that play the videos")
	cdn := flag.String("cdn", "", "base URL of a CDN that has the folder, for segments")
	flag.Parse()

	// The secret belongs into your configuration, the same in every process. This one is
	// forgotten at the end, and with it all tokens.
	secret := make([]byte, sign.MinSecret)
	_, _ = rand.Read(secret)
	signer, err := sign.New([]sign.Key{{ID: "a", Secret: secret}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	var media mediaURL
	if *cdn != "" {
		if media, err = hls.BaseURL(*cdn); err != nil {
			log.Fatal(err)
		}
	}
	store, err := blobstore.OpenFile(*dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve.Run(ctx, *addr, newServer(store, sign.NewGate(signer, nil), *origin, media), &serve.Options{
		Ready: func(url string) { fmt.Println("serving", *dir, "on", url) },
	}); err != nil {
		log.Print(err)
	}
}
