// Players of HLS, each in a page of its own.

import { fileURLToPath } from 'node:url';
import { open } from './browser.js';
import { until } from './wait.js';

const file = (name) => fileURLToPath(new URL(`../node_modules/${name}`, import.meta.url));

/**
 * players are what plays. Each one's code has `video` and `url`, notes a failure in
 * window.failure, and gives window.choose: audio(language) and text(language), with
 * cues() for the texts that are on view.
 */
export const players = {
  'hls.js': {
    scripts: ['hls.js/dist/hls.min.js'],
    play: `const hls = new Hls();
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
    play: `const player = videojs(video, { html5: { vhs: { overrideNative: true } } });
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
      player.attach(video).then(() => player.load(url, 0)).catch((e) => { window.failure = String(e.code); });
      window.choose = {
        audio: (language) => player.selectAudioTrack(player.getAudioTracks().find((t) => t.language === language)),
        text: (language) => player.selectTextTrack(player.getTextTracks().find((t) => t.language === language)),
        cues: () => onView(video.textTracks),
      };`,
  },
  "Chromium's own": { scripts: [], play: 'video.src = url;', finishedOnly: true },
};

/** show opens a page of the server's origin with one player in it, ready to play. */
export async function show(browser, server, name, playlist) {
  const player = players[name];
  const page = await open(browser, '');
  await page.route('**/e2e-player/**', (route) => {
    const index = Number(new URL(route.request().url()).pathname.split('/').at(-1));
    return Number.isInteger(index)
      ? route.fulfill({ path: file(player.scripts[index]), contentType: 'text/javascript' })
      : route.fulfill({
        contentType: 'text/html',
        body: `<!DOCTYPE html><html><head><link rel="icon" href="data:,">
          ${player.scripts.map((_, i) => `<script src="/e2e-player/${i}"></script>`).join('')}</head>
          <body><video id="video" width="640" height="360" controls muted></video></body></html>`,
      });
  });
  await page.goto(`${server.url}/e2e-player/index`);
  await page.evaluate(([code, url]) => {
    window.errors = [];
    const onView = (tracks) => [...tracks].filter((t) => t.mode !== 'disabled' && ['subtitles', 'captions'].includes(t.kind))
      .flatMap((t) => Array.from(t.activeCues ?? []).map((c) => c.text));
    new Function('video', 'url', 'onView', code)(document.querySelector('video'), url, onView);
  }, [player.play, playlist]);
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
