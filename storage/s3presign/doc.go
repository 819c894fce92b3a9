// Package s3presign has clients send uploads to an S3 bucket, or one of a service that
// speaks like S3, by pre-signed URLs: small files in one request, large ones in parts (S3's
// multipart upload). It is a module of its own, so that vodkit needs no SDK of AWS.
//
//	client := s3.NewFromConfig(cfg) // or, of a gocloud.dev bucket: var client *s3.Client; bucket.As(&client)
//	direct, err := s3presign.New(client, "my-bucket", nil)
//	vod, err := upload.New(store, enc, prober, &upload.Options{Presign: direct})
//
// The URLs bind the key, the number of bytes and, in one request, the content type. What has
// come is asked of S3 itself, so that clients need not remember ETags and pages need not be
// allowed to see them. Requests that S3 has answered already may be made again. A part counts
// as S3 lists it, with its size: a server that keeps parts whose connection broke as if they
// were whole (versitygw 1.8.0 does) is none to be used.
//
// # What the bucket needs
//
// Pages send to the bucket from another origin, so it needs a CORS rule; ETag is for clients
// that want to see it, such as Uppy:
//
//	[{"AllowedOrigins": ["https://example.com"], "AllowedMethods": ["PUT"],
//	  "AllowedHeaders": ["Content-Type"], "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 3600}]
//
// The credentials need s3:PutObject, s3:GetObject, s3:DeleteObject, s3:AbortMultipartUpload,
// s3:ListMultipartUploadParts and, on the bucket, s3:ListBucketMultipartUploads and
// s3:ListBucket. Uploads that are abandoned are aborted by upload.Pipeline; a lifecycle rule
// that aborts incomplete multipart uploads after some days is for what a crash leaves of
// others.
//
// The URLs of parts are of no use once the upload is complete. That of an upload in one
// request can replace the object until it ends; the pipeline sees other bytes by their ETag
// then (source_changed), and the same ones make no difference.
//
// URLs hold for seven days at most, and no longer than temporary credentials;
// upload.Pipeline.Presigned has new ones.
package s3presign
