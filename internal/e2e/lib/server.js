// The demo server, on a free port and with an empty bucket.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { openAsBlob } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { end, run } from './program.js';
import { until } from './wait.js';

const program = process.env.VODKIT_DEMO;

export class Server {
  /**
   * start runs the server with further args. pace makes ffmpeg read its input at that
   * multiple of real time, so that a test can rely on an encode being under way.
   */
  static async start({ args = [], pace = 0 } = {}) {
    assert.ok(program, 'VODKIT_DEMO names no server; run make test-e2e');
    const server = new Server();
    server.dir = await mkdtemp(path.join(tmpdir(), 'vodkit-e2e-'));
    const env = { ...process.env };
    if (pace > 0) env.PATH = `${await paced(server.dir, pace)}${path.delimiter}${env.PATH}`;
    server.run = (addr) => run(server, program, ['-addr', addr, '-bucket', path.join(server.dir, 'bucket'), ...args], env, /vodkit demo: (http:\S+)/);
    await server.run('127.0.0.1:0');
    return server;
  }

  /** restart kills the server as a crash does, and starts another one at its address. */
  async restart() {
    this.child.kill('SIGKILL');
    assert.deepEqual(await this.exited, { code: null, signal: 'SIGKILL' }, this.log);
    await this.run(new URL(this.url).host);
  }

  /** stop ends the server as Ctrl+C does, and expects it to go in good order. */
  async stop() {
    await end(this).finally(() => rm(this.dir, { recursive: true, force: true, maxRetries: 3 }));
  }

  async json(method, target, options = {}) {
    const answer = await fetch(new URL(target, this.url), { method, ...options });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text ? JSON.parse(text) : null };
  }

  async upload(file, type = 'video/mp4') {
    const form = new FormData();
    form.append('file', await openAsBlob(file, { type }), path.basename(file));
    const { status, body } = await this.json('POST', '/assets', { body: form });
    assert.equal(status, 202, JSON.stringify(body));
    return body;
  }

  async asset(id) {
    const { status, body } = await this.json('GET', `/assets/${id}`);
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  }

  /** reach waits until the asset is as wanted. */
  reach(id, wanted, timeout = 180_000) {
    return until(`asset ${id}`, async () => {
      const asset = await this.asset(id);
      if (asset.status === 'ERROR') assert.equal(wanted(asset), true, JSON.stringify(asset.error));
      return wanted(asset) && asset;
    }, { timeout, every: 250 });
  }

  /** source names the files of the asset's source, in order, without what killed processes were writing. */
  async source(id) {
    const dir = path.join(this.dir, 'bucket', 'sources', id);
    return (await readdir(dir)).filter((name) => !name.endsWith('.tmp')).sort().map((name) => path.join(dir, name));
  }

  /** children names the processes that the server has started and that still run. */
  async children() {
    const names = [];
    for (const entry of await readdir('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      // pid (name) state ppid
      const [, name, parent] = (await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '')).match(/\((.*)\) \S (\d+)/s) ?? [];
      if (Number(parent) === this.child.pid) names.push(name);
    }
    return names;
  }

  complete(id) { return this.reach(id, (a) => a.status === 'COMPLETE'); }
}

/** paced makes a folder with an ffmpeg that reads inputs at a multiple of real time. */
export async function paced(dir, rate) {
  const real = execFileSync('sh', ['-c', 'command -v ffmpeg'], { encoding: 'utf8' }).trim();
  const bin = path.join(dir, 'bin');
  await mkdir(bin);
  const script = `#!/usr/bin/env bash
args=()
for arg in "$@"; do
  if [ "$arg" = -i ]; then args+=(-readrate ${rate}); fi
  args+=("$arg")
done
exec '${real}' "\${args[@]}"
`;
  await writeFile(path.join(bin, 'ffmpeg'), script);
  await chmod(path.join(bin, 'ffmpeg'), 0o755);
  return bin;
}
