// Every player, on output that grows and on output that is finished.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { advances, finish, launch, now, seek } from '../lib/browser.js';
import { Media } from '../lib/media.js';
import { failure, players, show } from '../lib/players.js';
import { Server } from '../lib/server.js';
import { until } from '../lib/wait.js';

const seconds = 40;
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
