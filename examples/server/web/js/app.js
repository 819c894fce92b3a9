// The page: what is known of the assets, and who is told.

import * as api from './api.js';
import { binaryBytes } from './format.js';
import { Player } from './player.js';
import { Uploads } from './upload.js';
import { Videos } from './videos.js';
import { Watch } from './watch.js';

const $ = (id) => document.getElementById(id);
const pageSize = 20;
const pollActive = 3000; // ms between two readings of the list while something is unfinished
const pollIdle = 15000; // ms, to see what others do

const max = Number(document.querySelector('meta[name="vodkit-max-upload"]').content) || 0;
const assets = new Map(); // id → asset
const removed = new Set(); // ids deleted here: an old answer must not bring them back
let shown = pageSize;
let more = false;
let timer = 0;

const player = new Player({ announce });
const videos = new Videos({ list: $('videos'), template: $('video-item'), act });
const watch = new Watch({ onEvent: merge, onLost: refresh });
const uploads = new Uploads({
  list: $('uploads'), section: $('uploads-section'), template: $('upload-item'), max,
  direct: () => $('direct').checked,
  done: (asset) => { put(asset); draw(); }, announce,
});

// What is known of the assets.

function put(next) {
  if (removed.has(next.id)) return;
  const before = assets.get(next.id);
  assets.set(next.id, { ...next });
  tell(before, next);
}

/** merge lays an event over the asset: an event is its whole state. */
function merge(id, e) {
  const asset = assets.get(id);
  if (!asset || removed.has(id)) return;
  if (e.error?.code === 'deleted') {
    forget(id);
    return;
  }
  const { status, stage, fraction, position, front, speed, eta, queue, error, attempt } = e;
  const next = { ...asset, status, stage, fraction, position, front, speed, eta, queue, error };
  if (attempt) next.attempt = attempt;
  if (e.duration) next.duration = e.duration;
  const settled = status === 'COMPLETE' || status === 'ERROR';
  put(next);
  draw();
  // The asset's own form has the playlist's address; events tell of a store's key.
  if (settled || (e.playlist && !asset.playlist)) refreshOne(id);
}

/** merged joins a record with what events have said since: records lag a little. */
function merged(record) {
  const known = assets.get(record.id);
  if (!known || known.status !== record.status || known.attempt !== record.attempt) return record;
  if (watch.follows(record.id)) return { ...record, ...known, playlist: record.playlist ?? known.playlist, poster: record.poster, storyboard: record.storyboard };
  const { stage, eta, speed, queue, front, position } = known;
  return { stage, eta, speed, queue, front, position, ...record };
}

function forget(id) {
  const name = assets.get(id)?.name;
  assets.delete(id);
  removed.add(id);
  if (player.id === id) {
    player.clear();
    history.replaceState(null, '', location.pathname + location.search);
  }
  if (name) announce(`${name} is deleted.`);
  draw();
}

/** tell says what has changed to those who cannot see it, and to the player. */
function tell(before, next) {
  const name = next.name || next.id;
  if (before && before.status !== next.status) {
    if (next.status === 'COMPLETE') announce(`${name} is encoded.`);
    if (next.status === 'ERROR') announce(`${name} failed. ${next.error?.message ?? ''}`);
  }
  if (before && !before.playlist && next.playlist) announce(`${name} can be played.`);
  player.update(next);
  if (!player.id && next.playlist && wanted(next.id)) player.show(next);
}

/** wanted says whether an empty player takes the asset: the one in the address, else any. */
function wanted(id) {
  const chosen = decodeURIComponent(location.hash.replace(/^#video=/, ''));
  return !location.hash.startsWith('#video=') || chosen === id;
}

// Reading.

async function refresh() {
  clearTimeout(timer);
  try {
    const found = [];
    let next = '';
    do {
      const page = await api.list(next, pageSize);
      found.push(...page.assets);
      next = page.next ?? '';
    } while (next && found.length < shown);
    more = Boolean(next);
    const ids = new Set(found.map((a) => a.id));
    const oldest = more ? found.at(-1)?.id : '';
    for (const id of [...assets.keys()]) {
      if (!ids.has(id) && !(more && id < oldest)) dropGone(id);
    }
    for (const asset of found) put(merged(asset));
    online(true);
  } catch (err) {
    online(false, err);
  }
  draw();
  const active = [...assets.values()].some(unfinished);
  timer = setTimeout(refresh, active ? pollActive : pollIdle);
}

// dropGone looks twice: an upload can be newer than the list that was read.
async function dropGone(id) {
  try {
    put(merged(await api.get(id)));
  } catch (err) {
    if (err.status === 404) forget(id);
  }
}

async function refreshOne(id) {
  try {
    const asset = await api.get(id);
    put(merged(asset));
    draw();
  } catch (err) {
    if (err.status === 404) forget(id);
  }
}

const unfinished = (a) => a.status === 'READY' || a.status === 'RUNNING';

function online(ok, err) {
  $('server-state').hidden = ok || assets.size === 0;
  $('server-state').textContent = ok ? '' : 'Connection lost, trying again';
  $('list-error').hidden = ok || assets.size > 0;
  $('list-error-text').textContent = ok ? '' : err.message;
}

// Showing.

function draw() {
  const all = [...assets.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
  const visible = all.slice(0, Math.max(shown, pageSize));
  videos.draw(visible, player.id);
  $('empty').hidden = all.length > 0 || !$('list-error').hidden;
  $('more').hidden = !more && all.length <= shown;
  const active = all.filter(unfinished);
  const rank = (a) => (a.id === player.id ? 0 : a.status === 'RUNNING' ? 1 : 2);
  active.sort((a, b) => rank(a) - rank(b) || (a.queue || 0) - (b.queue || 0) || (a.id < b.id ? -1 : 1));
  watch.follow(active.map((a) => a.id));
}

function announce(message) { $('announce').textContent = message; }

// Acting.

async function act(action, id) {
  const asset = assets.get(id);
  if (!asset) return;
  if (action === 'play') {
    history.replaceState(null, '', `#video=${encodeURIComponent(id)}`);
    player.show(asset, { play: true });
    draw();
    return;
  }
  if (action === 'delete' && !await sure(asset)) return;
  try {
    if (action === 'delete') {
      await api.remove(id);
      forget(id);
    } else {
      const again = await api.retry(id);
      put(again);
      announce(`${asset.name || asset.id} is encoded again.`);
      draw();
    }
  } catch (err) {
    if (action === 'delete' && err.status === 404) {
      forget(id);
      return;
    }
    put({ ...asset, error: { code: err.code, message: err.message, permanent: false } });
    announce(err.message);
    draw();
  }
}

/** sure asks before something is gone for good. */
function sure(asset) {
  const dialog = $('confirm');
  $('confirm-text').textContent = `“${asset.name || asset.id}” and everything that was encoded from it will be gone for good.`;
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'delete'), { once: true });
  });
}

$('file').addEventListener('change', () => {
  uploads.add([...$('file').files]);
  $('file').value = '';
});
// The choice stays for the next visit, where the browser keeps such things.
try {
  $('direct').checked = localStorage.getItem('vodkit-straight') === 'yes';
  $('direct').addEventListener('change', () => localStorage.setItem('vodkit-straight', $('direct').checked ? 'yes' : 'no'));
} catch {
  // A private window.
}
$('list-reload').addEventListener('click', refresh);
$('more').addEventListener('click', () => { shown += pageSize; refresh(); });
if (max > 0) $('limit').textContent = `, up to ${binaryBytes(max)}`;

// Files can be dropped anywhere.
let depth = 0;
const dragging = (on) => document.body.classList.toggle('dragging', on);
const hasFiles = (e) => e.dataTransfer?.types.includes('Files');
addEventListener('dragenter', (e) => { if (hasFiles(e)) { depth++; dragging(true); } });
addEventListener('dragleave', (e) => { if (hasFiles(e) && --depth <= 0) { depth = 0; dragging(false); } });
addEventListener('dragover', (e) => { if (hasFiles(e)) e.preventDefault(); });
addEventListener('drop', (e) => {
  if (!hasFiles(e)) return;
  e.preventDefault();
  depth = 0;
  dragging(false);
  uploads.add([...e.dataTransfer.files]);
});
document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });

refresh();
