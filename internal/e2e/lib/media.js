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

  /**
   * languages makes a Matroska file with a sound and subtitles for each of them, such as
   * { tag: 'eng', tone: 330, cues: [{ from, to, text }] }. Its keyframes are so far apart
   * that it can't be copied.
   */
  async languages(name, { seconds, size = '192x108', rate = 25, languages }) {
    const file = path.join(this.dir, name);
    const clock = (t) => `${new Date(t * 1000).toISOString().slice(11, 19)},${String(Math.round(t * 1000) % 1000).padStart(3, '0')}`;
    const inputs = ['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=${rate}:d=${seconds}`];
    for (const { tone } of languages) inputs.push('-f', 'lavfi', '-i', `sine=frequency=${tone}:sample_rate=48000:d=${seconds}`);
    for (const { tag, cues } of languages) {
      const text = cues.map((c, i) => `${i + 1}\n${clock(c.from)} --> ${clock(c.to)}\n${c.text}\n`).join('\n');
      inputs.push('-i', await this.bytes(`${name}.${tag}.srt`, text));
    }
    const tracks = ['-map', '0:v'];
    languages.forEach((_, i) => tracks.push('-map', `${1 + i}:a`));
    languages.forEach((_, i) => tracks.push('-map', `${1 + languages.length + i}:s`));
    languages.forEach(({ tag }, i) => tracks.push(`-metadata:s:a:${i}`, `language=${tag}`, `-metadata:s:s:${i}`, `language=${tag}`));
    await run('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...inputs, ...tracks,
      '-c:v', 'libx264', '-preset', 'ultrafast', '-g', String(rate * 10), '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-c:s', 'srt', file]);
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
