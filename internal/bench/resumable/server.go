//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/exp/slog"

	"github.com/vodkit/vodkit/encoder"
	"github.com/vodkit/vodkit/internal/bench"
	"github.com/vodkit/vodkit/storage/blobstore"
	"github.com/vodkit/vodkit/upload"
	"github.com/vodkit/vodkit/upload/tus"
)

// serverEnv has the settings of a process that is a server, as JSON.
const serverEnv = "VODKIT_BENCH_SERVER"

// Kinds of servers.
const (
	vodkit = "vodkit"
	peer   = "tusd"    // the program
	bare   = "handler" // tusd's, in this program
)

// settings of a server over a folder.
type settings struct {
	Kind    string
	Folder  string
	Address string
	Tusd    string // the program
}

// command is a process that serves.
func (s settings) command() (*exec.Cmd, error) {
	if s.Kind != peer {
		return bench.Again(serverEnv, s)
	}
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(s.Tusd, "-host", host, "-port", port, "-upload-dir", s.Folder, "-base-path", "/uploads/", "-verbose=false")
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// serve is what a server's process does.
func serve(args string) error {
	var set settings
	if err := json.Unmarshal([]byte(args), &set); err != nil {
		return err
	}
	h, err := set.handler()
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/uploads/", h)
	mux.Handle("/uploads", h)
	return (&http.Server{Addr: set.Address, Handler: mux, ReadHeaderTimeout: time.Minute}).ListenAndServe()
}

func (s settings) handler() (http.Handler, error) {
	if s.Kind == bare {
		if err := os.MkdirAll(s.Folder, 0o750); err != nil {
			return nil, err
		}
		composer := handler.NewStoreComposer()
		filestore.New(s.Folder).UseIn(composer)
		h, err := handler.NewHandler(handler.Config{
			BasePath: "/uploads/", StoreComposer: composer, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		})
		if err != nil {
			return nil, err
		}
		return http.StripPrefix("/uploads/", h), nil
	}
	store, err := blobstore.OpenFile(s.Folder, nil)
	if err != nil {
		return nil, err
	}
	p, err := upload.New(store, nobody{}, nobody{}, nil)
	if err != nil {
		return nil, err
	}
	if err := p.Start(context.Background()); err != nil {
		return nil, err
	}
	return tus.New(p, store, nil)
}

// nobody encodes nothing: what arrives is all that is measured.
type nobody struct{}

func (nobody) Probe(context.Context, encoder.Source) (encoder.Media, error) {
	return encoder.Media{}, &encoder.Error{Code: encoder.CodeNoMedia, Message: "Nobody looks."}
}

func (nobody) Encode(context.Context, encoder.Job, func(encoder.Update) error) error {
	return fmt.Errorf("nobody encodes: %w", os.ErrInvalid)
}
