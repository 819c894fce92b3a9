// Players of HLS, each in a page of its own.

import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { open } from './browser.js';
import { until } from './wait.js';

const file = (name) => fileURLToPath(new URL(`../node_modules/${name}`, import.meta.url));

/**
 * players are what plays. Each one's code has `video`, `url` and `credentials` (whether it
 * sends cookies to other origins), notes a failure in window.failure, and gives
 * window.choose: audio(language) and text(language), with cues() for the texts on view.
 */
export const players = {
  'hls.js': {
    scripts: ['hls.js/dist/hls.min.js'],
    play: `const hls = new Hls({ xhrSetup: (xhr) => { xhr.withCredentials = credentials; } });
      hls.on(Hls.Events.ERROR, (_, d) => { window.errors.push(d.details); if (d.fatal) window.failure = d.details; });
      hls.loadSource(url); hls.attachMedia(video);
      window.choose = {
        audio: (language) => { hls.audioTrack = hls.audioTracks.findIndex((t) => t.lang === language); },
        text: (language) => { hls.subtitleTrack = hls.subtitleTracks.findIndex((t) => t.lang === language); hls.subtitleDisplay = true; },
        cues: () => onView(video.textTracks),
      };`,
  },
  'video.js': {
    scripts: ['video.js/dist/video.min.js'],
    play: `const player = videojs(video, { html5: { vhs: { overrideNative: true, withCredentials: credentials } } });
      player.on('error', () => { window.failure = player.error().message; });
      player.src({ src: url, type: 'application/vnd.apple.mpegurl' });
      window.choose = {
        audio: (language) => { for (const t of player.audioTracks().tracks_) if (t.language === language) t.enabled = true; },
        text: (language) => {
          for (const t of player.textTracks().tracks_) if (t.kind === 'subtitles') t.mode = t.language === language ? 'showing' : 'disabled';
        },
        cues: () => onView(player.textTracks().tracks_),
      };`,
  },
  'shaka-player': {
    scripts: ['shaka-player/dist/shaka-player.compiled.js'],
    play: `shaka.polyfill.installAll(); const player = new shaka.Player();
      player.addEventListener('error', (e) => { window.failure = String(e.detail.code); });
      player.getNetworkingEngine().registerRequestFilter((_, request) => { request.allowCrossSiteCredentials = credentials; });
      player.attach(video).then(() => player.load(url, 0)).catch((e) => { window.failure = String(e.code); });
      window.choose = {
        audio: (language) => player.selectAudioTrack(player.getAudioTracks().find((t) => t.language === language)),
        text: (language) => player.selectTextTrack(player.getTextTracks().find((t) => t.language === language)),
        cues: () => onView(video.textTracks),
      };`,
  },
  "Chromium's own": {
    scripts: [],
    // Without crossOrigin it waits for ever where segments are of another origin than playlists.
    play: `video.crossOrigin = credentials ? 'use-credentials' : 'anonymous';
      video.addEventListener('error', () => { window.failure = video.error.message; });
      video.src = url;`,
    finishedOnly: true,
  },
};

/** answer is what there is at a URL of a player's page or of its scripts. */
function answer(url) {
  const [name, part] = new URL(url).pathname.split('/').slice(2).map(decodeURIComponent);
  const { scripts } = players[name];
  if (part !== 'page') return { file: file(scripts[Number(part)]), contentType: 'text/javascript' };
  return {
    contentType: 'text/html',
    body: `<!DOCTYPE html><html><head><link rel="icon" href="data:,">
      ${scripts.map((_, i) => `<script src="${i}"></script>`).join('')}</head>
      <body><video id="video" width="640" height="360" controls muted></video></body></html>`,
  };
}

/**
 * Pages is an origin with nothing but the players' pages. Browsers let pages that come from
 * a server on this machine, and not from a test, ask another origin on it.
 */
export class Pages {
  static async start() {
    const pages = new Pages();
    pages.server = createServer((req, res) => {
      const { file, body, contentType } = answer(new URL(req.url, pages.url));
      res.writeHead(200, { 'Content-Type': contentType });
      if (file) createReadStream(file).pipe(res);
      else res.end(body);
    });
    await new Promise((resolve) => pages.server.listen(0, '127.0.0.1', resolve));
    pages.url = `http://127.0.0.1:${pages.server.address().port}`;
    return pages;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/**
 * load opens a page of the server's origin (a Server's or Pages') with one player in it that has been given the
 * playlist, or what that, as a function, returns for the page. allow is open's.
 */
export async function load(browser, server, name, playlist, { credentials = false, ...options } = {}) {
  const player = players[name];
  const page = await open(browser, '', options);
  if (!(server instanceof Pages)) {
    await page.route('**/e2e-player/**', (route) => {
      const { file, body, contentType } = answer(route.request().url());
      return route.fulfill({ path: file, body, contentType });
    });
  }
  await page.goto(`${server.url}/e2e-player/${encodeURIComponent(name)}/page`);
  const address = typeof playlist === 'function' ? await playlist(page) : playlist;
  await page.evaluate(([code, url, credentials]) => {
    window.errors = [];
    const onView = (tracks) => [...tracks].filter((t) => t.mode !== 'disabled' && ['subtitles', 'captions'].includes(t.kind))
      .flatMap((t) => Array.from(t.activeCues ?? []).map((c) => c.text));
    new Function('video', 'url', 'onView', 'credentials', code)(document.querySelector('video'), url, onView, credentials);
  }, [player.play, address, credentials]);
  return page;
}

/** show loads the playlist and waits until the player is ready to play. */
export async function show(browser, server, name, playlist, options) {
  const page = await load(browser, server, name, playlist, options);
  await until(`${name} to be ready`, () => page.evaluate(() => {
    const v = document.querySelector('video');
    if (window.failure) throw new Error(window.failure);
    if (v.paused) v.play().catch(() => {}); // some fetch nothing of a growing video before
    return v.readyState >= 2;
  }), { timeout: 45_000 });
  return page;
}

/** failure tells what the player has given up with, null where it has not. */
export const failure = (page) => page.evaluate(() => window.failure ?? null);
