package sign_test

import (
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"gocloud.dev/blob/memblob"

	"github.com/vodkit/vodkit/hls"
	"github.com/vodkit/vodkit/hls/sign"
	"github.com/vodkit/vodkit/storage/blobstore"
)

// Videos that only those may watch whom the service lets.
func Example() {
	bucket := memblob.OpenBucket(nil)
	defer bucket.Close()
	store := blobstore.New(bucket, nil)
	secret := make([]byte, sign.MinSecret) // of the service's configuration, the same in every process
	_, _ = rand.Read(secret)

	signer, err := sign.New([]sign.Key{{ID: "2026-11", Secret: secret}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	gate := sign.NewGate(signer, nil)
	mux := http.NewServeMux()
	mux.Handle("/media/", http.StripPrefix("/media", hls.NewHandler(store, &hls.HandlerOptions{
		Authorize: gate.Authorize, // asks for a token
		Query:     gate.Query,     // puts it behind every URI in playlists
	})))
	mux.HandleFunc("GET /watch/{id}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id") // who may watch what is for the service to know
		url, err := gate.URL("/media/"+id+"/master.m3u8", sign.Claims{Path: id, Expires: time.Now().Add(6 * time.Hour)})
		if err != nil {
			http.Error(w, "There is no such video.", http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, url)
	})

	get := func(target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		return w
	}
	fmt.Println(get("/media/42/master.m3u8").Code)
	fmt.Println(get(get("/watch/42").Body.String()).Code, "for there is no video here, but that the viewer may know")
	// Output:
	// 401
	// 404 for there is no video here, but that the viewer may know
}

func ExampleSigner_SetKeys() {
	old := sign.Key{ID: "2026-10", Secret: []byte("32 random bytes of the old key..")}
	young := sign.Key{ID: "2026-11", Secret: []byte("32 random bytes of the new key..")}
	signer, err := sign.New([]sign.Key{old}, nil)
	if err != nil {
		log.Fatal(err)
	}
	// First every process learns to verify what the new key will sign. Then it signs, and
	// the old one stays for as long as its tokens last.
	for _, keys := range [][]sign.Key{{old, young}, {young, old}, {young}} {
		if err := signer.SetKeys(keys); err != nil {
			log.Fatal(err)
		}
		token, err := signer.Token(sign.Claims{Path: "42", Expires: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)})
		fmt.Println(token[:11], err)
	}
	// Output:
	// v1.2026-10. <nil>
	// v1.2026-11. <nil>
	// v1.2026-11. <nil>
}

// The API tells everybody who may read an asset a URL that plays it.
func ExampleGate_MediaURL() {
	signer, err := sign.New([]sign.Key{{ID: "a", Secret: []byte("32 bytes that nobody else knows.")}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	// upload.HandlerOptions{MediaURL: mediaURL, Authorize: …}
	mediaURL := sign.NewGate(signer, nil).MediaURL(&sign.LinkOptions{
		Base:     "https://media.example.com/",
		Lifetime: 6 * time.Hour,
	})
	r := httptest.NewRequest(http.MethodGet, "/assets/42", nil)
	fmt.Println(mediaURL(r, "media/42/master.m3u8")[:52] + "…")
	// Output: https://media.example.com/42/master.m3u8?token=v1.a.…
}
