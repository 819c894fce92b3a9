// What was encoded in windows plays over all its seams, in every player, with languages
// and subtitles, and can be sought in.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { advances, finish, launch, now, seek } from '../lib/browser.js';
import { Media } from '../lib/media.js';
import { failure, players, show } from '../lib/players.js';
import { Server } from '../lib/server.js';
import { until } from '../lib/wait.js';

const segment = 6;
const seconds = 130; // 22 segments, 21 seams, in windows of 1, 2, 4, … segments
const seeks = 50;
const seed = Number(process.env.SEED) || Math.floor(Math.random() * 2 ** 31);

// A cue a second after each five, for three seconds: some lie across seams.
const cues = (tag) => Array.from({ length: Math.floor(seconds / 5) }, (_, i) => ({ from: 5 * i + 1, to: 5 * i + 4, text: `${tag} ${i}` }));
const languages = [{ tag: 'eng', tone: 400, cues: cues('English') }, { tag: 'deu', tone: 900, cues: cues('Deutsch') }];

/** random returns numbers below 1, the same ones for a seed (mulberry32). */
function random(a) {
  return () => {
    a = (a + 0x6D2B79F5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * watch notes, from now on, how long the video stood still at most while it should have
 * played, and gaps in what is buffered: two ranges closer than a segment are one that
 * was torn.
 */
const watch = (page) => page.evaluate(([segment]) => {
  const video = document.querySelector('video');
  const seen = window.seen = { stall: 0, at: 0, gaps: [] };
  let time = video.currentTime, since = performance.now();
  setInterval(() => {
    const now = performance.now();
    if (video.currentTime !== time || video.paused || video.seeking || video.ended) [time, since] = [video.currentTime, now];
    if (now - since > seen.stall) [seen.stall, seen.at] = [now - since, video.currentTime];
    for (let i = 1; i < video.buffered.length; i++) {
      const from = video.buffered.end(i - 1), to = video.buffered.start(i);
      if (to - from < segment * 0.9) seen.gaps.push(`${from.toFixed(3)} to ${to.toFixed(3)}`);
    }
  }, 20);
}, [segment]);

/** smooth expects that watch has seen nothing bad. */
async function smooth(page, name) {
  const seen = await page.evaluate(() => window.seen);
  assert.ok(seen.stall < 1000, `${name} stood still for ${seen.stall.toFixed(0)} ms at ${seen.at.toFixed(2)} s`);
  assert.deepEqual([...new Set(seen.gaps)], [], `${name} has gaps in what is buffered`);
  assert.equal(await failure(page), null);
  // hls.js calls it an error that a seek has ended a load.
  assert.deepEqual(await page.evaluate(() => window.errors.filter((e) => e !== 'aborted')), [], `${name} told of errors`);
  return seen;
}

/** play sets how fast the video plays, 0 for not at all. */
const play = (page, rate) => page.evaluate((r) => {
  const v = document.querySelector('video');
  if (r === 0) return v.pause();
  v.playbackRate = r;
  return v.play();
}, rate);

/** listen tells the frequency that is loudest, in hertz. */
const listen = (page) => page.evaluate(async () => {
  const video = document.querySelector('video');
  if (!window.ear) {
    const audio = new AudioContext();
    window.ear = audio.createAnalyser();
    window.ear.fftSize = 4096;
    audio.createMediaElementSource(video).connect(window.ear);
    video.muted = false;
    await audio.resume();
  }
  const bins = new Uint8Array(window.ear.frequencyBinCount);
  window.ear.getByteFrequencyData(bins);
  const loudest = bins.indexOf(Math.max(...bins));
  return bins[loudest] > 100 ? loudest * window.ear.context.sampleRate / window.ear.fftSize : 0;
});

const hears = (page, name, tone) => until(`${name} to sound at ${tone} Hz`, async () => Math.abs(await listen(page) - tone) < 30);

/** reads waits until the cues on view are those of the time, in the language. */
const reads = (page, name, { cues }) => until(`the cue of ${name}`, async () => {
  const [time, texts] = await page.evaluate(() => [document.querySelector('video').currentTime, window.choose.cues()]);
  const wanted = cues.filter((c) => c.from <= time && time < c.to).map((c) => c.text);
  // At its edges a cue comes and goes with an event, a moment later.
  if (cues.some((c) => Math.abs(c.from - time) < 0.3 || Math.abs(c.to - time) < 0.3)) return true;
  assert.deepEqual(texts, wanted, `at ${time.toFixed(2)} s`);
  return true;
}, { timeout: 10_000, every: 50 });

/** jump seeks while the video plays, and tells how long it took to play there, in ms. */
const jump = (page, to) => page.evaluate(async (to) => {
  const video = document.querySelector('video');
  const begun = performance.now();
  video.currentTime = to;
  for (;;) {
    await new Promise((done) => setTimeout(done, 10));
    const took = performance.now() - begun;
    if (window.failure) throw new Error(window.failure);
    if (!video.seeking && !video.paused && video.readyState >= 3 && video.currentTime > to + 0.05) return took;
    if (took > 10_000) {
      throw new Error(`still at ${video.currentTime} of ${to} s: seeking ${video.seeking}, paused ${video.paused}, ready ${video.readyState}`);
    }
  }
}, to);

let media, browser, server, playlist;

before(async () => {
  media = await Media.open();
  browser = await launch();
  server = await Server.start();
  const film = await media.languages('seams.mkv', { seconds, languages });
  const { id } = await server.upload(film, 'video/x-matroska');
  ({ playlist } = await server.complete(id));
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await media?.close();
});

describe('windows', () => {
  test('the output has 21 seams, two languages and two subtitles', async () => {
    const text = async (url) => (await fetch(new URL(url, server.url))).text();
    const master = await text(playlist);
    for (const type of ['AUDIO', 'SUBTITLES']) {
      for (const tag of ['en', 'de']) assert.match(master, new RegExp(`TYPE=${type}.*LANGUAGE="${tag}"`), master);
    }
    const video = master.split('\n').find((line) => line && !line.startsWith('#'));
    const segments = (await text(new URL(video, new URL(playlist, server.url)))).match(/#EXTINF/g);
    assert.equal(segments.length, Math.ceil(seconds / segment));
  });

  for (const name of Object.keys(players).filter((n) => !players[n].finishedOnly)) {
    test(`${name} plays over every seam, changes languages and seeks (SEED=${seed})`, async (t) => {
      const page = await show(browser, server, name, playlist);
      await page.evaluate(() => window.choose.text('en'));
      await watch(page);
      // At its own speed over three seams, and each cue at its time.
      for (const seam of [1, 3, 7]) {
        await jump(page, seam * segment - 1);
        await advances(page, 2);
        await reads(page, name, languages[0]);
      }
      const slow = await smooth(page, name);

      // Then over all of them.
      await jump(page, 0);
      await play(page, 8);
      await until(`${name} to play it all`, async () => {
        const v = await now(page);
        return v.ended && v;
      }, { timeout: 90_000 });
      const fast = await smooth(page, name);

      await play(page, 1);
      await jump(page, 31);
      await hears(page, name, languages[0].tone);
      await page.evaluate(() => { window.choose.audio('de'); window.choose.text('de'); });
      await hears(page, name, languages[1].tone);
      await reads(page, name, languages[1]);

      const next = random(seed);
      let longest = 0;
      for (let i = 0; i < seeks; i++) {
        const to = next() * (seconds - 3);
        longest = Math.max(longest, await jump(page, to).catch((err) => { throw new Error(`seek ${i} to ${to}: ${err.message}`); }));
        await reads(page, name, languages[1]);
      }
      await hears(page, name, languages[1].tone);
      const sought = await smooth(page, name);
      t.diagnostic(`${name} stood still for ${slow.stall.toFixed(0)} ms at speed 1, ${fast.stall.toFixed(0)} ms at 8, `
        + `${sought.stall.toFixed(0)} ms after seeks, which took ${longest.toFixed(0)} ms at most`);
      await finish(page);
    });
  }

  test("Chromium's own player plays over seams and seeks", async (t) => {
    const native = await browser.newPage();
    const able = await native.evaluate(() => document.createElement('video').canPlayType('application/vnd.apple.mpegurl'));
    await native.close();
    if (!able) {
      t.skip(`this browser (${browser.version()}) says it can't play HLS by itself: canPlayType is "${able}"`);
      return;
    }
    const name = "Chromium's own";
    const page = await show(browser, server, name, playlist);
    await watch(page);
    await advances(page, 1);
    assert.ok(Math.abs((await now(page)).duration - seconds) < 0.5);
    await seek(page, 40);
    await hears(page, name, languages[0].tone);
    const next = random(seed);
    for (let i = 0; i < 10; i++) await jump(page, next() * (seconds - 3));
    // To the end comes last: now and then this player can't begin again behind it.
    await jump(page, 0);
    await play(page, 8);
    await until(`${name} to play it all`, async () => {
      const v = await now(page);
      assert.equal(v.error, null);
      return v.ended && v;
    }, { timeout: 90_000 });
    const seen = await page.evaluate(() => window.seen);
    t.diagnostic(`${name} stood still for ${seen.stall.toFixed(0)} ms at most`);
    assert.ok(seen.stall < 1000, `${name} stood still for ${seen.stall.toFixed(0)} ms at ${seen.at.toFixed(2)} s`);
    assert.equal(await failure(page), null);
    await finish(page);
  });
});
