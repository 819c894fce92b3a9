#!/bin/sh
# The reference for `make bench-encode`: what someone would write by hand who knows
# ffmpeg well. The same ladder and settings as encoder.Plan gives a 1920x1080 source at 30
# frames a second, one process, cascaded scaling, one shared sound, ffmpeg's own HLS
# muxer writing fragmented MP4 to local files.
#
#   reference.sh SOURCE FOLDER THREADS [silent]
#
# With "silent" the sound is left out.
set -eu
src=$1 out=$2 threads=$3
mkdir -p "$out"
if [ "${4-}" = silent ]; then
	sound='' streams='v:0 v:1 v:2 v:3'
else
	sound='-map 0:a:0 -c:a aac -b:a 128k -ar 48000 -ac 2'
	streams='v:0,agroup:a v:1,agroup:a v:2,agroup:a v:3,agroup:a a:0,agroup:a'
fi
video() { # number, maxrate, bufsize
	echo "-map [o$1] -c:v:$1 libx264 -preset veryfast -profile:v:$1 high -crf:v:$1 23 -maxrate:v:$1 $2 -bufsize:v:$1 $3"
}
# shellcheck disable=SC2046,SC2086
exec ffmpeg -nostdin -hide_banner -nostats -v error -y \
	-filter_complex_threads "$threads" -threads "$threads" -i "$src" \
	-filter_complex "[0:v:0]scale=1920:1080,format=yuv420p,split=2[o0][n0];[n0]scale=1280:720,split=2[o1][n1];[n1]scale=854:480,split=2[o2][n2];[n2]scale=640:360[o3]" \
	$(video 0 5000000 7500000) $(video 1 2720000 4080000) $(video 2 1480000 2220000) $(video 3 960000 1440000) \
	$sound \
	-threads "$threads" -g 60 -keyint_min 60 -sc_threshold 0 -flags:v +cgop \
	-f hls -hls_time 6 -hls_playlist_type vod -hls_segment_type fmp4 -hls_flags independent_segments \
	-master_pl_name master.m3u8 -hls_segment_filename "$out/%v-%d.m4s" \
	-var_stream_map "$streams" "$out/%v.m3u8"
