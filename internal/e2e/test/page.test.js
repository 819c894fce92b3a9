// The demo page as a person uses it.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { advances, choose, finish, launch, now, open, seek, slowly } from '../lib/browser.js';
import { Media } from '../lib/media.js';
import { Server } from '../lib/server.js';
import { until } from '../lib/wait.js';

let media, browser;

before(async () => {
  media = await Media.open();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await media?.close();
});

const item = (page, name) => page.locator('#videos .item').filter({ hasText: name });
const badge = (page, name) => item(page, name).locator('.badge').textContent();

/** series notes every value that the bar of an item shows from now on. */
const series = (page, list, name) => page.evaluate(([selector, text]) => {
  const seen = window.__seen = [];
  const look = () => {
    for (const item of document.querySelectorAll(`${selector} .item`)) {
      if (!item.textContent.includes(text)) continue;
      const value = item.querySelector('.bar:not([hidden])')?.getAttribute('aria-valuenow');
      if (value != null && seen.at(-1) !== Number(value)) seen.push(Number(value));
    }
  };
  new MutationObserver(look).observe(document.querySelector(selector), { subtree: true, childList: true, attributes: true });
}, [list, name]);
const seen = (page) => page.evaluate(() => window.__seen);
const rising = (values) => values.every((v, i) => i === 0 || v >= values[i - 1]);

describe('a video from upload to deletion', () => {
  let server, page, film;

  before(async () => {
    film = await media.video('film.mp4', { seconds: 30, size: '1280x720' });
    server = await Server.start({ pace: 1.2 });
    page = await open(browser, server.url);
  });
  after(async () => {
    if (page) await finish(page);
    await server?.stop();
  });

  test('an empty bucket is explained', async () => {
    await page.getByText('Nothing here yet').waitFor();
    assert.equal(await page.locator('#more').isVisible(), false);
  });

  test('the page uploads, with a bar that moves', async () => {
    await series(page, '#uploads', 'film.mp4');
    const fast = await slowly(page, 2_000_000);
    await choose(page, film);
    await item(page, 'film.mp4').waitFor({ timeout: 60_000 });
    await fast();
    const values = await seen(page);
    assert.ok(values.some((v) => v > 0 && v < 100), `the upload bar showed only ${values}`);
    assert.ok(rising(values), `the upload bar went back: ${values}`);
    assert.equal(await page.locator('#uploads .item').count(), 0);
  });

  test('the encode bar moves, and the video plays from its start while it is encoded', async () => {
    await series(page, '#videos', 'film.mp4');
    const play = item(page, 'film.mp4').getByRole('button', { name: 'Play' });
    await play.waitFor({ timeout: 60_000 });
    await play.click();
    await advances(page, 2);
    assert.equal(await badge(page, 'film.mp4'), 'Encoding', 'the encode ended too early for this test');
    const early = await now(page);
    assert.ok(early.time < 12, `playing began at the live edge: ${early.time}`);
    assert.match(await item(page, 'film.mp4').locator('.detail').textContent(), /playable up to 0:\d\d of 0:30/);
    assert.match(await page.locator('#player-state').textContent(), /Still encoding/);

    await until('the end of the encode', async () => await badge(page, 'film.mp4') === 'Ready', { timeout: 120_000 });
    const values = await seen(page);
    assert.ok(new Set(values).size > 3, `the encode bar showed only ${values}`);
    assert.ok(rising(values), `the encode bar went back: ${values}`);
    const late = await until('the whole video', async () => {
      const v = await now(page);
      return Math.abs(v.duration - 30) < 0.5 && v;
    });
    assert.equal(late.error, null);
    assert.ok(late.time > early.time, 'the video did not play on while it grew');
  });

  test('it has a poster, and pictures of every moment under the pointer', async () => {
    const thumbnail = item(page, 'film.mp4').locator('.thumbnail');
    await thumbnail.waitFor();
    await until('the poster', () => thumbnail.locator('img').evaluate((img) => img.complete && img.naturalWidth > 0));
    assert.match(await page.locator('#video').getAttribute('poster'), /\/media\/.+\/poster-\d+-[0-9a-f]{16}\.jpg$/);
    const box = await thumbnail.boundingBox();
    const seen = new Set();
    for (const [part, time] of [[0.01, '0:00'], [0.5, '0:14'], [0.99, '0:28']]) {
      await page.mouse.move(box.x + part * box.width, box.y + box.height / 2);
      await until(`the picture of ${time}`, async () => await thumbnail.locator('.time').textContent() === time);
      const { image, position } = await thumbnail.locator('.scene').evaluate((scene) => {
        const { backgroundImage, backgroundPosition } = getComputedStyle(scene);
        return { image: backgroundImage, position: backgroundPosition };
      });
      const sheet = image.match(/^url\("(.+)"\)$/)[1];
      const size = await page.evaluate(async (url) => {
        const bitmap = await createImageBitmap(await (await fetch(url)).blob());
        return [bitmap.width, bitmap.height];
      }, sheet);
      assert.deepEqual(size, [1280, 432], 'fifteen pictures, five in a row');
      seen.add(position);
    }
    assert.equal(seen.size, 3, 'three places of the sheet');
    await page.mouse.move(0, 0);
    assert.equal(await thumbnail.locator('.time').isVisible(), false);
  });

  test('it seeks', async () => {
    await seek(page, 25);
    await page.evaluate(() => document.getElementById('video').play());
    await advances(page, 1);
    await seek(page, 3);
    await advances(page, 1);
  });

  test('it switches quality', async () => {
    const quality = page.getByLabel('Quality');
    const names = await quality.locator('option').allTextContents();
    assert.match(names[0], /^Auto/);
    assert.ok(names.length >= 3, `the menu has ${names}`);
    for (const [label, height] of [[/^240p/, 240], [/^720p/, 720]]) {
      const name = names.find((n) => label.test(n));
      assert.ok(name, `no ${label} in ${names}`);
      await quality.selectOption({ label: name });
      await until(`${height} lines`, async () => {
        const v = await now(page);
        if (v.ended || v.time > 24) await seek(page, 0);
        if (v.paused) await page.evaluate(() => document.getElementById('video').play());
        return v.height === height;
      });
    }
    await quality.selectOption('-1');
    assert.match(await page.locator('#player-state').textContent(), /1280×720|\d+×\d+/);
  });

  test('its address can be copied and played elsewhere', async () => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url });
    await page.getByRole('button', { name: 'Copy' }).click();
    const address = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(new URL(address).origin, new URL(server.url).origin);
    const answer = await fetch(address);
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /^#EXTM3U/);
  });

  test('everything is there again after a reload', async () => {
    await page.reload();
    await item(page, 'film.mp4').waitFor();
    assert.equal(await badge(page, 'film.mp4'), 'Ready');
    await until('the player', async () => await page.locator('#player-title').textContent() === 'film.mp4');
    await page.evaluate(() => document.getElementById('video').play());
    await advances(page, 1);
  });

  test('it is deleted after a question', async () => {
    const [{ id }] = (await server.json('GET', '/assets')).body.assets;
    const remove = item(page, 'film.mp4').getByRole('button', { name: 'Delete' });
    await remove.click();
    await page.getByRole('button', { name: 'Keep it' }).click();
    assert.equal(await item(page, 'film.mp4').count(), 1);
    await remove.click();
    await page.locator('#confirm-yes').click();
    await item(page, 'film.mp4').waitFor({ state: 'detached' });
    await page.getByText('Nothing here yet').waitFor();
    assert.equal(await page.locator('#player-title').textContent(), 'Player');
    const { status, body } = await server.json('GET', `/assets/${id}`);
    assert.equal(status, 404);
    assert.equal(body.error.code, 'not_found');
  });
});

describe('what can go wrong', () => {
  let server;

  before(async () => { server = await Server.start({ args: ['-max-upload', '20MB'], pace: 1 }); });
  after(() => server?.stop());

  test('a broken file says why, and again after a retry', async () => {
    const broken = await media.bytes('broken.mp4', Buffer.from('this is no video '.repeat(1000)));
    const page = await open(browser, server.url);
    await choose(page, broken);
    const reason = item(page, 'broken.mp4').locator('.reason');
    await reason.waitFor({ timeout: 60_000 });
    const text = await reason.textContent();
    assert.ok(text.length > 30, `no sentence: ${text}`);
    assert.doesNotMatch(text, /undefined|exit status|\[object/);
    assert.equal(await badge(page, 'broken.mp4'), 'Failed');

    const first = (await server.json('GET', '/assets')).body.assets.find((a) => a.name === 'broken.mp4');
    assert.equal(first.error.permanent, true);
    await item(page, 'broken.mp4').getByRole('button', { name: 'Encode broken.mp4 again' }).click();
    await until('the second attempt', async () => {
      const a = await server.asset(first.id);
      return a.attempt !== first.attempt && a.status === 'ERROR';
    });
    await until('the reason', () => reason.isVisible());
    await finish(page);
  });

  test('a file that is too large is refused before it is sent, and by the server too', async () => {
    const large = await media.bytes('large.mp4', Buffer.alloc(20_000_001));
    const page = await open(browser, server.url);
    await choose(page, large);
    await page.locator('#uploads').getByText(/20\.0 MB; the server takes at most/).waitFor();
    await page.getByRole('button', { name: /Dismiss/ }).click();
    assert.equal(await page.locator('#uploads-section').isVisible(), false);
    await finish(page);

    const { status, body } = await server.json('POST', '/assets', { body: Buffer.alloc(20_000_001), headers: { 'Content-Type': 'video/mp4' } });
    assert.equal(status, 413);
    assert.equal(body.error.code, 'too_large');
  });

  test('an upload can be cancelled and leaves nothing', async () => {
    const film = await media.video('cancelled.mp4', { seconds: 8, size: '1280x720' });
    const page = await open(browser, server.url);
    const before = (await server.json('GET', '/assets')).body.assets.length;
    await slowly(page, 300_000);
    await choose(page, film);
    await page.getByRole('button', { name: 'Cancel the upload of cancelled.mp4' }).click();
    await until('the upload to go', async () => await page.locator('#uploads .item').count() === 0);
    assert.equal((await server.json('GET', '/assets')).body.assets.length, before);
    await finish(page);
  });

  test('a video is deleted while it is encoded', async () => {
    const film = await media.video('running.mp4', { seconds: 60 });
    const page = await open(browser, server.url);
    await choose(page, film);
    await until('the encode', async () => (await server.children()).includes('ffmpeg'));
    await item(page, 'running.mp4').getByRole('button', { name: 'Delete' }).click();
    await page.locator('#confirm-yes').click();
    await item(page, 'running.mp4').waitFor({ state: 'detached' });
    await until('ffmpeg to be gone', async () => (await server.children()).length === 0, { timeout: 5000 });
    await finish(page);
  });

  test('pages of other sites can change nothing', async () => {
    const { status, body } = await server.json('POST', '/assets',
      { body: 'x', headers: { 'Content-Type': 'text/plain', Origin: 'https://elsewhere.example', 'Sec-Fetch-Site': 'cross-site' } });
    assert.equal(status, 403);
    assert.equal(body.error.code, 'forbidden');
  });

  test('a server that is gone is noticed, and so is its return', async () => {
    const page = await open(browser, server.url, { allow: [/ERR_(FAILED|CONNECTION|INTERNET)/] });
    await item(page, 'broken.mp4').waitFor();
    await page.route('**/assets**', (route) => route.abort());
    await page.getByText('Connection lost').waitFor({ timeout: 40_000 });
    await page.unroute('**/assets**');
    await page.getByText('Connection lost').waitFor({ state: 'hidden', timeout: 40_000 });
    await finish(page);
  });
});

describe('for everyone', () => {
  let server, id;

  before(async () => {
    server = await Server.start();
    const film = await media.video('short.mp4', { seconds: 13 });
    ({ id } = await server.upload(film));
    await server.complete(id);
  });
  after(() => server?.stop());

  test('by keyboard alone', async () => {
    const page = await open(browser, server.url);
    await item(page, 'short.mp4').waitFor();
    const focused = () => page.evaluate(() => {
      const e = document.activeElement;
      return e.id || e.getAttribute('aria-label') || e.textContent.trim();
    });
    const order = [];
    const tabTo = async (name) => {
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press('Tab');
        order.push(await focused());
        if (order.at(-1) === name) return;
      }
      assert.fail(`${name} is not reached by Tab: ${order}`);
    };
    await tabTo('Skip to the videos');
    await tabTo('file');
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('Enter')]);
    assert.equal(chooser.isMultiple(), true);
    await tabTo('Play short.mp4');
    assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none', 'focus must be seen');
    await page.keyboard.press('Enter');
    assert.equal(await focused(), 'video');
    await advances(page, 1);
    await page.keyboard.press('Space');
    await until('the pause', async () => (await now(page)).paused);

    await tabTo('Delete short.mp4');
    await page.keyboard.press('Enter');
    await page.locator('#confirm').waitFor();
    assert.equal(await focused(), 'Keep it');
    await page.keyboard.press('Escape');
    await page.locator('#confirm').waitFor({ state: 'hidden' });
    assert.equal(await focused(), 'Delete short.mp4');
    await finish(page);
  });

  test('with names for what can be pressed', async () => {
    const page = await open(browser, server.url);
    await item(page, 'short.mp4').waitFor();
    const nameless = await page.evaluate(() => [...document.querySelectorAll('button, input, select, [role=progressbar]')]
      .filter((e) => e.checkVisibility() && !e.getAttribute('aria-label') && !e.textContent.trim() && !e.labels?.length)
      .map((e) => e.outerHTML));
    assert.deepEqual(nameless, []);
    assert.equal(await page.locator('#announce').getAttribute('aria-live'), 'polite');
    await finish(page);
  });

  for (const [name, width, height] of [['a phone', 360, 740], ['a tablet', 820, 1180]]) {
    test(`on ${name}`, async () => {
      const page = await open(browser, server.url, { viewport: { width, height }, isMobile: true, hasTouch: true });
      await item(page, 'short.mp4').getByRole('button', { name: 'Play' }).tap();
      await advances(page, 1);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page is wider than the screen');
      const small = await page.evaluate(() => [...document.querySelectorAll('button')]
        .filter((b) => b.checkVisibility() && b.getBoundingClientRect().height < 40).map((b) => b.textContent.trim()));
      assert.deepEqual(small, [], 'too small for a thumb');
      await finish(page);
    });
  }

  test('with files dropped on it', async () => {
    const page = await open(browser, server.url);
    const data = await page.evaluateHandle(() => {
      const t = new DataTransfer();
      t.items.add(new File(['no video'], 'dropped.mp4', { type: 'video/mp4' }));
      t.items.add(new File([], 'empty.mp4', { type: 'video/mp4' }));
      return t;
    });
    await page.dispatchEvent('body', 'drop', { dataTransfer: data });
    await item(page, 'dropped.mp4').waitFor();
    await page.locator('#uploads').getByText('This file is empty.').waitFor();
    await finish(page);
  });

  test("with the browser's own player where hls.js is missing", async () => {
    const page = await open(browser, '', { allow: [/hls\.min\.js/] });
    await page.route('**/hls.min.js', (route) => route.fulfill({ status: 404 }));
    await page.goto(`${server.url}/#video=${id}`);
    await item(page, 'short.mp4').getByRole('button', { name: 'Play' }).click();
    await advances(page, 1);
    assert.equal(await page.getByLabel('Quality').isDisabled(), true);
    await finish(page);
  });

  test('in pages, where there are many', async () => {
    const file = await media.bytes('many.mp4', Buffer.from('no video'));
    for (let i = 0; i < 24; i++) await server.upload(file);
    const page = await open(browser, server.url);
    await item(page, 'many.mp4').first().waitFor();
    assert.equal(await page.locator('#videos .item').count(), 20);
    await page.getByRole('button', { name: 'Show more' }).click();
    await item(page, 'short.mp4').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Show more' }).isVisible(), false);
    await finish(page);
  });
});

test('names are never taken for code or paths', async () => {
  const server = await Server.start();
  try {
    const name = '<img src=x onerror=alert(1)> ..%2f..%2fetc.mp4';
    const file = await media.bytes(name.replaceAll('/', '_'), Buffer.from('no video'));
    await server.upload(file);
    const page = await open(browser, server.url);
    await page.locator('#videos .item .name').getByText(path.basename(file)).waitFor();
    assert.equal(await page.locator('#videos .name img, #videos .reason img, #videos .detail img, #videos img[onerror]').count(), 0);
    await finish(page);
  } finally {
    await server.stop();
  }
});
