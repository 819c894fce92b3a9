// Ways for a file to reach the service. Each is a class with
//
//	start(file, moved)  resolves with the id of the asset, or rejects; moved(sent, total) tells bytes
//	pause(), resume()   where canPause is true: what was sent stays sent
//	abort()             ends it, and removes what was sent; start rejects with an AbortError

import { ApiError, broken, failure, unreachable, uploadURL } from './api.js';
import * as api from './api.js';
import { Memory } from './memory.js';

const cancelled = () => new DOMException('cancelled', 'AbortError');

/** Form sends a file in one request: what breaks off begins anew. */
export class Form {
  canPause = false;
  #request = null;

  start(file, moved) {
    return new Promise((resolve, reject) => {
      const request = this.#request = new XMLHttpRequest();
      let sent = 0;
      request.upload.addEventListener('progress', (e) => { if (e.lengthComputable) { sent = e.loaded; moved(e.loaded, e.total); } });
      request.upload.addEventListener('load', () => moved(file.size, file.size));
      request.addEventListener('load', () => {
        if (request.status < 200 || request.status >= 300) {
          reject(failure(request.status, request.responseText, request.getResponseHeader('Retry-After')));
          return;
        }
        try {
          resolve(JSON.parse(request.responseText).id);
        } catch {
          reject(failure(request.status, '', 0));
        }
      });
      request.addEventListener('error', () => reject(sent > 0 ? broken() : unreachable()));
      request.addEventListener('abort', () => reject(cancelled()));
      const form = new FormData();
      form.append('file', file, file.name);
      request.open('POST', uploadURL);
      request.setRequestHeader('Accept', 'application/json');
      request.send(form);
    });
  }

  abort() { this.#request?.abort(); }
}

// How long a client waits before each further try, in ms: a service may be away for minutes.
const waits = [500, 1000, 2000, 4000, ...Array(60).fill(5000)];

/** Resumable sends a file by tus: after a break, or in another visit, it goes on. */
export class Resumable {
  static memory = new Memory('vodkit-tus');
  canPause = true;
  #upload = null;
  #reject = () => {};
  #file = null;

  async start(file, moved) {
    this.#file = file;
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      const upload = this.#upload = new tus.Upload(file, {
        endpoint: new URL('uploads', document.baseURI).href,
        metadata: { filename: file.name, filetype: file.type },
        retryDelays: waits,
        storeFingerprintForResuming: false, // memory.js does
        uploadUrl: Resumable.memory.get(file),
        onUploadUrlAvailable: () => Resumable.memory.set(file, upload.url),
        onProgress: moved,
        onShouldRetry: (err) => {
          const status = err.originalResponse?.getStatus() ?? 0;
          return status === 0 || status === 409 || status === 423 || status >= 500 && status !== 507;
        },
        onSuccess: ({ lastResponse }) => {
          Resumable.memory.delete(file);
          resolve(lastResponse.getHeader('Vodkit-Asset') || upload.url.split('/').at(-1));
        },
        onError: (err) => {
          const answer = err.originalResponse;
          const status = answer?.getStatus() ?? 0;
          if (status >= 400 && status < 500) Resumable.memory.delete(file); // it would be refused again
          if (err.name === 'AbortError') reject(cancelled());
          else if (!answer) reject(unreachable());
          else reject(failure(status, answer.getBody(), answer.getHeader('Retry-After')));
        },
      });
      upload.start();
    });
  }

  pause() { this.#upload?.abort(); }
  resume() { this.#upload?.start(); }

  abort() {
    const url = this.#upload?.url;
    this.#upload?.abort();
    Resumable.forget(this.#file, url);
    this.#reject(cancelled());
  }

  /** forget ends an upload that nobody goes on with. */
  static forget(file, url = Resumable.memory.get(file)) {
    Resumable.memory.delete(file);
    if (url) tus.Upload.terminate(url).catch(() => {}); // it expires
  }
}

const atOnce = 3; // parts

/** Direct sends a file to the bucket, in parts, past the service. */
export class Direct {
  static memory = new Memory('vodkit-direct');
  canPause = true;
  #file = null;
  #id = '';
  #moved = () => {};
  #stop = new AbortController(); // of what runs; another one after a pause
  #wake = null; // ends a pause
  #ended = false;
  #requests = new Set();

  async start(file, moved) {
    this.#file = file;
    this.#moved = moved;
    for (;;) {
      try {
        return await this.#run();
      } catch (err) {
        if (this.#ended) throw cancelled();
        if (!this.#stop.signal.aborted) throw err;
        await new Promise((resolve) => { this.#wake = resolve; });
        if (this.#ended) throw cancelled();
        this.#stop = new AbortController();
      }
    }
  }

  async #run() {
    let plan = await this.#plan();
    for (let missing = 0; ; missing++) {
      const todo = plan.parts.filter((p) => !p.stored);
      const loaded = new Map();
      const before = plan.parts.filter((p) => p.stored).reduce((sum, p) => sum + p.size, 0);
      const tell = () => this.#moved(before + [...loaded.values()].reduce((a, b) => a + b, 0), this.#file.size);
      tell();
      const worker = async () => {
        for (let part = todo.shift(); part; part = todo.shift()) {
          await this.#put(part, (n) => { loaded.set(part.offset, n); tell(); });
        }
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
      try {
        const asset = await this.#again(() => api.complete(plan.complete));
        Direct.memory.delete(this.#file);
        return asset.id;
      } catch (err) {
        if (err.code !== 'parts_missing' || missing === 3) throw err;
        plan = await this.#plan();
      }
    }
  }

  /** #plan asks for the requests to be made: of an upload that has begun, or a new one. */
  async #plan() {
    const known = Direct.memory.get(this.#file);
    if (known) {
      try {
        this.#id = known;
        return await this.#again(() => api.presigned(known));
      } catch (err) {
        if (err.status !== 404 && err.status !== 409) throw err;
        Direct.memory.delete(this.#file);
      }
    }
    const { name, size, type } = this.#file;
    const plan = await this.#again(() => api.presign({ name, size, type }));
    this.#id = plan.id;
    Direct.memory.set(this.#file, plan.id);
    return plan;
  }

  /** #put sends one part, again where that breaks off. */
  #put(part, moved) {
    const body = this.#file.slice(part.offset, part.offset + part.size);
    return this.#again(() => new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      this.#requests.add(request);
      request.upload.addEventListener('progress', (e) => moved(e.loaded));
      request.addEventListener('loadend', () => this.#requests.delete(request));
      request.addEventListener('load', () => {
        if (request.status >= 200 && request.status < 300) {
          moved(part.size);
          resolve();
          return;
        }
        moved(0);
        reject(failure(request.status, request.responseText, request.getResponseHeader('Retry-After')));
      });
      request.addEventListener('error', () => { moved(0); reject(broken()); });
      request.addEventListener('abort', () => { moved(0); reject(cancelled()); });
      request.open(part.method, part.url);
      for (const [name, value] of Object.entries(part.headers ?? {})) request.setRequestHeader(name, value);
      request.send(body);
    }));
  }

  /** #again tries until it succeeds, is refused or is stopped. */
  async #again(step) {
    for (let n = 0; ; n++) {
      if (this.#stop.signal.aborted) throw cancelled();
      try {
        return await step();
      } catch (err) {
        const temporary = err instanceof ApiError && (err.status === 0 || err.status === 408 || err.status >= 500 && err.status !== 507);
        if (!temporary || n === waits.length) throw err;
        await new Promise((resolve) => {
          const timer = setTimeout(resolve, waits[n]);
          this.#stop.signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
        });
      }
    }
  }

  pause() {
    this.#stop.abort();
    for (const request of this.#requests) request.abort();
  }

  resume() { this.#wake?.(); }

  abort() {
    this.#ended = true;
    this.pause();
    this.#wake?.();
    Direct.forget(this.#file, this.#id);
  }

  static forget(file, id = Direct.memory.get(file)) {
    Direct.memory.delete(file);
    if (id) api.abandon(id).catch(() => {}); // it expires
  }
}
