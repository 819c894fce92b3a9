// The demo page's uploads: paused and gone on with, side by side, over a reload, and straight
// to the bucket.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { choose, finish, launch, open, slowly } from '../lib/browser.js';
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

const row = (page, name) => page.locator('#uploads .item').filter({ hasText: name });
const percent = async (page, name) => Number(await row(page, name).locator('.bar').getAttribute('aria-valuenow'));
const digest = (data) => createHash('sha256').update(data).digest('hex');

/** requests notes what the page asks for. */
function requests(page) {
  const seen = [];
  page.on('request', (r) => seen.push({ method: r.method(), path: new URL(r.url()).pathname, offset: Number(r.headers()['upload-offset']) }));
  return seen;
}

/** arrived waits for the only asset with the name and compares its source. */
async function arrived(server, name, data) {
  const found = await until(`the asset of ${name}`, async () => {
    const { body } = await server.json('GET', '/assets');
    return body.assets.find((a) => a.name === name);
  });
  const { body } = await server.json('GET', '/assets');
  assert.equal(body.assets.filter((a) => a.name === name).length, 1);
  assert.equal(found.size, data.length);
  const parts = await server.source(found.id);
  assert.equal(digest(Buffer.concat(await Promise.all(parts.map((p) => readFile(p))))), digest(data));
  return found;
}

describe('uploads of the demo page', () => {
  let server;

  before(async () => { server = await Server.start(); });
  after(() => server?.stop());

  test('are paused and go on', async () => {
    const data = randomBytes(12_000_000);
    const file = await media.bytes('paused.mp4', data);
    const page = await open(browser, server.url);
    const seen = requests(page);
    const fast = await slowly(page, 2_000_000);
    await choose(page, file);
    await until('some of it to be sent', async () => await percent(page, 'paused.mp4') >= 20);
    assert.match(await row(page, 'paused.mp4').locator('.detail').textContent(), /MB of 12\.0 MB, .*\/s, .*left/);
    await page.getByRole('button', { name: 'Pause the upload of paused.mp4' }).click();
    const at = await percent(page, 'paused.mp4');
    await page.waitForTimeout(1000);
    assert.equal(await percent(page, 'paused.mp4'), at, 'it does not stand still');
    assert.match(await row(page, 'paused.mp4').locator('.detail').textContent(), /Paused/);
    await fast();
    await page.getByRole('button', { name: 'Resume the upload of paused.mp4' }).click();
    await arrived(server, 'paused.mp4', data);
    const patches = seen.filter((r) => r.method === 'PATCH');
    assert.ok(patches.at(-1).offset > 0, `it began anew: ${JSON.stringify(patches)}`);
    await row(page, 'paused.mp4').waitFor({ state: 'detached' });
    await finish(page);
  });

  test('survive a reload', async () => {
    const data = randomBytes(12_000_000);
    const file = await media.bytes('reloaded.mp4', data);
    const page = await open(browser, server.url);
    const fast = await slowly(page, 2_000_000);
    await choose(page, file);
    await until('some of it to be sent', async () => await percent(page, 'reloaded.mp4') >= 20);
    await page.reload();
    await row(page, 'reloaded.mp4').getByText(/Choose the same file \(12\.0 MB\) again/).waitFor();
    await fast();
    const seen = requests(page);
    await choose(page, file);
    await arrived(server, 'reloaded.mp4', data);
    assert.equal(seen.filter((r) => r.method === 'POST' && r.path === '/uploads').length, 0, 'a second upload was begun');
    assert.ok(seen.find((r) => r.method === 'PATCH').offset > 0, 'it began anew');
    await row(page, 'reloaded.mp4').waitFor({ state: 'detached' });
    await page.reload();
    assert.equal(await page.locator('#uploads .item').count(), 0);
    await finish(page);
  });

  test('go side by side, and a cancelled one leaves nothing', async () => {
    const files = await Promise.all(['a', 'b', 'c', 'd'].map((n) => media.bytes(`side-${n}.mp4`, randomBytes(6_000_000))));
    const page = await open(browser, server.url);
    const fast = await slowly(page, 1_500_000);
    await choose(page, ...files);
    await until('three bars to move', async () => {
      const moved = await Promise.all(['a', 'b', 'c'].map((n) => percent(page, `side-${n}.mp4`)));
      return moved.every((p) => p > 0);
    });
    assert.match(await row(page, 'side-d.mp4').locator('.detail').textContent(), /waiting/);
    await page.getByRole('button', { name: 'Cancel the upload of side-b.mp4' }).click();
    await row(page, 'side-b.mp4').waitFor({ state: 'detached' });
    await fast();
    for (const [n, file] of ['a', 'c', 'd'].map((n) => [n, files['abcd'.indexOf(n)]])) await arrived(server, `side-${n}.mp4`, await readFile(file));
    const { body } = await server.json('GET', '/assets');
    assert.equal(body.assets.some((a) => a.name === 'side-b.mp4'), false);
    await finish(page);
  });

  test('go straight to the bucket, with a pause', async () => {
    const data = randomBytes(80_000_000);
    const file = await media.bytes('direct.mp4', data);
    const page = await open(browser, server.url);
    await page.getByLabel('Send straight to the bucket').check();
    const seen = requests(page);
    const fast = await slowly(page, 20_000_000);
    await choose(page, file);
    await until('some of it to be sent', async () => await percent(page, 'direct.mp4') >= 30);
    await page.getByRole('button', { name: 'Pause the upload of direct.mp4' }).click();
    await page.waitForTimeout(300);
    await fast();
    await page.getByRole('button', { name: 'Resume the upload of direct.mp4' }).click();
    await arrived(server, 'direct.mp4', data);
    assert.ok(seen.filter((r) => r.method === 'PUT' && r.path.startsWith('/direct/')).length >= 3, 'it went another way');
    assert.equal(seen.filter((r) => r.path.startsWith('/uploads')).length, 0);
    await page.reload();
    assert.equal(await page.getByLabel('Send straight to the bucket').isChecked(), true, 'the choice is forgotten');
    await finish(page);
  });
});
