// The list of videos: one element an asset, changed in place so that focus and
// scroll position stay.

import { ago, clamp, clock, left, percent } from './format.js';
import { Thumbnail } from './storyboard.js';

const words = { READY: 'Waiting', RUNNING: 'Encoding', COMPLETE: 'Ready', ERROR: 'Failed' };
const stages = { queued: 'Waiting for an encoder', fetching: 'Fetching the file', probing: 'Looking into the file', encoding: 'Encoding', publishing: 'Finishing' };

export class Videos {
  #list;
  #template;
  #act;
  #items = new Map();

  /** act(action, id) is called for "play", "retry" and "delete". */
  constructor({ list, template, act }) {
    this.#list = list;
    this.#template = template;
    this.#act = act;
  }

  /** draw shows the assets in their order; current is the id in the player. */
  draw(assets, current) {
    const ids = new Set(assets.map((a) => a.id));
    for (const [id, item] of this.#items) {
      if (ids.has(id)) continue;
      if (item.element.contains(document.activeElement)) document.getElementById('videos-title').focus();
      item.element.remove();
      this.#items.delete(id);
    }
    let before = this.#list.firstElementChild;
    for (const asset of assets) {
      let item = this.#items.get(asset.id);
      if (!item) {
        item = new Item(asset.id, this.#template, this.#act);
        this.#items.set(asset.id, item);
      }
      item.draw(asset, asset.id === current);
      if (item.element === before) before = before.nextElementSibling;
      else this.#list.insertBefore(item.element, before);
    }
  }
}

class Item {
  constructor(id, template, act) {
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.dataset.id = id;
    const part = (s) => this.element.querySelector(s);
    this.name = part('.name');
    this.badge = part('.badge');
    this.bar = part('.bar');
    this.fill = part('.fill');
    this.front = part('.front');
    this.detail = part('.detail');
    this.reason = part('.reason');
    this.thumbnail = new Thumbnail(part('.thumbnail'));
    this.buttons = {};
    for (const button of this.element.querySelectorAll('[data-action]')) {
      const action = button.dataset.action;
      this.buttons[action] = button;
      button.addEventListener('click', () => act(action, id));
    }
  }

  draw(a, current) {
    const name = a.name || a.id;
    const active = a.status === 'READY' || a.status === 'RUNNING';
    text(this.name, name);
    this.name.title = name;
    text(this.badge, words[a.status] ?? a.status);
    this.badge.dataset.status = a.status;
    this.element.dataset.status = a.status;
    this.element.classList.toggle('current', current);

    this.thumbnail.draw(a);
    this.bar.hidden = !active;
    if (active) this.#progress(a, name);
    text(this.detail, active ? progressText(a) : finishedText(a));

    this.reason.hidden = !a.error;
    if (a.error) text(this.reason, reasonText(a));

    this.#button('play', Boolean(a.playlist), `Play ${name}`);
    this.#button('retry', a.status === 'ERROR', `Encode ${name} again`);
    this.#button('delete', true, `Delete ${name}`);
  }

  #progress(a, name) {
    const done = Math.floor(100 * clamp(a.fraction));
    const unknown = a.status === 'RUNNING' && !(a.fraction > 0);
    this.bar.classList.toggle('busy', unknown);
    this.fill.style.width = `${done}%`;
    this.front.style.width = `${a.duration > 0 ? Math.floor(100 * clamp(a.front / a.duration)) : 0}%`;
    this.bar.setAttribute('aria-label', `Encoding of ${name}`);
    if (unknown) this.bar.removeAttribute('aria-valuenow');
    else this.bar.setAttribute('aria-valuenow', String(done));
    this.bar.setAttribute('aria-valuetext', progressText(a));
  }

  #button(action, visible, label) {
    const button = this.buttons[action];
    if (!visible && button === document.activeElement) this.buttons.delete.focus();
    button.hidden = !visible;
    button.setAttribute('aria-label', label);
  }
}

function progressText(a) {
  const parts = [];
  if (a.status === 'READY') {
    parts.push(a.queue > 1 ? `Number ${a.queue} in the queue` : a.queue === 1 ? 'Next in the queue' : stages.queued);
  } else {
    parts.push(a.fraction > 0 ? `${stages[a.stage] ?? 'Encoding'} ${percent(a.fraction)}` : stages[a.stage] ?? 'Starting');
    if (a.eta > 0) parts.push(left(a.eta));
    if (a.speed > 0) parts.push(`${a.speed.toFixed(1)}× speed`);
  }
  if (a.playlist && a.front > 0) {
    parts.push(a.duration > 0 ? `playable up to ${clock(a.front)} of ${clock(a.duration)}` : `playable up to ${clock(a.front)}`);
  }
  return parts.join(' · ');
}

function finishedText(a) {
  const parts = [];
  if (a.duration > 0 && a.status === 'COMPLETE') parts.push(clock(a.duration));
  if (a.created) parts.push(ago(new Date(a.created)));
  return parts.join(' · ');
}

function reasonText(a) {
  const hint = a.error.permanent ? 'This file will most likely fail again.' : 'It may work if you encode it again.';
  return `${a.error.message || a.error.code} ${hint}`;
}

function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}
