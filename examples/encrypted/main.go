// Command encrypted is a video service whose segments are worth nothing to those who have
// no key: everybody may fetch playlists and segments, from here or from any CDN in front,
// and keys go out to those alone whom the service lets watch.
//
//	head -c 32 /dev/urandom >master.key
//	go run ./encrypted -bucket vod -secret master.key
//	curl -F file=@film.mp4 http://localhost:8082/assets         # {"id": "ID", …}
//	curl -X POST 'http://localhost:8082/watch/ID?viewer=anna'   # {"playlist": "/media/ID/master.m3u8?token=v1.…"}
//
// The playlist plays in hls.js, video.js, shaka-player and ffmpeg. shaka-player needs a page
// that came over HTTPS or from localhost: it decrypts with WebCrypto, which others lack.
package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/encoder/ffmpeg"
	"github.com/vodkit/vodkit/examples/internal/serve"
	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/sign"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
)

// lifetime is how long a viewer may take for a video, pauses included.
const lifetime = 6 * time.Hour

// newServer serves what the pipeline makes. Keys go through the gate, the rest does not.
func newServer(vod *upload.Pipeline, media hls.HandlerOptions, store *blobstore.Store, gate *sign.Gate) http.Handler {
	media.Query = gate.Query // the token of the first URL goes along to the keys
	media.Authorize = func(r *http.Request, action, asset string) error {
		if action == hls.ActionKey {
			return gate.Authorize(r, action, asset)
		}
		return nil
	}
	// Nothing that everybody may have needs to be kept from shared caches.
	media.MediaCacheControl = "public, max-age=31536000, immutable"

	mux := http.NewServeMux()
	assets := upload.NewHandler(vod, nil)
	mux.Handle("/assets", assets)
	mux.Handle("/assets/", assets)
	mux.Handle("/media/", http.StripPrefix("/media", hls.NewHandler(store, &media)))
	mux.HandleFunc("POST /watch/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cache-Control", "no-store")
		id, viewer := r.PathValue("id"), r.FormValue("viewer")
		if !mayWatch(viewer, id) {
			http.Error(w, "You may not watch this video.", http.StatusForbidden)
			return
		}
		playlist, err := gate.URL("/media/"+id+"/master.m3u8", sign.Claims{Path: id, Viewer: viewer, Expires: time.Now().Add(lifetime)})
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

// secrets are what the service knows and nobody else, each for one purpose.
func secrets(master []byte) (*hls.DerivedKeys, *sign.Gate, error) {
	keys, err := hls.NewDerivedKeys(map[string][]byte{"1": master})
	if err != nil {
		return nil, nil, err
	}
	forTokens, err := hkdf.Key(sha256.New, master, nil, "tokens", sign.MinSecret)
	if err != nil {
		return nil, nil, err
	}
	signer, err := sign.New([]sign.Key{{ID: "a", Secret: forTokens}}, nil)
	if err != nil {
		return nil, nil, err
	}
	return keys, sign.NewGate(signer, nil), nil
}

func run(ctx context.Context, addr, dir, secret string, rotate int) error {
	master, err := os.ReadFile(secret)
	if err != nil {
		return err
	}
	keys, gate, err := secrets(master)
	if err != nil {
		return err
	}
	store, err := blobstore.OpenFile(dir, nil)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()

	ff := ffmpeg.New(store, &ffmpeg.Options{Keys: keys})
	vod, err := upload.New(store, encoder.Parallel(encoder.Limit(ff, 2, nil), nil), ff, &upload.Options{
		Plan: &encoder.PlanOptions{Encrypt: &encoder.EncryptOptions{Rotate: rotate}},
		Keys: keys, // for the check of what was made
	})
	if err != nil {
		return err
	}
	if err := vod.Start(ctx); err != nil {
		return err
	}
	err = serve.Run(ctx, addr, newServer(vod, hls.HandlerOptions{Keys: keys}, store, gate), &serve.Options{
		Ready: func(url string) { fmt.Println("vodkit encrypted:", url) },
	})
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = vod.Shutdown(grace)
	return err
}

func main() {
	addr := flag.String("addr", "localhost:8082", "address to listen on")
	dir := flag.String("bucket", "vod", "folder for everything")
	secret := flag.String("secret", "master.key", "file with the master secret: 32 bytes or more, made by chance")
	rotate := flag.Int("rotate", 10, "segments of six seconds with one key, 0 for all")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr, *dir, *secret, *rotate); err != nil {
		log.Fatal(err)
	}
}
