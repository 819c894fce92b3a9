// Headless Chromium that looks nothing up elsewhere.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { until } from './wait.js';

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', '--mute-audio',
      '--autoplay-policy=no-user-gesture-required',
    ],
  });
}

/**
 * open makes a page that remembers its complaints. The caller closes its context.
 * allow are expressions for complaints that the test provokes.
 */
export async function open(browser, url, { allow = [], ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complaints = [];
  const complain = (text) => { if (!allow.some((a) => a.test(text))) complaints.push(text); };
  page.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warning') complain(`${m.text()} (${m.location().url})`); });
  page.on('pageerror', (err) => complain(err.message));
  page.complaints = complaints;
  // Chromium has to know beforehand that somebody waits for file choosers: told at the
  // moment of the click, it now and then opens one that nobody hears of.
  page.on('filechooser', () => {});
  if (url) await page.goto(url);
  return page;
}

/** finish closes the page and expects that nothing was complained of. */
export async function finish(page) {
  const { complaints } = page;
  await page.context().close();
  assert.deepEqual(complaints, [], 'the console has errors');
}

/** now tells how the page's video stands. */
export const now = (page) => page.evaluate(() => {
  const v = document.querySelector('video');
  return {
    time: v.currentTime, duration: v.duration, height: v.videoHeight, width: v.videoWidth,
    paused: v.paused, ended: v.ended, ready: v.readyState, error: v.error?.message ?? null,
    frames: v.getVideoPlaybackQuality().totalVideoFrames,
  };
});

/** advances waits until the video has played on by some seconds, with new frames. */
export async function advances(page, seconds = 1.5, timeout = 45_000) {
  const start = await now(page);
  return until(`the video to play on from ${start.time.toFixed(2)} s`, async () => {
    const v = await now(page);
    assert.equal(v.error, null);
    return v.time >= start.time + seconds && v.frames > start.frames && v;
  }, { timeout });
}

/** seek goes to a time and waits until there is a picture. */
export async function seek(page, time) {
  await page.evaluate((t) => { document.querySelector('video').currentTime = t; }, time);
  await until(`the picture at ${time} s`, () => page.evaluate((t) => {
    const v = document.querySelector('video');
    return !v.seeking && v.readyState >= 2 && Math.abs(v.currentTime - t) < 5;
  }, time), { timeout: 45_000 });
}

/** choose picks files on the demo page the way a person does. */
export async function choose(page, ...files) {
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.locator('#drop').click()]);
  await chooser.setFiles(files);
}

/** slowly limits what the page uploads, in bytes a second, until what it returns is called. */
export async function slowly(page, rate) {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  const set = (uploadThroughput) => session.send('Network.emulateNetworkConditions',
    { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
  await set(rate);
  return () => set(-1);
}
