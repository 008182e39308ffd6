/** Numbers as short words of few cells. */

const COUNT_UNITS = ['', 'k', 'M', 'G'];
const BYTE_UNITS = ['B', 'K', 'M', 'G', 'T', 'P'];

/** Bytes as `96M`, `2.1G`, `0B`: at most four cells. */
export function formatBytes(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit > 0 && value < 9.95 ? value.toFixed(1) : String(Math.round(value));
  return digits.replace(/\.0$/, '') + (BYTE_UNITS[unit] ?? '');
}

/** A rate as `12K/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** A count as `350`, `1.2k`, `3M`: at most four cells below 1000 million. */
export function formatCount(count: number): string {
  let value = Math.max(0, count);
  let unit = 0;
  while (value >= 999.5 && unit < COUNT_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit > 0 && value < 9.95 ? value.toFixed(1) : String(Math.round(value));
  return digits.replace(/\.0$/, '') + (COUNT_UNITS[unit] ?? '');
}

/** A whole percentage as `31%`. */
export function formatPercent(percent: number): string {
  return `${Math.round(Math.max(0, percent))}%`;
}

/** Instructions per second as `412 MIPS`. */
export function formatMips(perSecond: number): string {
  const millions = perSecond / 1e6;
  return `${millions >= 10 || millions === 0 ? Math.round(millions) : millions.toFixed(1)} MIPS`;
}

/** A span as `42s`, `12m07s`, `2h13m`, `3d04h`. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h${two(Math.floor(seconds / 60) % 60)}m`;
  return `${Math.floor(seconds / 86_400)}d${two(Math.floor(seconds / 3600) % 24)}h`;
}

/** A moment as local `14:03:59`. */
export function formatTime(atMs: number): string {
  const date = new Date(atMs);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

/**
 * Reads a size as people write it: `256M`, `1.5 GiB`, `268435456`. Units are powers of 1024.
 * Errors: `undefined` for anything else
 */
export function parseBytes(text: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*$/i.exec(text);
  if (!match) return undefined;
  const power = ['', 'k', 'm', 'g', 't'].indexOf((match[2] ?? '').toLowerCase());
  const bytes = Number(match[1]) * 1024 ** power;
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : undefined;
}

/**
 * Reads a span as people write it: `500ms`, `30s`, `5m`, `1.5h`, `2d`; a bare number is seconds. Units: milliseconds
 * Errors: `undefined` for anything else
 */
export function parseDuration(text: string): number | undefined {
  const match = /^\s*(\d{1,9}(?:\.\d{1,3})?)\s*(ms|s|m|h|d)?\s*$/i.exec(text);
  if (!match) return undefined;
  const unit = {ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000}[(match[2] ?? 's').toLowerCase()] ?? 0;
  return Math.round(Number(match[1]) * unit);
}
