// Uploads past the service: Uppy sends 200 MB to a bucket while the service is killed and
// restarted five times.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { bundle } from '../lib/bundle.js';
import { finish, launch, open, slowly } from '../lib/browser.js';
import { Bucket, Direct } from '../lib/direct.js';
import { Media } from '../lib/media.js';
import { sleep, until } from '../lib/wait.js';

const size = 200_000_000;
const kills = 5;

let media, browser, origin, pages, video;

before(async () => {
  media = await Media.open();
  video = await media.video('film.mp4', { seconds: 3 });
  await pad(video, size);
  const script = await bundle(`
    import Uppy from '@uppy/core';
    import AwsS3 from '@uppy/aws-s3';
    import { vodkit } from '/examples/direct/uppy.js';
    window.upload = (assets, file, resume) => {
      window.told = [];
      window.uppy = new Uppy().use(AwsS3, vodkit(assets, { complete: (_, asset) => window.told.push(asset.id) }));
      window.uppy.on('upload-progress', (_, { bytesUploaded }) => { window.sent = bytesUploaded; });
      window.uppy.on('complete', ({ successful, failed }) => { window.ended = { ok: successful.length, failed: failed.map((f) => f.error) }; });
      const id = window.uppy.addFile({ name: file.name, type: file.type, data: file });
      if (resume) window.uppy.setFileState(id, { s3Multipart: resume }); // what a plugin keeps over reloads
      window.uppy.upload();
    };
    window.pause = () => { window.uppy.pauseAll(); window.uppy.resumeAll(); };
    window.state = () => window.uppy.getFiles()[0].s3Multipart;`);
  pages = createServer((req, res) => {
    const page = req.url === '/';
    res.writeHead(200, { 'Content-Type': page ? 'text/html' : 'text/javascript' });
    res.end(page ? '<!DOCTYPE html><link rel="icon" href="data:,"><script src="/script"></script><input type="file">' : script);
  });
  await new Promise((resolve) => pages.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${pages.address().port}`;
  browser = await launch();
});

after(async () => {
  await browser?.close();
  pages?.closeAllConnections();
  pages?.close();
  await media?.close();
});

/** pad makes the MP4 file as large, with a box that means nothing (ISO/IEC 14496-12 section 8.1.2). */
async function pad(file, size) {
  let left = size - (await stat(file)).size;
  const head = Buffer.alloc(8);
  head.writeUInt32BE(left);
  head.write('free', 4);
  await appendFile(file, head);
  for (left -= 8; left > 0; left -= 1 << 20) {
    await appendFile(file, Buffer.alloc(Math.min(left, 1 << 20), Math.floor(left / 7) % 251)); // each MiB another byte
  }
  assert.equal((await stat(file)).size, size);
}

async function sum(stream) {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest('hex');
}

/** same asserts that the asset's source is the video, byte by byte. */
async function same(server, id) {
  const answer = await fetch(`${server.url}/assets/${id}/source`);
  assert.equal(answer.status, 200);
  assert.equal(await sum(answer.body), await sum(createReadStream(video)), 'the bytes are those of the file');
}

/** choose begins to upload the video, or goes on with it. */
async function choose(page, server, resume) {
  await page.setInputFiles('input', video);
  await page.evaluate(([assets, state]) => window.upload(assets, document.querySelector('input').files[0], state), [`${server.url}/assets`, resume]);
}

for (const [name, missing] of Object.entries({ S3: !Bucket.program && 'VODKIT_S3 names no S3 server; make test-s3 builds one', 'a folder': false })) {
  describe(`Uppy sends 200 MB to ${name}`, { skip: missing }, () => {
    let bucket, server;

    before(async () => {
      bucket = name === 'S3' ? await Bucket.start() : null;
      server = await Direct.start(origin, bucket);
    });
    after(async () => {
      await server?.stop();
      await bucket?.stop();
    });

    test(`and the service is killed ${kills} times`, async () => {
      // What Chromium says of a service that is away.
      const page = await open(browser, origin, { allow: [/ERR_CONNECTION_|ERR_EMPTY_RESPONSE|ERR_SOCKET/] });
      await slowly(page, 25_000_000);
      const completing = page.waitForRequest((r) => r.url().endsWith('/complete') && r.method() === 'POST', { timeout: 180_000 });
      completing.catch(() => {}); // it is awaited later
      await choose(page, server);

      for (let i = 1; i < kills; i++) {
        await until(`part ${i} of ${kills} to be sent`, () => page.evaluate((n) => window.sent >= n, (i * size) / kills), { timeout: 120_000 });
        await server.restart();
        if (i === 2) await page.evaluate(() => window.pause());
      }
      await completing;
      await server.restart(); // what it had begun is done by another process
      const ended = await until('Uppy to end', () => page.evaluate(() => window.ended), { timeout: 120_000 });
      assert.deepEqual(ended, { ok: 1, failed: [] });
      assert.equal(server.kills, kills);

      const { assets } = await server.json('/assets');
      assert.equal(assets.length, 1);
      const [{ id }] = assets;
      assert.deepEqual(await page.evaluate(() => window.told), [id]);
      assert.equal(assets[0].size, size);
      await same(server, id);
      const asset = await until('the asset', async () => {
        const a = await server.json(`/assets/${id}`);
        return ['COMPLETE', 'ERROR'].includes(a.status) && a;
      }, { timeout: 120_000, every: 250 });
      assert.equal(asset.status, 'COMPLETE', JSON.stringify(asset.error));
      await finish(page);
    });

    test('what is cancelled leaves nothing', async () => {
      const page = await open(browser, origin);
      await choose(page, server);
      await until('something to be sent', () => page.evaluate(() => window.sent > 0));
      const given = page.waitForResponse((r) => r.url().endsWith('/upload') && r.request().method() === 'DELETE');
      await page.evaluate(() => window.uppy.cancelAll());
      const answer = await given;
      assert.equal(answer.status(), 204);
      const gone = await fetch(answer.url());
      assert.equal(gone.status, 404);
      await sleep(100);
      assert.equal((await server.json('/assets')).assets.length, 1, 'that of the test before');
      await finish(page);
    });

    test('a page that was loaded again goes on', async () => {
      const page = await open(browser, origin);
      await choose(page, server);
      await until('half of it to be sent', () => page.evaluate((n) => window.sent > n, size / 2));
      const state = await page.evaluate(() => window.state());
      await page.reload();
      let parts = 0;
      page.on('request', (r) => { if (r.method() === 'PUT') parts++; });
      await choose(page, server, state);
      const ended = await until('Uppy to end', () => page.evaluate(() => window.ended));
      assert.deepEqual(ended, { ok: 1, failed: [] });
      assert.deepEqual(await page.evaluate(() => window.told), [state.uploadId]);
      assert.ok(parts > 0 && parts < 8, `${parts} of 12 parts were sent again`);
      await same(server, state.uploadId);
      await finish(page);
    });
  });
}
