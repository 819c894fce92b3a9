// Package sign makes tokens that open private videos, and a [Gate] that has package
// hls's Handler ask for them.
//
// The service decides who may watch, once, where it knows its users; the media server
// needs no session and no database, only the keys:
//
//	signer, err := sign.New([]sign.Key{{ID: "a", Secret: secret}}, nil)
//	…
//	gate := sign.NewGate(signer, nil)
//	mux.Handle("/media/", http.StripPrefix("/media", hls.NewHandler(store, &hls.HandlerOptions{
//		Authorize: gate.Authorize,
//		Query:     gate.Query,
//	})))
//
// From now on /media/ answers 401 to everybody who brings no token. There are two ways
// to bring one.
//
// In the query: [Gate.URL] gives an address such as
// /media/42/master.m3u8?token=v1.a.…, and Gate.Query has the Handler put the token behind
// every URI in the playlists it answers with: variants, sounds, subtitles, init segments,
// keys, I-frame playlists, segments, and the sheets of a storyboard. It works with every
// player and from every origin, since a player has nothing to do. [Gate.MediaURL] gives such addresses to upload.Handler's clients.
// Addresses with tokens get into logs and are shared by those who may watch: let tokens
// end (Claims.Expires), but not before the viewer has seen the video.
//
// In a cookie: [Gate.Cookie] makes one for the page to send along. Playlists stay the
// same for everybody. Players of another origin must send credentials, and the Handler
// must let them (HandlerOptions.AllowOrigin and AllowCredentials).
//
// Programs may also send "Authorization: Bearer" and the token. A browser's own player
// can't, so that is not for pages.
//
// # Tokens
//
// A token is "v1", the key's id, the claims and the MAC, with a dot between them:
//
//	v1.a.AGsC51ACNDI.HkeRCbAJERvgfZYZkfY_eUcDdtNlcruGsWQPM1qj9ME
//
// All of its characters are letters, digits, '-', '_' and '.', so that it stands as it is
// in a URL, a cookie and a playlist. The claims are base64url (RFC 4648 section 5) without
// padding of these bytes: the end, in seconds since 1970, 5 bytes, most significant
// first; the path's length, 1 byte, and the path; then, where there is a viewer or an
// address, the viewer's length, 1 byte, and the viewer; then, where there is an address,
// the length of its prefix in bits, 1 byte, and the address, 4 or 16 bytes. The MAC is
// base64url, without padding, of HMAC-SHA256 (RFC 2104) with the key's secret over
// "vodkit/hls/sign", a zero byte, and all of the token before its last dot. Claims have
// one form, and a token is compared as text: there is no second spelling of one that is
// accepted.
//
// Tokens are not encrypted: who has one can read the path, the viewer and the addresses.
//
// # Keys
//
// The first key signs, all of them verify. To change keys without shutting anybody
// out, add the new one behind the old one everywhere, then move it to the front, then
// remove the old one when the last token of it has ended; [Signer.SetKeys] does each
// without a restart. Removing a key ends all of its tokens at once.
package sign
