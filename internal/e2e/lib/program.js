// A program that serves until it is interrupted.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { sleep, until } from './wait.js';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/**
 * run starts the program for a server. The server gets child, log, exited, and, as soon as
 * the program has told it in the first group of ready, url.
 */
export async function run(server, program, args, env, ready) {
  const child = server.child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  server.log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => { server.log += text; });
  }
  server.exited = new Promise((resolve) => child.on('exit', (code, signal) => {
    running.delete(child);
    resolve({ code, signal });
  }));
  server.url = await until('the server', () => {
    assert.equal(child.exitCode, null, `the server ended: ${server.log}`);
    return server.log.match(ready)?.[1];
  }, { timeout: 30_000 });
}

/** end interrupts the server's program, and expects it to go in good order. */
export async function end(server) {
  server.child.kill('SIGINT');
  const late = sleep(20_000).then(() => null);
  const result = await Promise.race([server.exited, late]);
  if (!result) server.child.kill('SIGKILL');
  assert.deepEqual(result, { code: 0, signal: null }, `the server did not end well: ${server.log.slice(-2000)}`);
}
