// Programs that are not browsers: a playlist parser, an event source, ffprobe.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EventSource } from 'eventsource';
import hlsParser from 'hls-parser';
import { Media, probe } from '../lib/media.js';
import { Server } from '../lib/server.js';
import { until } from '../lib/wait.js';

const seconds = 20;
let media, server, film, asset;

before(async () => {
  media = await Media.open();
  server = await Server.start({ pace: 1.2 });
  film = await media.video('clients.mp4', { seconds, size: '1280x720' });
  asset = await server.upload(film);
});

after(async () => {
  await server?.stop();
  await media?.close();
});

async function read(url) {
  const answer = await fetch(url);
  assert.equal(answer.status, 200, url);
  assert.equal(answer.headers.get('content-type'), 'application/vnd.apple.mpegurl');
  return hlsParser.parse(await answer.text());
}

/** readAll parses the multivariant playlist and every media playlist that it names. */
async function readAll(id) {
  const { playlist } = await server.asset(id);
  const master = new URL(playlist, server.url);
  const top = await read(master);
  assert.equal(top.isMasterPlaylist, true);
  const uris = new Set();
  for (const v of top.variants) {
    assert.ok(v.bandwidth > 0 && v.codecs, 'a variant needs BANDWIDTH and CODECS');
    uris.add(v.uri);
    for (const a of v.audio) if (a.uri) uris.add(a.uri);
  }
  const lists = [];
  for (const uri of uris) {
    const url = new URL(uri, master);
    lists.push({ url, list: await read(url) });
  }
  return { top, lists };
}

const length = (list) => list.segments.reduce((sum, s) => sum + s.duration, 0);

describe('hls-parser', () => {
  test('reads every playlist of a presentation that grows', async () => {
    await server.reach(asset.id, (a) => Boolean(a.playlist));
    const { top, lists } = await readAll(asset.id);
    assert.equal((await server.asset(asset.id)).status, 'RUNNING', 'the encode ended too early for this test');
    assert.ok(top.variants.length >= 3);
    for (const { url, list } of lists) {
      assert.equal(list.playlistType, 'EVENT', url.pathname);
      assert.equal(list.endlist, false, url.pathname);
      assert.deepEqual(list.start, { offset: 0, precise: false }, 'viewers join at the start');
      assert.ok(list.segments.length > 0);
    }
  });

  test('reads every playlist of a finished one, and the segments are there', async () => {
    await server.complete(asset.id);
    const { lists } = await readAll(asset.id);
    for (const { url, list } of lists) {
      assert.equal(list.playlistType, 'VOD', url.pathname);
      assert.equal(list.endlist, true, url.pathname);
      assert.ok(Math.abs(length(list) - seconds) < 0.2, `${url.pathname} is ${length(list)} s long`);
      for (const s of list.segments) {
        assert.ok(Math.round(s.duration) <= list.targetDuration, 'TARGETDURATION bounds every EXTINF');
        const segment = await fetch(new URL(s.uri, url));
        assert.equal(segment.status, 200);
        assert.ok((await segment.arrayBuffer()).byteLength > 0);
        assert.match(segment.headers.get('cache-control'), /immutable/);
      }
      const init = await fetch(new URL(list.segments[0].map.uri, url));
      assert.equal(init.status, 200);
      await init.arrayBuffer();
    }
  });
});

test('ffprobe reads the finished presentation', async () => {
  const { playlist } = await server.complete(asset.id);
  const found = await probe(new URL(playlist, server.url).href);
  assert.ok(Math.abs(Number(found.format.duration) - seconds) < 0.2, found.format.duration);
  const heights = found.streams.filter((s) => s.codec_type === 'video').map((s) => s.height);
  assert.ok(heights.includes(720) && heights.includes(240), `${heights}`);
  assert.ok(found.streams.some((s) => s.codec_name === 'aac'));
});

describe('eventsource', () => {
  test('follows an encode to its end and resumes', async () => {
    const { id } = await server.upload(film);
    const url = new URL(`/assets/${id}/events`, server.url);
    const events = [];
    const source = new EventSource(url);
    source.addEventListener('message', (e) => events.push({ id: e.lastEventId, ...JSON.parse(e.data) }));
    try {
      await until('the end', () => events.at(-1)?.status === 'COMPLETE', { timeout: 120_000 });
    } finally {
      source.close();
    }
    assert.ok(events.length > 5, `only ${events.length} events`);
    assert.ok(events.every((e) => e.asset === id && e.id && typeof e.fraction === 'number'));
    assert.ok(events.every((e, i) => i === 0 || e.fraction >= events[i - 1].fraction), 'a fraction went back');
    assert.ok(events.every((e, i) => i === 0 || (e.front ?? 0) >= (events[i - 1].front ?? 0)), 'the front went back');
    assert.equal(events.filter((e) => ['COMPLETE', 'ERROR'].includes(e.status)).length, 1);
    assert.equal(events.at(-1).fraction, 1);
    assert.ok(events.some((e) => e.eta > 0), 'no event has an ETA');

    // Who comes back knows the last event already, and hears nothing twice.
    const abort = new AbortController();
    const headers = { 'Last-Event-ID': events.at(-1).id, Accept: 'text/event-stream' };
    const answer = await fetch(url, { headers, signal: abort.signal });
    assert.equal(answer.status, 200);
    const timer = setTimeout(() => abort.abort(), 2000);
    let text = '';
    try {
      for await (const chunk of answer.body) text += Buffer.from(chunk).toString();
    } catch (err) {
      assert.equal(err.name, 'AbortError');
    }
    clearTimeout(timer);
    assert.doesNotMatch(text, /^data:/m);
  });

  test('of an unknown asset is refused', async () => {
    const { status, body } = await server.json('GET', '/assets/nobody/events');
    assert.equal(status, 404);
    assert.equal(body.error.code, 'not_found');
  });
});

describe('the HTTP interface', () => {
  test('takes a raw body, with and without the trailing slash', async () => {
    for (const target of ['/assets?name=raw.mp4', '/assets/?name=raw.mp4']) {
      const { status, headers, body } = await server.json('POST', target, {
        body: Buffer.from('no video'), headers: { 'Content-Type': 'application/octet-stream' }, redirect: 'error',
      });
      assert.equal(status, 202);
      assert.equal(headers.get('location'), `/assets/${body.id}`);
      assert.equal(body.name, 'raw.mp4');
      for (const field of ['id', 'name', 'status', 'fraction', 'duration', 'created']) assert.ok(field in body, field);
      assert.equal((await server.json('DELETE', `/assets/${body.id}`)).status, 204);
    }
  });

  test('says that it is well', async () => {
    const { status, body } = await server.json('GET', '/healthz');
    assert.equal(status, 200);
    assert.equal(body.status, 'ok');
  });

  test('pages through the list', async () => {
    const first = (await server.json('GET', '/assets?limit=1')).body;
    assert.equal(first.assets.length, 1);
    assert.ok(first.next);
    const second = (await server.json('GET', `/assets?limit=1&after=${first.next}`)).body;
    assert.notEqual(second.assets[0].id, first.assets[0].id);
  });
});
