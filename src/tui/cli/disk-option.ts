/** The value of `--disk`: a size or a file, with options behind commas. */
import {existsSync, statSync} from 'node:fs';
import {resolve} from 'node:path';
import type {DiskFormat} from '../../manager/protocol/machine.js';
import {type DiskWish, existingDisk, newDisk} from '../state/disk-text.js';
import {parseBytes} from '../state/presenters/units.js';
import {UsageError} from './report-error.js';

/**
 * Parses `1G`, `1G,format=raw`, `FILE`, `FILE,format=qcow2` or `FILE,ro`. A file wins over a size when both could be
 * meant. Without a format the file's name decides: `.qcow2` is qcow2, `.iso` is raw and read-only, others are raw.
 */
export function parseDiskOption(text: string): DiskWish {
  const {rest, format, isReadOnly} = takeOptions(text);
  const size = parseBytes(rest);
  if (size === undefined || (existsSync(rest) && statSync(rest).isFile()))
    return existingDisk(resolve(rest), format, isReadOnly);
  if (isReadOnly) throw new UsageError('A new disk cannot be read-only.', 'Leave `ro` out, or name a file.');
  return newDisk(size, format);
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
