// Encrypted videos with a new key every so often, subtitles too, played by pages of another
// site. Chromium's own player does not take them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { advances, finish, launch, now, seek } from '../lib/browser.js';
import { Encrypted } from '../lib/encrypted.js';
import { Media } from '../lib/media.js';
import { failure, load, Pages, players, show } from '../lib/players.js';
import { sleep, until } from '../lib/wait.js';

const seconds = 40; // seven segments of six seconds
const rotate = 2; // so four keys
const cues = (tag) => Array.from({ length: seconds / 10 }, (_, i) => ({ from: 10 * i + 0.5, to: 10 * i + 9.5, text: `${tag} ${i}` }));
const languages = [{ tag: 'eng', tone: 400, cues: cues('English') }, { tag: 'deu', tone: 900, cues: cues('German') }];

let media, browser, pages, server, asset;

before(async () => {
  media = await Media.open();
  server = await Encrypted.start({ rotate });
  pages = await Pages.start();
  const { id } = await server.upload(await media.languages('encrypted.mkv', { seconds, languages }), 'video/x-matroska');
  asset = await server.complete(id);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await pages?.stop();
  await media?.close();
});

/** listen collects what pages are answered for media: {path, status}. */
function listen(answers) {
  return (page) => {
    page.on('response', (r) => {
      const { pathname, searchParams } = new URL(r.url());
      if (pathname.startsWith('/media/')) answers.push({ path: pathname, status: r.status(), token: searchParams.has('token'), headers: r.headers() });
    });
  };
}

const keysIn = (answers) => answers.filter((a) => a.path.includes('/keys/'));

/** reads waits until the cue of the time is on view. */
const reads = (page, tag, n) => until(`the cue ${tag} ${n}`, async () => {
  assert.deepEqual(await page.evaluate(() => window.choose.cues()), [`${tag} ${n}`]);
  return true;
}, { timeout: 20_000 });

/** uris returns what the playlist at the URL leads to. */
async function uris(url) {
  const answer = await fetch(url);
  assert.equal(answer.status, 200, String(url));
  const found = [];
  for (const line of (await answer.text()).split('\n')) {
    const uri = line.startsWith('#') ? line.match(/URI="([^"]*)"/)?.[1] : line;
    if (uri) found.push({ tag: line.startsWith('#') ? line.split(':')[0] : '', url: new URL(uri, url) });
  }
  return found;
}

describe('encrypted output', () => {
  test('everybody has the segments, and nothing in them', async () => {
    const lists = new Set((await uris(new URL(asset.playlist, server.url))).map(({ url }) => url.href));
    assert.ok(lists.size >= 5, [...lists].join('\n')); // pictures, two sounds, two subtitles
    for (const list of lists) {
      const found = await uris(list);
      const tags = found.map(({ tag }) => tag).filter(Boolean);
      const subtitles = list.includes('/text');
      assert.deepEqual(tags, [...(subtitles ? [] : ['#EXT-X-MAP']), ...Array(4).fill('#EXT-X-KEY')], list);
      const segments = found.filter(({ tag }) => !tag);
      assert.equal(segments.length, Math.ceil(seconds / 6), list);
      const bytes = Buffer.from(await (await fetch(segments[1].url)).arrayBuffer());
      assert.equal(bytes.length % 16, 0);
      assert.ok(!/moof|WEBVTT/.test(bytes.toString('latin1')), segments[1].url.href);
      const key = await fetch(found.find(({ tag }) => tag === '#EXT-X-KEY').url, { headers: { Origin: pages.url } });
      assert.equal(key.status, 401);
      assert.equal(key.headers.get('access-control-allow-origin'), '*');
      assert.equal((await key.json()).error.code, 'unauthorized');
    }
  });

  for (const name of Object.keys(players).filter((n) => !players[n].finishedOnly)) {
    test(`${name} plays over new keys, changes languages and seeks`, async () => {
      const answers = [];
      const page = await show(browser, pages, name, (p) => {
        listen(answers)(p);
        return server.watch(asset.id);
      });
      await page.evaluate(() => window.choose.text('en'));
      await advances(page, 1);
      await reads(page, 'English', 0);
      await seek(page, 11);
      await advances(page, 2.5); // over the first new key
      await page.evaluate(() => { window.choose.audio('de'); window.choose.text('de'); });
      await seek(page, 25); // into the third
      await advances(page, 1);
      await reads(page, 'German', 2);
      await seek(page, seconds - 3);
      await page.evaluate(() => document.querySelector('video').play());
      await until('the end of the video', async () => (await now(page)).ended);
      assert.equal(await failure(page), null);

      const keys = keysIn(answers).filter((a) => a.status === 200);
      assert.equal(new Set(keys.map((a) => a.path)).size, 4, JSON.stringify(keys));
      for (const key of keys) {
        assert.ok(key.token, key.path);
        assert.equal(key.headers['cache-control'], 'no-store');
      }
      assert.deepEqual(answers.filter((a) => a.status >= 400), []);
      await finish(page);
    });

    test(`${name} shows nothing to who has no key`, async () => {
      const answers = [];
      const page = await load(browser, pages, name, (p) => {
        listen(answers)(p);
        return new URL(asset.playlist, server.url).href;
      }, { allow: [/./] });
      await until('the refusal of a key', () => keysIn(answers).some((a) => a.status === 401));
      await sleep(3000);
      const v = await now(page);
      assert.equal(v.frames, 0);
      assert.equal(v.time, 0);
      assert.ok(keysIn(answers).every((a) => a.status === 401));
      await finish(page);
    });
  }
});

describe('encrypted output that grows', () => {
  let growing;

  before(async () => { growing = await Encrypted.start({ rotate: 1, pace: 1 }); });
  after(() => growing?.stop());

  test('plays from its start over new keys, in every player at once', async () => {
    const { id } = await growing.upload(await media.video('growing.mp4', { seconds: 60, size: '320x180' }));
    await growing.reach(id, (a) => Boolean(a.playlist) && a.front > 11);
    const names = Object.keys(players).filter((n) => !players[n].finishedOnly);
    const shown = await Promise.all(names.map(async (name) => {
      const page = await show(browser, pages, name, () => growing.watch(id));
      const first = await now(page);
      assert.ok(first.time < 3, `${name} joined at ${first.time} s`);
      await advances(page, 13); // into the third key's segment
      return page;
    }));
    assert.equal((await growing.asset(id)).status, 'RUNNING', 'the encode ended too early for this test');
    for (const page of shown) {
      assert.equal(await failure(page), null);
      await finish(page);
    }
  });
});
