// Uploads: a few side by side, each with a bar, its speed, and buttons to pause, to cancel
// and, after a failure, to try again. What an earlier visit has left unfinished is listed
// until its file is chosen once more.

import * as api from './api.js';
import { bytes, binaryBytes, left, percent } from './format.js';
import { Direct, Form, Resumable } from './transport.js';

const sideBySide = 3;
const resumableFrom = 5e6; // bytes: a smaller file is sent again as fast

export class Uploads {
  #list;
  #section;
  #template;
  #max;
  #direct;
  #done;
  #announce;
  #waiting = [];
  #active = new Set();

  /**
   * done(asset) is called for each upload that the server has accepted; direct() says
   * whether bytes go straight to the bucket.
   */
  constructor({ list, section, template, max, direct, done, announce }) {
    this.#list = list;
    this.#section = section;
    this.#template = template;
    this.#max = max;
    this.#direct = direct;
    this.#done = done;
    this.#announce = announce;
    addEventListener('beforeunload', (e) => {
      if (this.busy) e.preventDefault();
    });
    this.#recall();
  }

  /** busy says whether something would be lost with the page. */
  get busy() { return this.#waiting.length > 0 || [...this.#active].some((u) => !u.survives); }

  /** add queues files. */
  add(files) {
    for (const file of files) this.#enqueue(new Upload(file, this.#template));
    this.#next();
  }

  #enqueue(upload) {
    const { file } = upload;
    this.#list.querySelector(`[data-left="${CSS.escape(`${file.name}/${file.size}`)}"]`)?.remove(); // it goes on
    upload.onCancel = () => this.#cancel(upload);
    upload.onRetry = () => { upload.reset(); this.#waiting.push(upload); this.#next(); };
    upload.onPause = (paused) => this.#announce(`Upload of ${file.name} ${paused ? 'paused' : 'goes on'}.`);
    this.#list.append(upload.element);
    this.#section.hidden = false;
    const refusal = this.#refusal(file);
    if (refusal) {
      upload.fail(refusal, false);
      this.#announce(`${file.name}: ${refusal}`);
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

  #transport(file) {
    if (this.#direct()) return new Direct();
    return window.tus && file.size >= resumableFrom ? new Resumable() : new Form();
  }

  #next() {
    while (this.#active.size < sideBySide && this.#waiting.length > 0) this.#run(this.#waiting.shift());
  }

  async #run(upload) {
    this.#active.add(upload);
    try {
      const id = await upload.send(this.#transport(upload.file));
      const asset = await api.get(id);
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
      this.#active.delete(upload);
      this.#next();
    }
  }

  #cancel(upload) {
    if (this.#active.has(upload)) {
      upload.abort();
      return;
    }
    this.#waiting = this.#waiting.filter((u) => u !== upload);
    this.#drop(upload);
  }

  #drop({ element }) {
    const focused = element.contains(document.activeElement);
    element.remove();
    this.#section.hidden = this.#list.children.length === 0;
    if (focused) document.getElementById('file').focus();
  }

  /** #recall lists what an earlier visit has not finished. */
  #recall() {
    for (const way of window.tus ? [Resumable, Direct] : [Direct]) {
      for (const file of way.memory.all()) {
        const element = this.#template.content.firstElementChild.cloneNode(true);
        element.dataset.left = `${file.name}/${file.size}`;
        element.querySelector('.name').textContent = file.name;
        element.querySelector('.bar').hidden = true;
        element.querySelector('.detail').textContent = `Interrupted. Choose the same file (${bytes(file.size)}) again, and it goes on where it was.`;
        const dismiss = element.querySelector('[data-action="cancel"]');
        dismiss.textContent = 'Dismiss';
        dismiss.setAttribute('aria-label', `Dismiss the interrupted upload of ${file.name}`);
        dismiss.addEventListener('click', () => { way.forget(file); this.#drop({ element }); });
        this.#list.append(element);
        this.#section.hidden = false;
      }
    }
  }
}

class Upload {
  onCancel = () => {};
  onRetry = () => {};
  onPause = () => {};
  #transport = null;
  #paused = false;
  #speed = new Speed();

  constructor(file, template) {
    this.file = file;
    this.element = template.content.firstElementChild.cloneNode(true);
    const part = (s) => this.element.querySelector(s);
    this.bar = part('.bar');
    this.fill = part('.fill');
    this.figure = part('.figure');
    this.detail = part('.detail');
    this.pauseButton = part('[data-action="pause"]');
    this.retryButton = part('[data-action="retry"]');
    this.cancelButton = part('[data-action="cancel"]');
    part('.name').textContent = file.name;
    this.bar.setAttribute('aria-label', `Upload of ${file.name}`);
    this.pauseButton.addEventListener('click', () => this.#pause(!this.#paused));
    this.retryButton.addEventListener('click', () => this.onRetry());
    this.cancelButton.addEventListener('click', () => this.onCancel());
    this.reset();
  }

  reset() {
    this.bar.classList.remove('failed', 'busy');
    this.bar.hidden = false;
    this.pauseButton.hidden = true;
    this.retryButton.hidden = true;
    this.cancelButton.textContent = 'Cancel';
    this.cancelButton.setAttribute('aria-label', `Cancel the upload of ${this.file.name}`);
    this.detail.classList.remove('reason');
    this.#show(0);
    this.detail.textContent = `${bytes(this.file.size)}, waiting`;
  }

  /** send resolves with the id of the asset that the server made of the file. */
  async send(transport) {
    this.#transport = transport;
    this.#speed = new Speed();
    this.#shown(false);
    this.pauseButton.hidden = !transport.canPause;
    try {
      return await transport.start(this.file, (sent, total) => this.#moved(sent, total));
    } finally {
      this.pauseButton.hidden = true;
    }
  }

  /** survives says whether another visit can go on with it. */
  get survives() { return this.#transport?.canPause ?? false; }

  abort() { this.#transport?.abort(); }

  #pause(paused) {
    if (paused) this.#transport.pause();
    else this.#transport.resume();
    this.#speed = new Speed();
    this.#shown(paused);
    this.detail.textContent = paused ? `Paused, ${bytes(this.file.size)} in all` : 'Going on';
    this.onPause(paused);
  }

  #shown(paused) {
    this.#paused = paused;
    this.pauseButton.textContent = paused ? 'Resume' : 'Pause';
    this.pauseButton.setAttribute('aria-label', `${paused ? 'Resume' : 'Pause'} the upload of ${this.file.name}`);
  }

  fail(message, again, retryAfter = 0) {
    this.bar.hidden = true;
    this.pauseButton.hidden = true;
    this.figure.textContent = '';
    this.detail.classList.add('reason');
    this.detail.textContent = retryAfter > 0 ? `${message} Try again in ${retryAfter} s.` : message;
    this.retryButton.hidden = !again;
    this.retryButton.setAttribute('aria-label', `Upload ${this.file.name} again`);
    this.cancelButton.textContent = 'Dismiss';
    this.cancelButton.setAttribute('aria-label', `Dismiss the failed upload of ${this.file.name}`);
  }

  #moved(sent, total) {
    if (this.#paused) return;
    this.#show(sent / total);
    if (sent === total) {
      this.detail.textContent = 'The server is storing it';
      return;
    }
    const speed = this.#speed.at(sent);
    this.detail.textContent = [`${bytes(sent)} of ${bytes(total)}`, speed > 0 && `${bytes(speed)}/s`, speed > 0 && left((total - sent) / speed)]
      .filter(Boolean).join(', ');
  }

  #show(fraction) {
    const p = Math.floor(100 * fraction);
    this.fill.style.width = `${p}%`;
    this.figure.textContent = percent(fraction);
    this.bar.setAttribute('aria-valuenow', String(p));
  }
}

/** Speed is that of the last seconds. */
class Speed {
  #marks = [];

  /** at takes how many bytes were sent by now and returns bytes a second, 0 while unknown. */
  at(sent) {
    const now = performance.now();
    if (this.#marks.length === 0 || now - this.#marks.at(-1).now > 200) this.#marks.push({ now, sent });
    while (this.#marks.length > 2 && now - this.#marks[0].now > 8000) this.#marks.shift();
    const [{ now: since, sent: before }] = this.#marks;
    return now - since > 500 ? Math.max(0, sent - before) / (now - since) * 1000 : 0;
  }
}
