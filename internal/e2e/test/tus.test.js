// Resumable uploads: tus-js-client and Uppy send 200 MB while the service is killed and
// restarted five times.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { bundle } from '../lib/bundle.js';
import { finish, launch, open, slowly } from '../lib/browser.js';
import { Server } from '../lib/server.js';
import { until } from '../lib/wait.js';

const size = 200_000_000;
const kills = 5;

/** film makes pseudo-random bytes (xorshift32); the page makes them itself from the same text. */
function film(size, seed) {
  const words = new Uint32Array(size / 4);
  let x = seed;
  for (let i = 0; i < words.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
  return words;
}

const clients = {
  'tus-js-client': `
    import { Upload } from 'tus-js-client';
    window.upload = (file) => {
      new Upload(file, {
        endpoint: '/uploads', retryDelays: [100, 200, 500, 1000, 1000, 1000], metadata: { filename: file.name, filetype: file.type },
        onProgress: (sent) => { window.sent = sent; },
        onSuccess: ({ lastResponse }) => { window.ended = { ok: 1, asset: lastResponse.getHeader('Vodkit-Asset') }; },
        onError: (err) => { window.ended = { ok: 0, error: String(err) }; },
      }).start();
    };`,
  Uppy: `
    import Uppy from '@uppy/core';
    import Tus from '@uppy/tus';
    window.upload = (file) => {
      const uppy = new Uppy().use(Tus, { endpoint: '/uploads', retryDelays: [100, 200, 500, 1000, 1000, 1000] });
      uppy.on('upload-progress', (_, { bytesUploaded }) => { window.sent = bytesUploaded; });
      uppy.on('complete', ({ successful, failed }) => {
        const url = successful[0]?.uploadURL ?? '';
        window.ended = { ok: successful.length, asset: url.slice(url.lastIndexOf('/') + 1), error: failed[0]?.error };
      });
      uppy.addFile({ name: file.name, type: file.type, data: file });
      uppy.upload();
    };`,
};

let browser, server;

before(async () => {
  browser = await launch();
  server = await Server.start();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** sum is the checksum of what the asset is made of. */
async function sum(id) {
  const hash = createHash('sha256');
  for (const part of await server.source(id)) {
    for await (const chunk of createReadStream(part)) hash.update(chunk);
  }
  return hash.digest('hex');
}

for (const [seed, [name, code]] of Object.entries(clients).entries()) {
  describe(name, () => {
    test(`sends 200 MB while the service is killed ${kills} times`, async () => {
      const page = await open(browser, `${server.url}/healthz`, { bypassCSP: true, allow: [/ERR_CONNECTION_|ERR_EMPTY_RESPONSE|ERR_SOCKET|favicon|status of 423|tus:/] });
      await slowly(page, 25_000_000);
      await page.addScriptTag({ content: await bundle(code) });
      await page.addScriptTag({ content: film.toString() });
      await page.evaluate(([name, size, seed]) => {
        window.upload(new File([film(size, seed)], name, { type: 'video/mp4' }));
      }, [`${name}.mp4`, size, seed + 1]);

      for (let i = 1; i <= kills; i++) {
        await until(`part ${i} of ${kills + 1} to be sent`, () => page.evaluate((n) => window.ended || window.sent >= n, (i * size) / (kills + 1)), { timeout: 120_000 });
        assert.equal(await page.evaluate(() => window.ended), undefined, 'it ended too early');
        await server.restart();
      }
      const ended = await until('the upload to end', () => page.evaluate(() => window.ended), { timeout: 120_000 });
      assert.equal(ended.ok, 1, ended.error);

      const { body } = await server.json('GET', '/assets');
      const made = body.assets.filter((a) => a.name === `${name}.mp4`);
      assert.deepEqual(made.map((a) => a.id), [ended.asset], 'one asset');
      assert.equal(made[0].size, size);
      const bytes = film(size, seed + 1);
      assert.equal(await sum(ended.asset), createHash('sha256').update(bytes).digest('hex'), 'the bytes are those of the file');
      await finish(page);
    });
  });
}
