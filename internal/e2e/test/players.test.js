// Every player, on output that grows and on output that is finished.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { advances, finish, launch, now, open, seek } from '../lib/browser.js';
import { Media } from '../lib/media.js';
import { Server } from '../lib/server.js';
import { until } from '../lib/wait.js';

const seconds = 40;
const file = (name) => fileURLToPath(new URL(`../node_modules/${name}`, import.meta.url));

const players = {
  'hls.js': {
    scripts: ['hls.js/dist/hls.min.js'],
    play: `const hls = new Hls();
      hls.on(Hls.Events.ERROR, (_, d) => { if (d.fatal) window.failure = d.details; });
      hls.loadSource(url); hls.attachMedia(video);`,
  },
  'video.js': {
    scripts: ['video.js/dist/video.min.js'],
    play: `const player = videojs(video, { html5: { vhs: { overrideNative: true } } });
      player.on('error', () => { window.failure = player.error().message; });
      player.src({ src: url, type: 'application/vnd.apple.mpegurl' });`,
  },
  'shaka-player': {
    scripts: ['shaka-player/dist/shaka-player.compiled.js'],
    play: `shaka.polyfill.installAll(); const player = new shaka.Player();
      player.addEventListener('error', (e) => { window.failure = String(e.detail.code); });
      player.attach(video).then(() => player.load(url, 0)).catch((e) => { window.failure = String(e.code); });`,
  },
  "Chromium's own": { scripts: [], play: 'video.src = url;', finishedOnly: true },
};

/** show opens a page of the server's origin with one player in it. */
async function show(browser, server, name, playlist) {
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
    new Function('video', 'url', code)(document.querySelector('video'), url);
  }, [player.play, playlist]);
  await until(`${name} to be ready`, () => page.evaluate(() => {
    const v = document.querySelector('video');
    if (window.failure) throw new Error(window.failure);
    if (v.paused) v.play().catch(() => {}); // some fetch nothing of a growing video before
    return v.readyState >= 2;
  }), { timeout: 45_000 });
  return page;
}

const failure = (page) => page.evaluate(() => window.failure ?? null);

/** toTheEnd plays the last seconds and waits for the end. */
async function toTheEnd(page) {
  await seek(page, seconds - 3);
  await page.evaluate(() => document.querySelector('video').play());
  return until('the end of the video', async () => {
    const v = await now(page);
    return v.ended && v;
  });
}

let media, browser, film;

before(async () => {
  media = await Media.open();
  film = await media.video('players.mp4', { seconds });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await media?.close();
});

describe('output that grows', () => {
  let server;

  before(async () => { server = await Server.start({ pace: 1 }); });
  after(() => server?.stop());

  for (const [name, { finishedOnly }] of Object.entries(players)) {
    if (finishedOnly) continue;
    test(`${name} joins at the start and sees it to the end`, async () => {
      const { id } = await server.upload(film);
      const { playlist } = await server.reach(id, (a) => Boolean(a.playlist) && a.front > 11);
      const page = await show(browser, server, name, playlist);
      const first = await now(page);
      assert.ok(first.time < 3, `${name} joined at ${first.time} s`);
      await advances(page, 3);
      assert.equal((await server.asset(id)).status, 'RUNNING', 'the encode ended too early for this test');

      await server.complete(id);
      await until('the whole duration', async () => Math.abs((await now(page)).duration - seconds) < 0.5, { timeout: 60_000 });
      const middle = await now(page);
      assert.ok(middle.time > 10, `${name} stood at ${middle.time} s when the encode had ended`);
      await toTheEnd(page);
      assert.equal(await failure(page), null);
      await finish(page);
      await server.json('DELETE', `/assets/${id}`);
    });
  }
});

describe('finished output', () => {
  let server, playlist;

  before(async () => {
    server = await Server.start();
    const { id } = await server.upload(film);
    ({ playlist } = await server.complete(id));
  });
  after(() => server?.stop());

  for (const name of Object.keys(players)) {
    test(`${name} plays, seeks and ends`, async () => {
      const page = await show(browser, server, name, playlist);
      const first = await advances(page, 2);
      assert.ok(Math.abs(first.duration - seconds) < 0.5, `${name} says ${first.duration} s`);
      await seek(page, 20);
      await advances(page, 1);
      await toTheEnd(page);
      assert.equal(await failure(page), null);
      await finish(page);
    });
  }
});
