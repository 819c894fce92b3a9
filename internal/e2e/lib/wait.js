// Waiting for something to become true.

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** until calls check until it returns something truthy, and returns that. */
export async function until(what, check, { timeout = 60_000, every = 100 } = {}) {
  const end = Date.now() + timeout;
  let last;
  for (;;) {
    try {
      last = await check();
      if (last) return last;
    } catch (err) {
      last = err;
    }
    if (Date.now() > end) {
      throw new Error(`waited ${timeout / 1000} s in vain for ${what}; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
    }
    await sleep(every);
  }
}
