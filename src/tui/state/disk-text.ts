/** A disk as people write it, in forms: what the command line takes, but for a file by its full path. */
import type {DiskFormat} from '../../manager/protocol/machine.js';
import {text} from '../text/text.js';
import {parseBytes} from './presenters/units.js';

/** What requests take for a disk. */
export type DiskWish =
  | {readonly newSizeBytes: number; readonly format?: DiskFormat}
  | {readonly path: string; readonly format?: DiskFormat; readonly isReadOnly: boolean};

const SECTOR_BYTES = 512;

/** An image that is there: without a format its name decides; `.iso` is raw and read-only. */
export function existingDisk(path: string, format: DiskFormat | undefined, isReadOnly: boolean): DiskWish {
  const isIso = /\.iso$/i.test(path);
  const named = format ?? (/\.qcow2$/i.test(path) ? ('qcow2' as const) : isIso ? ('raw' as const) : undefined);
  return {path, ...(named === undefined ? {} : {format: named}), isReadOnly: isReadOnly || isIso};
}

/** A new disk of at least a size. Units: bytes */
export function newDisk(bytes: number, format: DiskFormat | undefined): DiskWish {
  const newSizeBytes = Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
  return {newSizeBytes, ...(format === undefined ? {} : {format})};
}

/** Reads `10G`, `10G,format=raw`, `/PATH`, `/PATH,ro`; else answers with the sentence that says what is wrong. */
export function parseDiskText(written: string): DiskWish | string {
  const {problems} = text.disks;
  const [what = '', ...options] = written.trim().split(',');
  if (what === '') return problems.empty;
  const wrong = options.find((option) => !/^(ro|format=(raw|qcow2))$/.test(option));
  if (wrong !== undefined) return problems.noOption(wrong);
  const given = options.find((option) => option.startsWith('format='))?.slice('format='.length);
  const format = given === undefined ? undefined : given === 'raw' ? ('raw' as const) : ('qcow2' as const);
  const isReadOnly = options.includes('ro');
  if (what.startsWith('/')) {
    return existingDisk(what, format, isReadOnly);
  }
  const size = parseBytes(what);
  if (size === undefined) return problems.noSize;
  if (isReadOnly) return problems.newReadOnly;
  return newDisk(size, format);
}
