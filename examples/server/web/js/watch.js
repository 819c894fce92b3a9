// Watch follows unfinished assets through one stream of server-sent events.
//
// A browser opens six connections to a server over HTTP/1.1, for all its tabs
// together, and an event stream holds one of them. So a page has one stream for all
// assets, and none while nobody looks at it.

import { eventsURL } from './api.js';

const limit = 50; // assets in one stream; the rest waits its turn
const again = 3000; // ms before a stream that was refused is asked for again

export class Watch {
  #source = null;
  #ids = [];
  #wanted = [];
  #timer = 0;
  #onEvent;
  #onLost;

  /** onEvent(id, event) is told each change; onLost() when a stream was refused. */
  constructor({ onEvent, onLost }) {
    this.#onEvent = onEvent;
    this.#onLost = onLost;
    document.addEventListener('visibilitychange', () => this.#sync());
    addEventListener('pagehide', () => this.#close());
    addEventListener('pageshow', () => this.#sync());
  }

  /** follow says which assets matter, the most urgent first. */
  follow(ids) {
    this.#wanted = ids.slice(0, limit);
    this.#sync();
  }

  /** follows says whether events of the asset come by themselves. */
  follows(id) { return this.#source?.readyState === EventSource.OPEN && this.#ids.includes(id); }

  #sync() {
    const wanted = document.hidden ? [] : this.#wanted;
    const have = this.#ids;
    // The stream goes on as long as it tells of all that is wanted: it is not opened
    // again because one asset has ended.
    if (wanted.length > 0 && this.#source && wanted.every((id) => have.includes(id))) return;
    this.#close();
    if (wanted.length > 0) this.#open(wanted);
  }

  #open(ids) {
    this.#ids = [...ids];
    const source = this.#source = new EventSource(eventsURL(ids));
    source.addEventListener('message', (e) => {
      let event;
      try {
        event = JSON.parse(e.data);
      } catch {
        return;
      }
      this.#onEvent(event.asset, event);
    });
    source.addEventListener('error', () => {
      // CONNECTING: the browser tries again by itself.
      if (source.readyState !== EventSource.CLOSED) return;
      this.#close();
      this.#onLost();
      this.#timer = setTimeout(() => this.#sync(), again);
    });
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
    this.#ids = [];
  }
}
