/** The value of `--disk`: a size or a file, with options behind commas. */
import {existsSync, statSync} from 'node:fs';
import {resolve} from 'node:path';
import type {DiskFormat} from '../../manager/protocol/machine.js';
import {parseBytes} from '../state/presenters/units.js';
import {UsageError} from './report-error.js';

/** What `machineCreate` takes for a disk. */
export type DiskOption =
  | {readonly newSizeBytes: number; readonly format?: DiskFormat}
  | {readonly path: string; readonly format?: DiskFormat; readonly isReadOnly: boolean};

const SECTOR_BYTES = 512;

/**
 * Parses `1G`, `1G,format=raw`, `FILE`, `FILE,format=qcow2` or `FILE,ro`. A file wins over a size when both could be
 * meant. Without a format the file's name decides: `.qcow2` is qcow2, `.iso` is raw and read-only, others are raw.
 */
export function parseDiskOption(text: string): DiskOption {
  const {rest, format, isReadOnly} = takeOptions(text);
  const size = parseBytes(rest);
  if (size === undefined || (existsSync(rest) && statSync(rest).isFile())) {
    const isIso = /\.iso$/i.test(rest);
    const named = format ?? (/\.qcow2$/i.test(rest) ? ('qcow2' as const) : isIso ? ('raw' as const) : undefined);
    return {path: resolve(rest), ...(named === undefined ? {} : {format: named}), isReadOnly: isReadOnly || isIso};
  }
  if (isReadOnly) throw new UsageError('A new disk cannot be read-only.', 'Leave `ro` out, or name a file.');
  const newSizeBytes = Math.ceil(size / SECTOR_BYTES) * SECTOR_BYTES;
  return {newSizeBytes, ...(format === undefined ? {} : {format})};
}

function takeOptions(text: string): {rest: string; format: DiskFormat | undefined; isReadOnly: boolean} {
  let rest = text;
  let format: DiskFormat | undefined;
  let isReadOnly = false;
  // From the end, and only what is an option: file names may have commas too.
  for (let match = /,(ro|format=[^,]*)$/.exec(rest); match !== null; match = /,(ro|format=[^,]*)$/.exec(rest)) {
    const option = match[1]!;
    rest = rest.slice(0, match.index);
    if (option === 'ro') isReadOnly = true;
    else format = parseFormat(option.slice('format='.length));
  }
  return {rest, format, isReadOnly};
}

/** Errors: wrong usage, with the formats there are */
export function parseFormat(name: string): DiskFormat {
  if (name === 'raw' || name === 'qcow2') return name;
  throw new UsageError(`There is no disk format ${JSON.stringify(name)}.`, 'Use raw or qcow2.');
}
