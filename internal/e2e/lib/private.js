// examples/private, over the folder of a demo server: what that has encoded, for those who
// may watch it. Its URL names another host than the others', so to a browser it is another
// origin, and another site.

import assert from 'node:assert/strict';
import path from 'node:path';
import { end, run } from './program.js';

const program = process.env.VODKIT_PRIVATE;

export class Private {
  /** start lets pages of the origin play the demo server's videos. */
  static async start(demo, origin, args = []) {
    assert.ok(program, 'VODKIT_PRIVATE names no server; run make test-e2e');
    const server = new Private();
    await run(server, program,
      ['-addr', '127.0.0.1:0', '-dir', path.join(demo.dir, 'bucket'), '-origin', origin, ...args],
      process.env, /serving .* on (http:\S+)/);
    server.url = server.url.replace('127.0.0.1', 'localhost');
    return server;
  }

  /** watch asks, as a page does, for the URL of a video, or for a cookie as well. */
  async watch(page, asset, { cookie = false } = {}) {
    const target = `${this.url}/watch/${asset}?viewer=anna${cookie ? '&cookie=1' : ''}`;
    const { playlist } = await page.evaluate(async (url) => (await fetch(url, { method: 'POST', credentials: 'include' })).json(), target);
    return new URL(playlist, this.url).href;
  }

  stop() { return end(this); }
}
