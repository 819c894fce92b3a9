// Storyboards: small pictures of a video, and which of them stands for which time
// (WebVTT, with the place of each in a sheet behind #xywh=).

import { clamp, clock } from './format.js';

/** parse returns the cues of a storyboard whose sheets are relative to base. */
export function parse(vtt, base) {
  const cues = [];
  for (const [, start, end, sheet, x, y, w, h] of vtt.matchAll(/^([\d:.]+) --> ([\d:.]+).*\r?\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)/gm)) {
    cues.push({ start: seconds(start), end: seconds(end), sheet: new URL(sheet, base).href, x: +x, y: +y, w: +w, h: +h });
  }
  return cues;
}

const seconds = (time) => time.split(':').reduce((sum, part) => 60 * sum + Number(part), 0);

/** Thumbnail shows a video's poster, and its storyboard as a pointer moves over it. */
export class Thumbnail {
  #box;
  #poster;
  #scene;
  #time;
  #url = '';
  #cues = null; // a promise, once somebody has asked

  constructor(box) {
    this.#box = box;
    this.#poster = box.querySelector('img');
    this.#scene = box.querySelector('.scene');
    this.#time = box.querySelector('.time');
    box.addEventListener('pointermove', (e) => this.#show(e.clientX));
    box.addEventListener('pointerleave', () => this.#hide());
  }

  draw(asset) {
    this.#box.hidden = !asset.poster;
    if (asset.poster && this.#poster.getAttribute('src') !== asset.poster) this.#poster.src = asset.poster;
    if (this.#url !== (asset.storyboard ?? '')) {
      this.#url = asset.storyboard ?? '';
      this.#cues = null;
      this.#hide();
    }
  }

  async #show(x) {
    if (!this.#url) return;
    const url = new URL(this.#url, location.href);
    this.#cues ??= fetch(url).then(async (answer) => (answer.ok ? parse(await answer.text(), url) : [])).catch(() => []);
    const cues = await this.#cues;
    if (cues.length === 0 || !this.#box.matches(':hover')) return;
    const box = this.#box.getBoundingClientRect();
    const at = clamp((x - box.left) / box.width) * cues.at(-1).end;
    const cue = cues.findLast((c) => c.start <= at) ?? cues[0];
    const scale = Math.min(box.width / cue.w, box.height / cue.h);
    Object.assign(this.#scene.style, {
      width: `${cue.w}px`, height: `${cue.h}px`,
      backgroundImage: `url("${cue.sheet}")`, backgroundPosition: `-${cue.x}px -${cue.y}px`,
      transform: `translate(-50%, -50%) scale(${scale})`,
    });
    this.#time.textContent = clock(cue.start);
    this.#box.classList.add('moving');
  }

  #hide() { this.#box.classList.remove('moving'); }
}
