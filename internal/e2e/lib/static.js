// A plain server of files, as a CDN or a bucket's website is one.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';

const types = { '.mp4': 'video/mp4', '.m4s': 'video/iso.segment', '.vtt': 'text/vtt', '.jpg': 'image/jpeg' };

export class Static {
  /** start serves the files of a folder below a URL path. asked collects {url, status}. */
  static async start(dir, base) {
    const files = new Static();
    files.asked = [];
    files.server = createServer((req, res) => files.#answer(req, res, path.resolve(dir), base));
    await new Promise((resolve) => files.server.listen(0, '127.0.0.1', resolve));
    files.url = `http://localhost:${files.server.address().port}`;
    return files;
  }

  async #answer(req, res, dir, base) {
    const url = new URL(req.url, this.url);
    const file = path.join(dir, path.normalize(decodeURIComponent(url.pathname.slice(base.length))));
    const found = url.pathname.startsWith(base) && file.startsWith(dir + path.sep)
      ? await stat(file).catch(() => null) : null;
    const headers = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': 'Range', 'Content-Type': types[path.extname(file)] };
    let status = found?.isFile() ? 200 : 404, range = {};
    const [, from, to] = req.headers.range?.match(/^bytes=(\d+)-(\d*)$/) ?? [];
    if (status === 200 && from !== undefined) {
      range = { start: Number(from), end: Math.min(to ? Number(to) : found.size - 1, found.size - 1) };
      headers['Content-Range'] = `bytes ${range.start}-${range.end}/${found.size}`;
      status = 206;
    }
    if (req.method === 'OPTIONS') status = 204;
    else this.asked.push({ url, status });
    if (status === 200 || status === 206) headers['Content-Length'] = status === 206 ? range.end - range.start + 1 : found.size;
    res.writeHead(status, headers);
    if (status < 204 || status === 206) createReadStream(file, range).on('error', () => res.destroy()).pipe(res);
    else res.end();
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
