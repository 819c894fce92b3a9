// Packages that come as modules, in one script for a page.

import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

/** bundle returns the script of a module's code, which may import npm packages and files of this repository ("/examples/…"). */
export async function bundle(code) {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const here = {
    name: 'repository',
    setup: (b) => b.onResolve({ filter: /^\// }, ({ path, importer }) => (importer === '<stdin>' ? { path: root + path.slice(1) } : undefined)),
  };
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: fileURLToPath(new URL('..', import.meta.url)) },
    bundle: true, format: 'iife', write: false, logLevel: 'error', plugins: [here],
  });
  return outputFiles[0].text;
}
