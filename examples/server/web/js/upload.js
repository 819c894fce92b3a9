// Uploads: one at a time, each with a bar, a cancel button and, after a failure, a
// way to try again.

import { broken, failure, unreachable, uploadURL } from './api.js';
import { bytes, binaryBytes, left, percent } from './format.js';

export class Uploads {
  #list;
  #section;
  #template;
  #max;
  #done;
  #announce;
  #waiting = [];
  #active = null;

  /** done(asset) is called for each upload that the server has accepted. */
  constructor({ list, section, template, max, done, announce }) {
    this.#list = list;
    this.#section = section;
    this.#template = template;
    this.#max = max;
    this.#done = done;
    this.#announce = announce;
    addEventListener('beforeunload', (e) => {
      if (this.busy) e.preventDefault();
    });
  }

  get busy() { return this.#active !== null || this.#waiting.length > 0; }

  /** add queues files. */
  add(files) {
    for (const file of files) this.#enqueue(new Upload(file, this.#template));
    this.#next();
  }

  #enqueue(upload) {
    upload.onCancel = () => this.#cancel(upload);
    upload.onRetry = () => { upload.reset(); this.#waiting.push(upload); this.#next(); };
    this.#list.append(upload.element);
    this.#section.hidden = false;
    const refusal = this.#refusal(upload.file);
    if (refusal) {
      upload.fail(refusal, false);
      this.#announce(`${upload.file.name}: ${refusal}`);
      return;
    }
    this.#waiting.push(upload);
  }

  #refusal(file) {
    if (file.size === 0) return 'This file is empty.';
    if (this.#max > 0 && file.size > this.#max) {
      return `This file has ${bytes(file.size)}; the server takes at most ${binaryBytes(this.#max)}.`;
    }
    return '';
  }

  async #next() {
    if (this.#active || this.#waiting.length === 0) return;
    const upload = this.#active = this.#waiting.shift();
    try {
      const asset = await upload.send();
      this.#drop(upload);
      this.#announce(`${upload.file.name} is uploaded.`);
      this.#done(asset);
    } catch (err) {
      if (err.name === 'AbortError') {
        this.#drop(upload);
        this.#announce(`Upload of ${upload.file.name} cancelled.`);
      } else {
        upload.fail(err.message, ![413, 415].includes(err.status), err.retryAfter);
        this.#announce(`Upload of ${upload.file.name} failed. ${err.message}`);
      }
    } finally {
      this.#active = null;
      this.#next();
    }
  }

  #cancel(upload) {
    if (this.#active === upload) {
      upload.abort();
      return;
    }
    this.#waiting = this.#waiting.filter((u) => u !== upload);
    this.#drop(upload);
  }

  #drop(upload) {
    const focused = upload.element.contains(document.activeElement);
    upload.element.remove();
    this.#section.hidden = this.#list.children.length === 0;
    if (focused) document.getElementById('file').focus();
  }
}

class Upload {
  onCancel = () => {};
  onRetry = () => {};
  #request = null;
  #started = 0;
  #sent = 0;

  constructor(file, template) {
    this.file = file;
    this.element = template.content.firstElementChild.cloneNode(true);
    const part = (s) => this.element.querySelector(s);
    this.bar = part('.bar');
    this.fill = part('.fill');
    this.figure = part('.figure');
    this.detail = part('.detail');
    this.retryButton = part('[data-action="retry"]');
    this.cancelButton = part('[data-action="cancel"]');
    part('.name').textContent = file.name;
    this.bar.setAttribute('aria-label', `Upload of ${file.name}`);
    this.retryButton.addEventListener('click', () => this.onRetry());
    this.cancelButton.addEventListener('click', () => this.onCancel());
    this.reset();
  }

  reset() {
    this.bar.classList.remove('failed', 'busy');
    this.bar.hidden = false;
    this.retryButton.hidden = true;
    this.cancelButton.textContent = 'Cancel';
    this.cancelButton.setAttribute('aria-label', `Cancel the upload of ${this.file.name}`);
    this.detail.classList.remove('reason');
    this.#show(0);
    this.detail.textContent = `${bytes(this.file.size)}, waiting`;
  }

  /** send resolves with the asset that the server made of the file. */
  send() {
    return new Promise((resolve, reject) => {
      const request = this.#request = new XMLHttpRequest();
      this.#started = performance.now();
      this.#sent = 0;
      request.upload.addEventListener('progress', (e) => { if (e.lengthComputable) this.#moved(e.loaded, e.total); });
      request.upload.addEventListener('load', () => {
        this.#show(1);
        this.detail.textContent = 'The server is storing it';
      });
      request.addEventListener('load', () => {
        if (request.status >= 200 && request.status < 300) {
          try {
            resolve(JSON.parse(request.responseText));
          } catch {
            reject(failure(request.status, '', 0));
          }
          return;
        }
        reject(failure(request.status, request.responseText, request.getResponseHeader('Retry-After')));
      });
      request.addEventListener('error', () => reject(this.#sent > 0 ? broken() : unreachable()));
      request.addEventListener('abort', () => reject(new DOMException('cancelled', 'AbortError')));
      const form = new FormData();
      form.append('file', this.file, this.file.name);
      request.open('POST', uploadURL);
      request.setRequestHeader('Accept', 'application/json');
      request.send(form);
    });
  }

  abort() { this.#request?.abort(); }

  fail(message, again, retryAfter = 0) {
    this.bar.hidden = true;
    this.figure.textContent = '';
    this.detail.classList.add('reason');
    this.detail.textContent = retryAfter > 0 ? `${message} Try again in ${retryAfter} s.` : message;
    this.retryButton.hidden = !again;
    this.retryButton.setAttribute('aria-label', `Upload ${this.file.name} again`);
    this.cancelButton.textContent = 'Dismiss';
    this.cancelButton.setAttribute('aria-label', `Dismiss the failed upload of ${this.file.name}`);
  }

  #moved(loaded, total) {
    this.#sent = loaded;
    this.#show(loaded / total);
    const seconds = (performance.now() - this.#started) / 1000;
    const speed = seconds > 0.5 ? loaded / seconds : 0;
    const rest = speed > 0 ? left((total - loaded) / speed) : '';
    this.detail.textContent = [`${bytes(loaded)} of ${bytes(total)}`, rest].filter(Boolean).join(', ');
  }

  #show(fraction) {
    const p = Math.floor(100 * fraction);
    this.fill.style.width = `${p}%`;
    this.figure.textContent = percent(fraction);
    this.bar.setAttribute('aria-valuenow', String(p));
  }
}
