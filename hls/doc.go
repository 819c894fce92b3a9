// Package hls writes and serves HTTP Live Streaming (RFC 8216) presentations.
//
// A [Publisher] takes segments as an encoder finishes them and keeps the playlists
// in the Store true: playable and growing from the first segment, final and measured
// at the end. A [Handler] serves all of it to players.
//
// Keys, under the prefix of an asset (such as "media/42"):
//
//	master.m3u8                           multivariant playlist, the stable URL
//	<attempt>/<track>/event.m3u8          growing media playlist, ENDLIST at the end
//	<attempt>/<track>/index.m3u8          final media playlist (VOD)
//	<attempt>/<track>/init-<hash>.mp4     initialization segment
//	<attempt>/<track>/<number>-<hash>.m4s media segment
//
// Media objects are named by their content and never change.
package hls
