/**
 * Looks for a file on a FAT file system, of 12, 16 or 32 bits. A guest wrote it: what makes no sense is a file system without
 * that file, and loops end by the bounds below.
 * Source: Microsoft FAT specification, August 2005
 */
import {type DiskReader, viewOf} from './disk-reader.js';

const ENTRY_BYTES = 32;
const ATTRIBUTE_FOLDER = 0x10;
const ATTRIBUTE_VOLUME = 0x08;
const ATTRIBUTE_LONG_NAME = 0x0f;
/** Bytes of a folder that are read; one of 32 MiB would hold a million names. */
const FOLDER_BYTES_MAX = 2 ** 20;
/** Where the characters of a long name lie in its entries. */
const LONG_NAME_PLACES = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

interface Fat {
  readonly read: DiskReader;
  readonly bits: 12 | 16 | 32;
  readonly tableAt: number;
  readonly dataAt: number;
  readonly clusterBytes: number;
  readonly clusterCount: number;
  /** The root folder: a place of its own, or a cluster with 32 bits. */
  readonly root: {readonly at: number; readonly length: number} | {readonly cluster: number};
}

/** Whether there is a file of that path, of names as they are shown; upper and lower case are the same. */
export async function hasFatFile(read: DiskReader, startAt: number, path: string): Promise<boolean> {
  const fat = await openFat(read, startAt);
  if (fat === undefined) return false;
  const names = path.split('/');
  let folder: Fat['root'] = fat.root;
  for (const [depth, name] of names.entries()) {
    const found = findName(await readFolder(fat, folder), name);
    if (found === undefined) return false;
    if (depth === names.length - 1) return !found.isFolder && found.sizeBytes > 0;
    if (!found.isFolder) return false;
    folder = {cluster: found.cluster};
  }
  return false;
}

async function openFat(read: DiskReader, startAt: number): Promise<Fat | undefined> {
  const sector = await read(startAt, 512);
  if (sector === undefined) return undefined;
  const view = viewOf(sector);
  const sectorBytes = view.getUint16(11, true);
  const sectorsPerCluster = view.getUint8(13);
  if (![512, 1024, 2048, 4096].includes(sectorBytes)) return undefined;
  if (![1, 2, 4, 8, 16, 32, 64, 128].includes(sectorsPerCluster)) return undefined;
  const tableSectors = view.getUint16(22, true) || view.getUint32(36, true);
  const tableAt = view.getUint16(14, true);
  const rootAt = tableAt + view.getUint8(16) * tableSectors;
  const rootBytes = view.getUint16(17, true) * ENTRY_BYTES;
  const dataAt = rootAt + Math.ceil(rootBytes / sectorBytes);
  const sectors = view.getUint16(19, true) || view.getUint32(32, true);
  const clusterCount = Math.floor((sectors - dataAt) / sectorsPerCluster);
  if (tableSectors === 0 || clusterCount < 1) return undefined;
  const bits = clusterCount < 4085 ? 12 : clusterCount < 65_525 ? 16 : 32;
  return {
    ...{read, bits, clusterCount},
    tableAt: startAt + tableAt * sectorBytes,
    dataAt: startAt + dataAt * sectorBytes,
    clusterBytes: sectorsPerCluster * sectorBytes,
    root:
      bits === 32
        ? {cluster: view.getUint32(44, true)}
        : {at: startAt + rootAt * sectorBytes, length: Math.min(rootBytes, FOLDER_BYTES_MAX)},
  };
}

async function readFolder(fat: Fat, folder: Fat['root']): Promise<Uint8Array> {
  if ('at' in folder) return (await fat.read(folder.at, folder.length)) ?? new Uint8Array(0);
  const parts: Uint8Array[] = [];
  let {cluster} = folder;
  // However the chain goes, it is not followed further than a folder can be long.
  for (let length = 0; length < FOLDER_BYTES_MAX; length += fat.clusterBytes) {
    if (cluster < 2 || cluster >= fat.clusterCount + 2) break;
    const part = await fat.read(fat.dataAt + (cluster - 2) * fat.clusterBytes, fat.clusterBytes);
    if (part === undefined) break;
    parts.push(part);
    cluster = await nextCluster(fat, cluster);
  }
  return Buffer.concat(parts);
}

/** What ends a chain is no cluster that there is, and neither is 0. */
async function nextCluster({read, bits, tableAt}: Fat, cluster: number): Promise<number> {
  const at = Math.floor((cluster * bits) / 8);
  const entry = await read(tableAt + at, bits === 32 ? 4 : 2);
  if (entry === undefined) return 0;
  const view = viewOf(entry);
  if (bits === 32) return view.getUint32(0, true) & 0x0fff_ffff;
  const pair = view.getUint16(0, true);
  if (bits === 16) return pair;
  return cluster % 2 === 0 ? pair & 0xfff : pair >> 4;
}

interface FatEntry {
  readonly isFolder: boolean;
  readonly cluster: number;
  readonly sizeBytes: number;
}

function findName(folder: Uint8Array, wanted: string): FatEntry | undefined {
  const view = viewOf(folder);
  let longName = '';
  for (let at = 0; at + ENTRY_BYTES <= folder.length; at += ENTRY_BYTES) {
    const first = folder[at];
    if (first === 0) return undefined;
    const attributes = view.getUint8(at + 11);
    if (first === 0xe5) {
      longName = '';
    } else if (attributes === ATTRIBUTE_LONG_NAME) {
      // The last part of a name comes first.
      longName = longNamePart(view, at) + longName;
    } else {
      const isName = [longName, shortName(folder, at)].some((name) => name.toLowerCase() === wanted.toLowerCase());
      if (isName && (attributes & ATTRIBUTE_VOLUME) === 0)
        return {
          isFolder: (attributes & ATTRIBUTE_FOLDER) !== 0,
          cluster: view.getUint16(at + 20, true) * 0x1_0000 + view.getUint16(at + 26, true),
          sizeBytes: view.getUint32(at + 28, true),
        };
      longName = '';
    }
  }
  return undefined;
}

function longNamePart(view: DataView, at: number): string {
  const units = LONG_NAME_PLACES.map((place) => view.getUint16(at + place, true));
  const end = units.indexOf(0);
  return String.fromCharCode(...(end === -1 ? units : units.slice(0, end)));
}

function shortName(folder: Uint8Array, at: number): string {
  const text = (from: number, length: number) =>
    Buffer.from(folder)
      .toString('latin1', at + from, at + from + length)
      .trimEnd();
  const extension = text(8, 3);
  return extension === '' ? text(0, 8) : `${text(0, 8)}.${extension}`;
}
