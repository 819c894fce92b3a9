// Package upload takes videos in, has them encoded and published, and keeps record
// of them.
//
// A [Pipeline] is made of a storage.Store, an encoder.Encoder and an encoder.Prober:
//
//	enc := encoder.Parallel(encoder.Limit(ff, 2, nil), nil) // windows of the timeline, two at once
//	vod, err := upload.New(store, enc, ff, &upload.Options{Sink: hub})
//	err = vod.Start(ctx)    // takes up what an earlier process left
//	a, err := vod.Create(ctx, upload.NewAsset{Name: "clip.mp4"}, reader)
//	…
//	err = vod.Shutdown(ctx) // what runs may finish until ctx ends
//
// What Create has returned nil for survives the process: the source is under
// "sources/<id>/" in the Store, and the record in the [Catalog]. Workers claim records,
// probe, plan a ladder, encode and publish under "media/<id>/". Only "media/" is made
// to be served.
//
// # Life of an asset
//
//	READY ── claimed ──▶ RUNNING ── published whole ──▶ COMPLETE
//	  ▲                     │ ╲                             │
//	  └ shutdown, automatic ┘  ╲ failed, cancelled, deleted │
//	  ▲ retry                   ▼                           │
//	  └──────────────── Retry ─ ERROR ◀── (Retry: a new attempt) ┘
//
// An attempt ends once, with COMPLETE or ERROR, and its record is written before its
// terminal event is reported. Failures that are not permanent are run again by
// themselves, Options.Retries times; Retry begins another attempt, and what is
// published can be played until that is complete. What fails after it became playable
// is ERROR with a playlist of what there is. Cancel and Delete are durable wishes: a
// process that dies over them is succeeded by one that fulfils them. Deleting an
// attempt that has not ended reports ERROR with code deleted.
//
// # Who gets in
//
// An upload is refused before its first byte where its size, its type, a full backlog or a
// full Store speak against it, where the tenant has no room left (Options.Quota), and where
// the host does not want it (Options.Admit): by whatever way it comes, by Create, Import,
// Replace, a session, or HTTP, where a client that sends "Expect: 100-continue" and the file
// itself keeps its bytes (a form has fields before them). What only a look inside can tell is for Options.Accept, which is asked when the source
// has been probed. All three refuse with errors of the host's, whose text stays in the log
// unless they are a [*Refusal]:
//
//	Admit: func(ctx context.Context, n upload.NewAsset) error {
//		if n.Size > plans.MaxSize(n.Tenant) {
//			return &upload.Refusal{Status: 413, Code: "plan_limit", Message: "Your plan has videos of up to 2 GB."}
//		}
//		return nil
//	},
//
// # Later
//
// Update changes an asset's name, metadata and priority, while it runs, too. Replace gives
// it another source: the old video is served until the new one is complete, and until then
// RestoreSource takes the replacement back, such as one that turned out to be broken. RetryWith
// encodes it again, with another of Options.Profiles if need be, and RetryAll does so with
// all assets that match a Query.
//
// # Going on
//
// What the encoder has emitted is recorded under "journal/" before a playlist refers to
// it, and every few seconds. An attempt that was stopped by Shutdown, by a crash or by a
// Store that was away goes on from there: the encoder is told what there is (Job.Done),
// the playlists that viewers follow grow again, and what was at work is encoded again.
// That takes an encoder which is an [encoder.Fingerprinter], and [encoder.Parallel] to
// make use of it. Another fingerprint, ladder or probe result begins anew, under other
// keys, and so does a run after one whose output did not pass its check.
//
// # The gate
//
// Before the final multivariant playlist replaces what is there, package hls/check
// reads the whole presentation back from the Store: what the playlists say must be
// what the bytes are (its Conformance profile), and every track must reach the end of
// its source. What does not pass is not published. The attempt is run once more, for a
// disk may have lost bits; then it is ERROR with code nonconformant, and the log has
// all findings. A source whose end is missing is ERROR with code truncated, or, with
// Options.AllowPartial, COMPLETE with a warning.
//
// # What is left behind
//
// A process that is killed can leave sources that were stored and not recorded yet, media
// of a run that begins again under another key, and pages of a journal. Nothing refers to them, and
// [Pipeline.Sweep] removes them by age, a day by default: by hand, first as a dry run, or
// every Options.SweepEvery. Other keys than vodkit's own are not touched. What a new
// attempt has replaced stays for Options.KeepSuperseded, for those who watch it, and is
// removed by whichever process runs then.
//
// # Encryption
//
// With Options.Plan.Encrypt media segments are encrypted with AES-128, so that a bucket or a
// CDN may be anybody's. The encoder (ffmpeg.Options.Keys), the check of the output
// (Options.Keys) and the handler that viewers ask (hls.HandlerOptions.Keys) get one
// hls.KeyProvider, under the ids of assets. Records, journals and jobs have ids of keys:
// each attempt has its own. A segment that is clear, or has another key than was planned,
// ends the attempt with keys_unavailable before anything is published. Posters and
// storyboards stay clear. What is encoded already stays as it is: Retry makes it anew.
//
// # Frozen processes
//
// A process that stands still (stopped, swapped out, its machine suspended) is succeeded
// like one that has died, and may finish a write when it wakes. Records are safe from
// that (see [Catalog] and [StoreCatalog]), and media objects are never written twice. The
// multivariant playlist is one object, and a Store has no compare-and-swap: so the record
// is written first and holds its bytes, and who finds another one in the Store puts that
// back: the process itself when it wakes, its successor once more when the asset has been
// COMPLETE for a while, and Sweep. A pipeline whose catalog was taken ends what it does and
// says so: see [Pipeline.Done] and [Pipeline.Err], which is also what a readiness probe
// wants to know.
//
// # HTTP
//
// [NewHandler] makes one http.Handler for all routes. They are relative to where it is
// mounted: under http.ServeMux at both "/assets" and "/assets/", under
// http.StripPrefix, or on any router. Paths that end in a slash are the same, without
// a redirect, which would lose the body.
//
//	POST   /              202  a form with the field "file", or the file itself as the body
//	GET    /              200  {"assets": […], "next": cursor or null}; ?limit=50 (at most 200), ?after=cursor, and filters
//	GET    /{id}          200  the asset
//	PATCH  /{id}          200  the asset as it is now: see below
//	DELETE /{id}          204  the asset is gone, with all that belonged to it
//	POST   /import        202  an asset whose source is fetched from a URL, with Options.Fetch
//	PUT    /{id}/source   202  a new attempt over another source, which is the body
//	POST   /{id}/restore  202  a new attempt over the source before, while the other has not been encoded whole
//	POST   /{id}/retry    202  a new attempt; {"profile": "hd", "priority": 3} for another ladder, or nothing
//	POST   /retry         202  new attempts of many: see below
//	POST   /presign       201  with Options.Presign: what to send to the bucket, see below
//	POST   /{id}/complete 202  it has been sent: the upload is an asset
//	GET    /{id}/upload   200  what is still to be sent, with new URLs
//	DELETE /{id}/upload   204  an upload that was not completed is abandoned
//	POST   /{id}/cancel   202  the attempt has ended with code cancelled
//	GET    /{id}/events   200  HandlerOptions.Events, usually an sse.Hub
//	GET    /{id}/source   200, 206  with HandlerOptions.Originals: the file as it was uploaded; ?download
//
// 202 comes with Location and the asset. Uploads are streamed to the Store: neither
// memory nor a temporary file holds them. A form may have the fields id, name,
// priority and meta.<key> before its file; what follows the file is ignored. With a
// bare body the same are query parameters, and the name may also be in X-File-Name
// (percent-encoded) or Content-Disposition. A Priority or an ID that clients must not
// choose is for HandlerOptions.Prepare to take away; the tenant is the host's to say. The
// field profile is ignored unless HandlerOptions.UploadProfiles is set: ladders cost, and
// whoever uploads does not choose what the host pays.
//
// An asset in JSON (durations in seconds; what is unknown is left out, but for
// fraction, duration and front):
//
//	{
//	  "id": "01m81jhf5wqnwzj8c1er2kzba5", "name": "clip.mp4",
//	  "status": "RUNNING", "stage": "encoding", "attempt": "01m81jhf5ww0fvaexb5bxdy0fa", "queue": 3,
//	  "fraction": 0.42, "position": 50.4, "duration": 120, "front": 48, "eta": 33.5, "speed": 2.1,
//	  "playlist": "/media/01m81jhf5wqnwzj8c1er2kzba5/master.m3u8",
//	  "poster": "/media/01m81jhf5wqnwzj8c1er2kzba5/…/poster-0-6f1c0e7ab3d85f21.jpg",
//	  "storyboard": "/media/01m81jhf5wqnwzj8c1er2kzba5/…/storyboard-90ab5c3de2f41768.vtt",
//	  "size": 73400320, "priority": 1, "tenant": "acme", "profile": "hd", "metadata": {"album": "summer"}, "replaced": true,
//	  "error": {"code": "truncated", "message": "The file ends early: …", "permanent": true},
//	  "warnings": [{"code": "truncated", "message": "The file ends early: …"}],
//	  "created": "2026-01-02T03:04:05Z", "updated": "2026-01-02T03:05:00Z", "completed": "2026-01-02T03:06:00Z"
//	}
//
// playlist is there as soon as the video can be played, error only with ERROR,
// completed and warnings only with COMPLETE, queue only while the asset waits, replaced while
// there is an earlier source to go back to. poster and
// storyboard (see package hls/stills) are there once the video is whole, where Options.Plan has
// Stills.
//
// Lists have the filters status, name (a part of it), profile, meta.<key> (the value),
// created_after and created_before (RFC 3339); several must all hold.
//
// PATCH takes a JSON merge patch (RFC 7396) of name, metadata and priority, as
// application/merge-patch+json or application/json:
//
//	{"name": "holiday.mp4", "metadata": {"album": "summer", "draft": null}, "priority": 2}
//
// What is left out stays, and null takes away. With If-Match, and the ETag of a GET, a change
// is refused where the asset is another by now; that of one which is being encoded changes all
// the time.
//
// POST /retry begins a new attempt of all that match, at once as many as have room:
//
//	{"status": "ERROR", "created_after": "2026-01-02T00:00:00Z", "profile": "hd"}
//	202 {"retried": 120, "busy": 3, "next": "01m8…"}
//
// next is null, or what to send as "after" to go on, later where Retry-After says so. The
// filters are those of lists, with metadata as an object, and from_profile for the ladder that
// assets have now; limit (1000) bounds how many are looked at. There has to be a body.
//
// # Straight to the bucket
//
// With Options.Presign clients send the bytes past this process, and may go on after a break:
//
//	POST /presign          {"name": "clip.mp4", "size": 73400320, "type": "video/mp4"}
//	201                    {"id": "01m8…", "expires": "2026-01-03T03:04:05Z", "complete": "/assets/01m8…/complete",
//	                        "parts": [{"method": "PUT", "url": "https://…", "headers": {}, "offset": 0, "size": 33554432}, …]}
//	PUT https://…          each part, in any order and side by side, with those headers
//	POST /01m8…/complete   202, the asset; 409 parts_missing says which parts have not come
//
// size is required; id, priority, metadata, profile, part_size (a wish, in bytes) and replace
// (the id of an asset that gets another source; the upload has an id of its own) are not. Who may
// begin is asked before the first byte, as for other uploads. GET /{id}/upload answers as
// POST /presign does, with "stored": true at the parts that have come. To complete can be
// repeated: for Options.SessionExpiry it is answered with the asset. What brings nothing for
// that long is abandoned, and the bucket forgets its parts.
//
// # From a URL
//
// With Options.Fetch a file is fetched from where it is. POST /import takes JSON:
//
//	{"url": "https://media.example.com/clip.mp4?signature=…", "id": "01m8…", "name": "clip.mp4", "priority": 0,
//	 "metadata": {"album": "summer"}}
//
// All but url may be left out, and profile is as in other uploads. The name is then what
// the origin calls the file. The asset is there at once. Its first stage is "fetching", in which size and received say how many
// bytes there will be and have come. Where a connection breaks, or the process ends, the
// fetch goes on where it was (RFC 9110 Range and If-Range), or from its start where the
// origin has no ranges, no strong validator, or another file by then. The URL is never
// shown, and forgotten once the source is there.
//
// Only public addresses are called, whatever a name resolves to and a redirect leads to,
// but for those in [FetchOptions]: a request in this service's name could reach what is
// for its own network alone. Whether an address is private or a name unknown is answered
// with the same words.
//
// # Who may do what
//
// HandlerOptions.Authorize is asked before anything is read or told: for "upload"
// (POST, also retry), "list", "read", "events", "source", "update", "replace" (also restore) and
// "delete" (also cancel), for "batch" to retry many, and for "profile" where a request chooses one;
// hls.Handler asks for "media" and "key". Nil means open: everybody who reaches the handler may do
// everything (but have keys: see hls.HandlerOptions).
//
// # Codes
//
// Every refusal is {"error": {"code": …, "message": …}}: the code is stable and for
// programs, the message a sentence for people.
//
//	status  code                  what to do
//	400     bad_request           send a well-formed form
//	400     incomplete_upload     the body ended early: send it again
//	401     unauthorized          sign in
//	403     forbidden             ask the host
//	(any)   refused               the host refuses it: the message says why (a Refusal may have another code)
//	404     not_found             the asset is not there, or not this tenant's
//	405     method_not_allowed    see Allow
//	408     upload_timeout        no byte came for UploadIdle: send it again
//	409     parts_missing         send the parts that the message names to the bucket, then complete again
//	409     exists                choose another id, or delete the asset that has it
//	409     busy                  cancel, or wait for the end, before a retry
//	409     not_replaced          there is no earlier source to go back to
//	409     ended                 nothing is left to cancel; the upload is complete already
//	412     modified              read the asset again, then change it
//	413     too_large             send a smaller file
//	413     quota_exceeded        delete something, or ask the host for more room
//	415     unsupported_type      send a video, or application/octet-stream; describe an upload in application/json
//	422     invalid_field         the message says which field and why
//	422     missing_file          name the form's field "file"
//	422     empty_upload          the file has no bytes
//	429     backlog_full          wait for Retry-After
//	500     internal              a bug: the log has it
//	501     not_supported         uploads don't go to the bucket here, or nothing is fetched from URLs: send the file itself
//	503     unavailable           starting or stopping, or a hook of the host's failed: wait for Retry-After
//	503     storage_unavailable   the Store or Catalog fails: wait for Retry-After
//	507     insufficient_storage  the Store is full, or has no room for an upload of this size
//
// The codes of an asset in ERROR (Asset.Error, progress.Event.Error):
//
//	code                 permanent  what to do
//	unsupported_format   yes        convert the file: no container or codec that ffmpeg reads
//	no_media             yes        there is neither picture nor sound, or the file at the URL is empty
//	corrupt              yes        export the file again
//	truncated            yes        upload it again: its end is missing
//	too_large            yes        beyond the limits of duration, pixels, frames, streams, time or memory
//	source_missing       yes        the original is gone from the Store: upload it again
//	source_refused       yes        the URL, or what it leads to, may not be called: use a public one
//	quota_exceeded       yes        (of a fetch) delete what is no longer needed; retry
//	source_changed       yes        the original is another than was accepted: import it again
//	not_copyable         yes        (with encoder.CopyOnly) the message says why it can't be offered without encoding
//	rejected             yes        the host does not want the video: the message says why
//	unknown_profile      yes        the host has no such ladder any more: retry with another
//	nonconformant        no         retry once more; the log has what the check found
//	encoder_missing      (says)     install ffmpeg; ffmpeg.Doctor says what lacks
//	encoder_failed       no         retry; the log has the end of ffmpeg's words
//	packaging_failed     yes        (after a second run) export the file again, with a constant frame rate
//	keys_unavailable     (says)     give ffmpeg.Options.Keys the keys; retry when they can be had
//	stalled              no         retry; the machine may be overloaded
//	source_unavailable   (says)     retry when the Store answers; of a URL: the message says what its server answered
//	storage_unavailable  no         retry when the Store takes writes
//	insufficient_storage no         make room in the Store (or in TMPDIR, as the message says); retry
//	internal             (says)     a panic or a bug: the log has it
//	cancelled            no         someone cancelled: retry
//	deleted              yes        someone deleted the asset
//
// # Catalogs
//
// [StoreCatalog], the default, keeps JSON in the Store and is for one process at a
// time: a second one is refused with [ErrOwned] while the first lives. A [Catalog] of
// your own keeps records in your database, for several processes too: package
// upload/catalogtest has the suite that it must pass, and examples/sqlcatalog is one on
// SQLite. Backlog and places in the queue are what one process sees.
package upload
