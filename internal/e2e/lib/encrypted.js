// examples/encrypted: a service whose segments are everybody's and whose keys are not.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from './program.js';
import { paced, Server } from './server.js';

const program = process.env.VODKIT_ENCRYPTED;

/** Encrypted takes uploads as the demo server does. */
export class Encrypted extends Server {
  /** start has every so many segments encrypted with a key of their own. pace is Server's. */
  static async start({ rotate, pace = 0 }) {
    assert.ok(program, 'VODKIT_ENCRYPTED names no server; run make test-e2e');
    const server = new Encrypted();
    server.dir = await mkdtemp(path.join(tmpdir(), 'vodkit-e2e-'));
    const secret = path.join(server.dir, 'master.key');
    await writeFile(secret, randomBytes(32));
    const env = { ...process.env };
    if (pace > 0) env.PATH = `${await paced(server.dir, pace)}${path.delimiter}${env.PATH}`;
    await run(server, program,
      ['-addr', '127.0.0.1:0', '-bucket', path.join(server.dir, 'bucket'), '-secret', secret, '-rotate', String(rotate)],
      env, /vodkit encrypted: (http:\S+)/);
    server.url = server.url.replace('127.0.0.1', 'localhost'); // to pages of 127.0.0.1 another site
    return server;
  }

  /** watch asks for the URL of a video. */
  async watch(asset, viewer = 'anna') {
    const { status, body } = await this.json('POST', `/watch/${asset}?viewer=${viewer}`);
    assert.equal(status, 200, JSON.stringify(body));
    return new URL(body.playlist, this.url).href;
  }
}
