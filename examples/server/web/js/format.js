// Words and figures for people.

const sizes = ['B', 'kB', 'MB', 'GB', 'TB'];

/** bytes(1536) → "1.5 kB" */
export function bytes(n) {
  let i = 0;
  while (n >= 1000 && i < sizes.length - 1) { n /= 1000; i++; }
  return `${n.toFixed(i === 0 || n >= 100 ? 0 : 1)} ${sizes[i]}`;
}

/** binaryBytes(4 << 30) → "4 GiB", as limits are given */
export function binaryBytes(n) {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  while (n >= 1024 && i < units.length - 1) { n /= 1024; i++; }
  return `${Number(n.toFixed(1))} ${units[i]}`;
}

/** clock(3725) → "1:02:05" */
export function clock(seconds) {
  const s = Math.max(0, Math.round(seconds || 0));
  const two = (n) => String(n).padStart(2, '0');
  const h = Math.floor(s / 3600);
  return h > 0 ? `${h}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
}

/** left(95) → "about 2 min left" */
export function left(seconds) {
  if (!(seconds > 0)) return '';
  if (seconds < 60) return `about ${Math.max(1, Math.round(seconds))} s left`;
  if (seconds < 90 * 60) return `about ${Math.round(seconds / 60)} min left`;
  return `about ${(seconds / 3600).toFixed(1)} h left`;
}

/** percent(0.4231) → "42 %" */
export const percent = (fraction) => `${Math.floor(100 * clamp(fraction))} %`;

/** clamp brings anything into 0…1. */
export const clamp = (x) => Math.min(1, Math.max(0, Number(x) || 0));

/** rate(2800000) → "2.8 Mb/s" */
export const rate = (bits) => (bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mb/s` : `${Math.round(bits / 1e3)} kb/s`);

/** ago(date) → "3 min ago" */
export function ago(date) {
  const s = (Date.now() - date.getTime()) / 1000;
  if (!Number.isFinite(s)) return '';
  if (s < 60) return 'just now';
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
  return date.toLocaleDateString();
}
