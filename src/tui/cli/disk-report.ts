/** What `viv disk` found out, as text for people. */
import type {DiskCheck, DiskInfo, DiskStretch} from '../../manager/client.js';
import {formatBytes} from '../state/presenters/units.js';
import {formatFields, formatTable} from './output.js';

/** The images of a chain, top first. */
export function infoLines(images: readonly DiskInfo[]): string {
  return images
    .map(({path, format, sizeBytes, usedBytes, details}) =>
      formatFields([
        ['image', path],
        ['format', format],
        ['size', `${formatBytes(sizeBytes)} (${sizeBytes} bytes)`],
        ['on the host', formatBytes(usedBytes)],
        ...Object.entries(details).map(([name, value]) => [spaced(name), detail(value)] as const),
      ]),
    )
    .join('\n\n');
}

/** The result of a check, problems first. */
export function checkLines(report: DiskCheck, path: string): string {
  const {errorCount, leakedClusters, problems, isRepaired} = report;
  if (errorCount === 0 && leakedClusters === 0) return `${path} is sound.`;
  const counts = `${path}: ${errorCount} errors, ${leakedClusters} unused clusters.`;
  const next = isRepaired ? 'Repaired.' : 'Repair it: viv disk check --repair';
  return [...problems, counts, next].join('\n');
}

/** One line a stretch. */
export function mapLines(stretches: readonly DiskStretch[]): string {
  return formatTable(
    ['START', 'LENGTH', 'WHAT', 'IMAGE', 'AT'],
    stretches.map(({start, length, kind, depth, position, isCompressed}) => [
      String(start),
      String(length),
      isCompressed ? 'compressed' : kind,
      kind === 'zero' && position === undefined ? '' : String(depth),
      position === undefined ? '' : String(position),
    ]),
  );
}

const spaced = (name: string): string =>
  name
    .replace(/^is/, '')
    .replace(/[A-Z]/g, (letter, at) => (at === 0 ? letter.toLowerCase() : ` ${letter.toLowerCase()}`));

const detail = (value: string | number | boolean): string =>
  typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
