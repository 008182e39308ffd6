import type {Job} from '../../../manager/protocol/job.js';
import {visibleText} from '../../terminal/visible-text.js';
import {text} from '../../text/text.js';
import {formatBytes, formatDuration, formatRate} from './units.js';

/** Share of a job's stage that is done, 0 to 1, or `undefined` when it cannot be known. */
export function jobFraction(job: Job): number | undefined {
  return job.total === undefined || job.total <= 0 ? undefined : Math.min(1, Math.max(0, job.done / job.total));
}

/** A job in one line: stage, numbers, rate, time left. */
export function jobLine(job: Job): string {
  const count = (value: number) => (job.unit === 'bytes' ? formatBytes(value) : String(value));
  const parts = [visibleText(job.stage)];
  if (job.total !== undefined) parts.push(text.words.of(count(job.done), count(job.total)));
  else if (job.done > 0) parts.push(count(job.done));
  if (job.bytesPerSecond !== undefined && job.bytesPerSecond > 0) {
    parts.push(formatRate(job.bytesPerSecond));
    if (job.unit === 'bytes' && job.total !== undefined && job.total > job.done)
      parts.push(text.activity.left(formatDuration(((job.total - job.done) / job.bytesPerSecond) * 1000)));
  }
  return parts.join(' · ');
}

/** A bar of `width` cells for a fraction; a dotted one when it is unknown. */
export function progressBar(fraction: number | undefined, width: number): string {
  if (fraction === undefined) return '·'.repeat(Math.max(0, width));
  const full = Math.round(fraction * width);
  return '█'.repeat(full) + '─'.repeat(Math.max(0, width - full));
}
