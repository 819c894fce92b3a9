// examples/direct, whose uploads go to the bucket: to versitygw, an S3 server, or to a folder.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { end, run } from './program.js';

/** Bucket is a bucket on an S3 server of its own, as a program that is given its URL and env finds it. */
export class Bucket {
  static program = process.env.VODKIT_S3;

  static async start() {
    const bucket = new Bucket();
    await run(bucket, Bucket.program, [], process.env, /bucket (s3:\S+)/);
    bucket.env = { AWS_ACCESS_KEY_ID: 's3test', AWS_SECRET_ACCESS_KEY: 'not-a-secret-only-for-tests', AWS_EC2_METADATA_DISABLED: 'true' };
    return bucket;
  }

  stop() { return end(this); }
}

export class Direct {
  /** start serves over the Bucket, or over a folder where there is none, to pages of the origin. */
  static async start(origin, bucket = null) {
    const program = process.env.VODKIT_DIRECT;
    assert.ok(program, 'VODKIT_DIRECT names no server; run make test-e2e');
    const server = new Direct();
    server.dir = await mkdtemp(path.join(tmpdir(), 'vodkit-e2e-'));
    server.kills = 0;
    server.run = async (addr) => {
      await run(server, program, ['-addr', addr, '-origin', origin, '-bucket', bucket?.url ?? path.join(server.dir, 'bucket')],
        { ...process.env, ...bucket?.env, SECRET: 'the same thirty-two bytes or more' }, /serving .* on (http:\S+)/);
    };
    await server.run('127.0.0.1:0');
    return server;
  }

  /** restart kills the server as a crash does, and starts another one at its address a moment later. */
  async restart() {
    this.kills++;
    this.child.kill('SIGKILL');
    assert.deepEqual(await this.exited, { code: null, signal: 'SIGKILL' }, this.log);
    await this.run(new URL(this.url).host);
  }

  async json(target) {
    const answer = await fetch(new URL(target, this.url));
    assert.equal(answer.status, 200, target);
    return answer.json();
  }

  async stop() {
    await end(this).finally(() => rm(this.dir, { recursive: true, force: true, maxRetries: 3 }));
  }
}
