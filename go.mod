module github.com/vodkit/vodkit

go 1.26.0

require (
	github.com/Eyevinn/hls-m3u8 v0.6.4 // indirect
	github.com/Eyevinn/mp4ff v0.52.0 // indirect
	github.com/grafov/m3u8 v0.12.1 // indirect
	github.com/stretchr/testify v1.12.1 // indirect
	go.uber.org/goleak v1.3.0 // indirect
	gocloud.dev v0.47.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
)
