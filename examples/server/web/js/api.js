// The server's JSON API. Addresses are relative, so the page works under any prefix.

/** ApiError carries the server's error form: a stable code and a sentence. */
export class ApiError extends Error {
  constructor(status, code, message, retryAfter = 0) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter; // seconds
  }
}

/** failure makes an ApiError of an answer's status and body. */
export function failure(status, text, retryAfter) {
  let detail = {};
  try {
    detail = JSON.parse(text).error ?? {};
  } catch {
    // Not our form: a proxy in between, or no body at all.
  }
  const message = detail.message || `The server answered ${status} without saying why.`;
  return new ApiError(status, detail.code || 'http_' + status, message, Number(retryAfter) || 0);
}

export const unreachable = () =>
  new ApiError(0, 'unreachable', 'The server cannot be reached. Is it still running?');

export const broken = () =>
  new ApiError(0, 'broken', 'The connection broke before the upload was complete. Check the network and upload the file again.');

async function call(method, path, body) {
  const headers = { Accept: 'application/json' };
  if (body) headers['Content-Type'] = 'application/json';
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  } catch (err) {
    if (err.name === 'AbortError') throw err;
    throw unreachable();
  }
  const text = await answer.text();
  if (!answer.ok) throw failure(answer.status, text, answer.headers.get('Retry-After'));
  return text ? JSON.parse(text) : null;
}

const one = (id) => `assets/${encodeURIComponent(id)}`;

export const list = (after, limit = 20) => {
  const query = new URLSearchParams({ limit: String(limit) });
  if (after) query.set('after', after);
  return call('GET', `assets?${query}`);
};
export const get = (id) => call('GET', one(id));
export const remove = (id) => call('DELETE', one(id));
export const retry = (id) => call('POST', `${one(id)}/retry`);
export const presign = (file) => call('POST', 'assets/presign', file);
export const presigned = (id) => call('GET', `${one(id)}/upload`);
export const complete = (address) => call('POST', address);
export const abandon = (id) => call('DELETE', `${one(id)}/upload`);
export const eventsURL = (ids) => `events?${new URLSearchParams(ids.map((id) => ['asset', id]))}`;
export const uploadURL = 'assets';
