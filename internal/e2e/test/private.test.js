// Videos that not everybody may watch, played by pages of another site: with a token in the
// query, with a cookie, and with segments on a CDN.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { advances, finish, launch, seek } from '../lib/browser.js';
import { Media } from '../lib/media.js';
import { failure, load, Pages, players, show } from '../lib/players.js';
import { Private } from '../lib/private.js';
import { Server } from '../lib/server.js';
import { Static } from '../lib/static.js';
import { until } from '../lib/wait.js';

const seconds = 20; // four segments
const native = "Chromium's own";
const text = (tag) => [{ from: 0.5, to: seconds - 0.5, text: `cue in ${tag}` }];
const languages = [{ tag: 'eng', tone: 400, cues: text('English') }, { tag: 'deu', tone: 900, cues: text('German') }];

let media, browser, pages, demo, host, asset;

before(async () => {
  media = await Media.open();
  demo = await Server.start();
  pages = await Pages.start();
  host = await Private.start(demo, pages.url);
  const { id } = await demo.upload(await media.languages('private.mkv', { seconds, languages }), 'video/x-matroska');
  asset = await demo.complete(id);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await host?.stop();
  await demo?.stop();
  await pages?.stop();
  await media?.close();
});

/** listen collects what the page is answered for media: {url, status}. */
function listen(page) {
  const answers = [];
  page.on('response', (r) => {
    const url = new URL(r.url());
    if (url.pathname.startsWith('/media/')) answers.push({ url, status: r.status() });
  });
  return answers;
}

/**
 * plays has a player play the video, change to the other language, seek and play on. It
 * returns what was answered.
 */
async function plays(name, server, { cookie = false } = {}) {
  let answers;
  const page = await show(browser, pages, name, (p) => {
    answers = listen(p);
    return server.watch(p, asset.id, { cookie });
  }, { credentials: cookie });
  await advances(page, 1);
  if (name !== native) {
    await page.evaluate(() => { window.choose.audio('de'); window.choose.text('de'); });
    await until('the German subtitle', () => page.evaluate(() => window.choose.cues().includes('cue in German')));
  }
  await seek(page, seconds - 5);
  await advances(page, 1.5);
  assert.equal(await failure(page), null);
  // hls.js calls it an error that a seek or another language has ended a load.
  assert.deepEqual(await page.evaluate(() => window.errors.filter((e) => e !== 'aborted')), []);
  await finish(page);
  return answers;
}

const kinds = (answers) => [...new Set(answers.map(({ url }) => path.extname(url.pathname)))].sort();

/** complete expects that all was answered, and that all kinds of objects were asked for. */
function complete(name, answers) {
  for (const { url, status } of answers) assert.ok([200, 206, 304].includes(status), `${status} for ${url}`);
  const all = ['.m3u8', '.m4s', '.mp4', ...(name === native ? [] : ['.vtt'])];
  assert.deepEqual(kinds(answers), all);
}

describe('a token in the query', () => {
  for (const name of Object.keys(players)) {
    test(`${name} carries it everywhere`, async () => {
      const answers = await plays(name, host);
      complete(name, answers);
      const tokens = new Set(answers.map(({ url }) => url.search));
      assert.equal(tokens.size, 1, `${[...tokens]}`);
      assert.match([...tokens][0], /^\?token=v1\.a\.[\w-]+\.[\w-]{43}$/);
    });
  }
});

test('no address in playlists and storyboards is without the token, and none opens without it', async () => {
  const { playlist } = await (await fetch(`${host.url}/watch/${asset.id}?viewer=anna`, { method: 'POST' })).json();
  const { search } = new URL(playlist, host.url);
  const queue = [new URL(playlist, host.url).href, new URL(asset.storyboard + search, host.url).href, new URL(asset.poster + search, host.url).href];
  const seen = new Set(queue);
  for (const href of queue) { // which grows meanwhile
    const url = new URL(href);
    assert.equal(url.search, search, href);
    const answer = await fetch(url);
    assert.equal(answer.status, 200, href);
    url.search = '';
    assert.equal((await fetch(url)).status, 401, url.href);
    const body = await answer.text();
    const uris = href.includes('storyboard') ? body.match(/^.*(?=#xywh=)/gm)
      : href.includes('.m3u8') ? [...body.matchAll(/^([^#\s].*)$|URI="([^"]*)"/gm)].map((m) => m[1] ?? m[2]) : [];
    for (const uri of uris) {
      const next = new URL(uri, href).href;
      if (!seen.has(next)) queue.push(next);
      seen.add(next);
    }
  }
  assert.deepEqual(kinds(queue.map((href) => ({ url: new URL(href) }))), ['.jpg', '.m3u8', '.m4s', '.mp4', '.vtt']);
  assert.ok(queue.some((href) => href.includes('/iframe.m3u8')));
});

describe('a cookie', () => {
  for (const name of Object.keys(players)) {
    test(`${name} sends it along`, async () => {
      const answers = await plays(name, host, { cookie: true });
      complete(name, answers);
      for (const { url } of answers) assert.equal(url.search, '', url.href);
    });
  }
});

describe('segments on a CDN', () => {
  let cdn, origin;

  before(async () => {
    cdn = await Static.start(path.join(demo.dir, 'bucket', 'media'), '/videos/media/');
    origin = await Private.start(demo, pages.url, ['-cdn', `${cdn.url}/videos`]);
  });
  after(async () => {
    await origin?.stop();
    await cdn?.stop();
  });

  for (const name of Object.keys(players)) {
    test(`${name} has its playlists from one, the rest from the other`, async () => {
      cdn.asked = [];
      const playlists = await plays(name, origin);
      complete(name, [...playlists, ...cdn.asked]);
      assert.deepEqual(kinds(playlists), ['.m3u8']);
      for (const { url } of cdn.asked) {
        assert.notEqual(path.extname(url.pathname), '.m3u8', url.href);
        assert.equal(url.search, '', 'tokens are nobody else\'s');
      }
    });
  }
});

describe('neither', () => {
  for (const name of Object.keys(players)) {
    test(`${name} gets nothing`, async () => {
      let answers;
      const page = await load(browser, pages, name, (p) => {
        answers = listen(p);
        return `${host.url}/media/${asset.id}/master.m3u8`;
      }, { allow: [/./] });
      await until('the player to give up', () => failure(page), { timeout: 45_000 });
      assert.ok(answers.length > 0 || name === native); // which tells nobody of a failure
      for (const { url, status } of answers) assert.equal(status, 401, url.href);
      await finish(page);
    });
  }

  test('nor does who comes with the token of another video', async () => {
    const page = await load(browser, pages, native, (p) => host.watch(p, 'another'), { allow: [/./] });
    const other = new URL(await host.watch(page, 'another'));
    for (const [target, want] of Object.entries({ [`/media/${asset.id}/master.m3u8${other.search}`]: 403, [`/media/${asset.id}/master.m3u8${other.search.slice(0, -1)}`]: 401 })) {
      const { status, code } = await page.evaluate(async (url) => {
        const answer = await fetch(url);
        return { status: answer.status, code: (await answer.json()).error.code };
      }, host.url + target);
      assert.equal(status, want, 'scripts of other origins can read it');
      assert.equal(code, want === 401 ? 'unauthorized' : 'forbidden');
    }
    await finish(page);
  });
});
