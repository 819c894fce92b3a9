// Test videos, made by ffmpeg once a run.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Media makes files in a folder of its own; close removes it. */
export class Media {
  static async open() {
    const media = new Media();
    media.dir = await mkdtemp(path.join(tmpdir(), 'vodkit-e2e-media-'));
    return media;
  }

  /** video makes a test picture with a tone. */
  async video(name, { seconds, size = '640x360', rate = 30, quality = 28 }) {
    const file = path.join(this.dir, name);
    await run('ffmpeg', ['-nostdin', '-v', 'error', '-y',
      '-f', 'lavfi', '-i', `testsrc2=s=${size}:r=${rate}:d=${seconds}`,
      '-f', 'lavfi', '-i', `sine=frequency=330:sample_rate=48000:d=${seconds}`,
      '-c:v', 'libx264', '-preset', 'ultrafast', '-crf', String(quality), '-g', '60', '-pix_fmt', 'yuv420p',
      '-c:a', 'aac', '-movflags', '+faststart', file]);
    return file;
  }

  /** bytes writes a file that is no video. */
  async bytes(name, data) {
    const file = path.join(this.dir, name);
    await writeFile(file, data);
    return file;
  }

  close() { return rm(this.dir, { recursive: true, force: true }); }
}

/** probe asks ffprobe for what it says of a file or an address. */
export async function probe(input) {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-of', 'json', '-show_format', '-show_streams', input], { timeout: 60_000 });
  return JSON.parse(stdout);
}
