// Package s3test runs the conformance suite of storage.Store over storage/blobstore on a
// real S3 server: versitygw, which keeps objects in a folder. It is a module of its own,
// so that the SDK of AWS stays out of vodkit's.
//
//	make test-s3
//
// builds the server and runs the tests. The environment variable VERSITYGW names the
// server's binary; without it the tests are skipped. Package crowd and the command
// crowd/bench (make bench-crowd) send a thousand viewers to it at once.
package s3test
