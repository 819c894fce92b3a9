// Package sse streams progress to browsers as server-sent events.
//
// A [Hub] is a progress.Sink at one end and an http.Handler at the other:
//
//	hub := sse.NewHub(&sse.Options{
//		Snapshot: func(ctx context.Context, asset string) (progress.Event, error) {
//			return pipeline.Snapshot(ctx, asset) // or from records of your own
//		},
//		Authorize: authorize,
//	})
//	pipeline, err := upload.New(store, encoder, prober, &upload.Options{Sink: hub})
//	mux.Handle("GET /assets/{id}/events", hub)
//	server.RegisterOnShutdown(hub.Close)
//
// In the browser:
//
//	const events = new EventSource(`/assets/${id}/events`);
//	events.onmessage = (m) => {
//		const e = JSON.parse(m.data);      // see progress.Event.MarshalJSON
//		bar.value = e.fraction;
//		if (e.status === "COMPLETE" || e.status === "ERROR") events.close();
//	};
//	events.onerror = () => {
//		// It reconnects by itself, unless the answer was an error (404, 503): then
//		// readyState is CLOSED, and opening another one after a while is up to the page.
//	};
//
// # The stream
//
// Each message is the whole state of one asset, as JSON in its data, and has the event
// type "message", so that onmessage gets all of them: the status says what it means.
// The current state comes first, then changes. Changes of progress are coalesced:
// each client gets the newest state at most every Options.MinInterval, whatever it
// missed in between; a progress.Milestone, such as the end of an attempt, is sent at
// once. A client that reads slowly gets fewer messages and holds up nobody.
//
// Every message has an id. A client that reconnects with it in Last-Event-ID, as
// EventSource does, gets what is newer and nothing that it has. Ids of another Hub,
// of before a restart, are recognized and get the current state.
//
// A stream stays open behind a terminal event, with a comment line every
// Options.Heartbeat, because a retry or a new source starts another attempt. A page
// that is not interested closes it, as above: browsers open only six connections to
// an HTTP/1.1 server. With Options.Linger the server ends it.
//
// Without an id in the path, the assets of a list page share one stream:
// /events?asset=a&asset=b. Assets that don't exist are left out of it.
//
// # Servers, middleware and proxies
//
// The stream outlives http.Server's ReadTimeout and WriteTimeout: each write has its own
// deadline. Middleware that wraps the http.ResponseWriter has to implement Unwrap,
// or Flush itself; otherwise the Hub answers 500 with a sentence instead of a stream
// that hangs in a buffer. X-Accel-Buffering asks nginx not to buffer.
//
// http.Server.Shutdown waits for handlers, streams too: RegisterOnShutdown(hub.Close)
// ends them. Browsers reconnect to the process that comes after.
//
// A subscriber costs about 30 KiB, nearly all of it net/http's.
package sse
