// The player: hls.js where it works, else the browser's own.

import { clock, rate } from './format.js';

const type = 'application/vnd.apple.mpegurl';

export class Player {
  #video = document.getElementById('video');
  #box = document.getElementById('player');
  #empty = document.getElementById('player-empty');
  #title = document.getElementById('player-title');
  #state = document.getElementById('player-state');
  #error = document.getElementById('player-error');
  #errorText = document.getElementById('player-error-text');
  #controls = document.getElementById('player-controls');
  #quality = document.getElementById('quality');
  #playlist = document.getElementById('playlist');
  #asset = null;
  #hls = null;
  #recoveries = 0;
  #native = false;

  constructor({ announce }) {
    const copy = document.getElementById('copy');
    copy.addEventListener('click', async () => {
      announce(await copied(this.#playlist) ? 'Address copied.' : 'Press Ctrl+C to copy the address.');
      copy.textContent = 'Copied';
      setTimeout(() => { copy.textContent = 'Copy'; }, 1500);
    });
    this.#playlist.addEventListener('focus', () => this.#playlist.select());
    this.#quality.addEventListener('change', () => this.#choose(Number(this.#quality.value)));
    document.getElementById('player-reload').addEventListener('click', () => this.#reload());
    this.#video.addEventListener('error', () => {
      if (this.#native) this.#fail(nativeReason(this.#video.error));
    });
    this.#video.addEventListener('resize', () => this.#describe());
  }

  /** id of the asset that is shown, or "". */
  get id() { return this.#asset?.id ?? ''; }

  /** show loads the asset's video. */
  show(asset, { play = false } = {}) {
    this.#asset = asset;
    this.#empty.hidden = true;
    this.#controls.hidden = false;
    this.#title.textContent = asset.name || asset.id;
    this.#poster();
    this.#playlist.value = new URL(asset.playlist, location.href).href;
    this.#video.tabIndex = 0;
    this.#load(0);
    if (play) {
      this.#video.play().catch(() => {}); // the browser wants a click first
      this.#video.focus({ preventScroll: true });
      this.#box.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
    }
  }

  /** update tells the player that the asset has moved on. */
  update(asset) {
    if (asset.id !== this.id) return;
    const before = this.#asset;
    this.#asset = asset;
    this.#title.textContent = asset.name || asset.id;
    const again = before.attempt && asset.attempt && before.attempt !== asset.attempt && asset.status === 'COMPLETE';
    const whole = this.#native && before.status !== 'COMPLETE' && asset.status === 'COMPLETE';
    this.#poster();
    if (again || whole) this.#reload();
    this.#describe();
  }

  /** clear empties the player. */
  clear() {
    this.#stop();
    this.#asset = null;
    this.#empty.hidden = false;
    this.#controls.hidden = true;
    this.#error.hidden = true;
    this.#title.textContent = 'Player';
    this.#state.textContent = '';
    this.#video.tabIndex = -1;
    this.#poster();
  }

  /** poster is what is shown until the video plays. */
  #poster() {
    const url = this.#asset?.poster;
    if (url && this.#video.getAttribute('poster') !== url) this.#video.poster = url;
    if (!url) this.#video.removeAttribute('poster');
  }

  #stop() {
    this.#hls?.destroy();
    this.#hls = null;
    this.#native = false;
    if (this.#video.hasAttribute('src')) {
      this.#video.removeAttribute('src');
      this.#video.load();
    }
  }

  #reload() {
    const { currentTime, paused } = this.#video;
    this.#load(currentTime);
    if (!paused) this.#video.play().catch(() => {});
  }

  #load(start) {
    this.#stop();
    this.#error.hidden = true;
    this.#recoveries = 0;
    this.#menu([]);
    const Hls = globalThis.Hls;
    // Chromium says "maybe" to HLS and then plays only what is finished, so hls.js
    // comes first.
    if (Hls?.isSupported()) this.#withHls(Hls, start);
    else if (this.#video.canPlayType(type)) this.#withBrowser(start);
    else this.#fail('This browser can play HLS neither by itself nor with hls.js.');
    this.#describe();
  }

  #withHls(Hls, start) {
    const hls = this.#hls = new Hls({ startPosition: start });
    hls.on(Hls.Events.MANIFEST_PARSED, () => this.#menu(hls.levels));
    hls.on(Hls.Events.LEVELS_UPDATED, () => this.#menu(hls.levels));
    hls.on(Hls.Events.LEVEL_SWITCHED, () => { this.#label(); this.#describe(); });
    hls.on(Hls.Events.ERROR, (_, data) => {
      if (!data.fatal) return;
      if (data.type === Hls.ErrorTypes.MEDIA_ERROR && this.#recoveries++ < 2) {
        hls.recoverMediaError();
        return;
      }
      this.#fail(hlsReason(Hls, data));
    });
    hls.loadSource(this.#asset.playlist);
    hls.attachMedia(this.#video);
  }

  #withBrowser(start) {
    this.#native = true;
    this.#video.src = this.#asset.playlist;
    if (start > 0) this.#video.addEventListener('loadedmetadata', () => { this.#video.currentTime = start; }, { once: true });
  }

  #menu(levels) {
    const chosen = this.#quality.value || '-1';
    this.#quality.replaceChildren(new Option('Auto', '-1'));
    levels
      .map((level, index) => ({ level, index }))
      .sort((a, b) => b.level.bitrate - a.level.bitrate)
      .forEach(({ level, index }) => this.#quality.add(new Option(name(level), String(index))));
    this.#quality.value = levels.length > Number(chosen) ? chosen : '-1';
    this.#quality.disabled = levels.length < 2;
    if (levels.length === 1) this.#quality.selectedIndex = 0;
    this.#label();
  }

  #choose(index) {
    if (!this.#hls) return;
    this.#hls.nextLevel = index;
    this.#label();
  }

  #label() {
    const level = this.#hls?.levels?.[this.#hls.currentLevel];
    const auto = this.#quality.options[0];
    if (auto) auto.textContent = level && this.#quality.value === '-1' ? `Auto (${short(level)})` : 'Auto';
  }

  #describe() {
    const a = this.#asset;
    if (!a) return;
    const words = [];
    if (a.status === 'RUNNING' || a.status === 'READY') {
      if (a.duration > 0) words.push(`Still encoding: playable up to ${clock(a.front)} of ${clock(a.duration)}`);
      else words.push('Still encoding');
      if (this.#native) words.push('this browser may need the complete video');
    } else if (a.status === 'ERROR') {
      words.push('Incomplete: plays as far as it was encoded');
    } else {
      words.push(clock(a.duration));
    }
    const { videoWidth: w, videoHeight: h } = this.#video;
    if (w && h) words.push(`${w}×${h}`);
    const level = this.#hls?.levels?.[this.#hls.currentLevel];
    if (level?.bitrate) words.push(rate(level.averageBitrate || level.bitrate));
    this.#state.textContent = words.join(' · ');
  }

  #fail(message) {
    this.#errorText.textContent = message;
    this.#error.hidden = false;
  }
}

const short = (level) => (level.height ? `${Math.min(level.width || level.height, level.height)}p` : 'sound');

function name(level) {
  return [short(level), rate(level.averageBitrate || level.bitrate)].join(', ');
}

function hlsReason(Hls, data) {
  const status = data.response?.code;
  if (status === 404) return 'This video is no longer there.';
  if (status === 401 || status === 403) return 'You may not watch this video.';
  if (data.type === Hls.ErrorTypes.NETWORK_ERROR) return 'The video cannot be loaded. Is the server still running?';
  return `The video cannot be played here (${data.details}).`;
}

function nativeReason(error) {
  if (error?.code === MediaError.MEDIA_ERR_NETWORK) return 'The video cannot be loaded. Is the server still running?';
  return "This browser's own player cannot play the video. It may have to be complete first.";
}

/** copied puts the field's text on the clipboard, also where there is no clipboard API (plain HTTP). */
async function copied(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.focus();
    field.select();
    return document.execCommand('copy');
  }
}
