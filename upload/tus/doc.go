// Package tus takes uploads that survive: tus 1.0 (https://tus.io/protocols/resumable-upload)
// over the sessions of an upload.Pipeline.
//
//	uploads, err := tus.New(vod, store, nil) // store is the pipeline's
//	mux.Handle("/uploads", uploads)
//	mux.Handle("/uploads/", uploads)
//
// A browser sends with tus-js-client or Uppy ({endpoint: "/uploads"}), other clients with a
// tus library of theirs. The id of an upload, the last element of its URL, is that of the
// asset that it becomes: the answer to the request with the last byte has it as
// [AssetHeader], and so have later ones, as long as the upload is remembered. By then the
// asset is READY.
//
// # What there is of tus
//
// The core protocol, creation, creation-with-upload, creation-defer-length, termination,
// expiration, and checksum (sha1, sha256, sha512, md5, crc32). An upload with no bytes is
// refused: there is no video in it. "filename" (or "name") in Upload-Metadata becomes the
// asset's name, "filetype" (or "type") its content type, and the rest its metadata.
//
// What can be refused is refused when the upload is created: its size, its type, a full
// backlog, a full Store. See upload.Pipeline.BeginSession.
//
// # What is kept
//
// The body of a request is written as parts of 8 to 64 MiB, under "sources/<id>/", which are
// the asset's source as they are: nothing is copied when the last one has come. A part is
// in the Store once it is whole, or when the body breaks off: a cut connection, a browser
// that is closed or a request that interrupts another one loses no byte that had
// arrived. A process that is killed loses the part at work. Requests that bring less than
// 1 MiB are put together: the last part is put once more with what is new.
//
// A body with Upload-Checksum counts as a whole or not at all: also where the connection is
// cut, for nobody has compared it by then.
//
// An upload that is whole becomes an asset once, whoever asks how often. Where the process
// dies between the last byte and that, the client's next request sees to it, and if none
// comes the next Pipeline.Start does, or the look for expired uploads.
//
// An upload that brings nothing for upload.Options.SessionExpiry is removed; Upload-Expires
// says when.
//
// # One request at a time
//
// tus has one request work on an upload. Another one for the same upload has lost it: its
// client has gone on with a new connection, while the server still waits for bytes on the
// old one. So the new request ends the old one's body, waits until what it had brought is
// stored, and goes on from there. Options.Locker does that in one process, and can be one
// that several share. Shutdown of the Pipeline ends bodies, too, and clients come back.
//
// # Refusals
//
// They are {"error": {"code": …, "message": …}} as everywhere in vodkit; those of package
// upload mean here what they mean there. Beside them:
//
//	status  code                 what to do
//	400     bad_request          send well-formed headers
//	400     incomplete_upload    the body broke off: ask for the offset and go on
//	404     not_found            there is no such upload, or no longer: begin anew
//	409     wrong_offset         ask for the offset with HEAD and go on there
//	412     unsupported_version  send Tus-Resumable: 1.0.0
//	413     too_large            send no more than was announced, or a smaller file
//	415     unsupported_type     send a video, and PATCH with application/offset+octet-stream
//	423     interrupted          ask for the offset and go on: another request has ended this one
//	423     locked               try again: another request does not come to its end
//	460     checksum_mismatch    send the same bytes again
//	503     upload_timeout       no byte came for Options.Idle: ask for the offset and go on
package tus
