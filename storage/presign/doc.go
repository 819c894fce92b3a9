// Package presign lets clients send uploads to folders and to memory as they would to a
// bucket in a cloud: by URLs that need no further credentials, in several parts, side by
// side. So a service can be developed on a folder and run on S3 without another line of
// code.
//
//	direct, err := presign.New(store, "/direct", [][]byte{secret}, nil)
//	mux.Handle("/direct/", direct)
//	vod, err := upload.New(store, enc, prober, &upload.Options{Presign: direct})
//
// A [Handler] is both the storage.Presigner, which makes the URLs, and the http.Handler
// that answers them. A URL says in its last path element what may be done with it (the key,
// the size, the content type of an upload in one part, the end), with a MAC (HMAC-SHA256)
// over that text. The text is looked at only once the MAC is right, and the MAC is compared
// in constant time. So processes that have the same secret take each other's URLs, and
// nothing is kept of them.
//
// # What a PUT is answered with
//
//	200  the part is in the Store; ETag
//	400  bad_request           another number of bytes, or another content type, than the URL is for
//	400  incomplete_upload     the body ended early: send it again
//	403  forbidden             the URL is nobody's, has ended, or was changed
//	405  method_not_allowed    anything but PUT and OPTIONS
//	408  upload_timeout        no byte came for Options.Idle: send it again
//	409  exists                other bytes have been stored by this URL
//	411  length_required       send a Content-Length
//	503  storage_unavailable   the Store fails, or the same part is coming twice at this moment: send it again
//	507  insufficient_storage  the Store is full
//
// Errors have the one JSON form of vodkit's handlers. A part that is there stays: the same
// bytes again are answered 200, because a client may have missed the answer, and others 409.
// A part is an object of its own, and becomes a part of the source as it is.
//
// For pages of other origins set Options.AllowOrigin.
package presign
