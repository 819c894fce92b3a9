// Package stills makes a poster and a storyboard of the pictures that an encoder has
// taken of a video: an image track of package hls.
//
// A storyboard is what players show while one moves along the timeline: sheets of small
// pictures, and a WebVTT file that says which of them stands for which time. A cue's
// text is the sheet's URI, relative to the file, with the picture's place in it as a media
// fragment (W3C Media Fragments section 4.2.2):
//
//	00:00:04.000 --> 00:00:06.000
//	sheet-0-6f1c0e7ab3d85f21.jpg#xywh=512,0,256,144
//
// The poster is one of the larger pictures that were kept on the way: the first that
// shows enough, or else the one that shows most. So it is black only where all of them
// are.
package stills
