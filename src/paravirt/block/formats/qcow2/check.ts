/**
 * Checks an image as a whole: follows everything that points at clusters and compares with the refcounts. Repairs by
 * writing new refcounts beside the old ones and switching over, so that a cut in the middle leaves the image as it was.
 */
import type {ImageFile} from '../../image-file.js';
import {type Header, readHeader, writeIncompatible} from './header.js';
import {COPIED, hostOffset, INCOMPATIBLE, u64} from './layout.js';
import {compressedPlace, isSound, kindOf} from './mapping.js';
import {MetadataMap} from './metadata-map.js';
import {rebuildRefcounts} from './rebuild.js';
import {getRefcount} from './refcount-bits.js';
import {readSnapshots} from './snapshots.js';
import {UsageCount} from './usage-count.js';

/** Problems that are listed in words; all are counted. */
const LISTED_MAX = 50;

/** What a check found. */
export interface CheckReport {
  /** What makes data wrong or endangers it. */
  readonly errorCount: number;
  /** Clusters that are counted and not used: lost room, no danger. */
  readonly leakedClusters: number;
  /** The first problems, in words; errors before leaks. */
  readonly problems: readonly string[];
  /** Clusters with data, those stored compressed among them. */
  readonly dataClusters: number;
  readonly compressedClusters: number;
  /** Clusters of the file that are in use at all. */
  readonly usedClusters: number;
  readonly isRepaired: boolean;
}

interface Findings {
  errors: number;
  leaks: number;
  problems: string[];
  leakProblems: string[];
  data: number;
  compressed: number;
  used: number;
  /** L2 entries of the active state whose copied flag is wrong: position in the file and the right upper half. */
  flags: {position: number; high: number}[];
  /** True when something is wrong that new refcounts do not mend. */
  isBeyondRepair: boolean;
}

const newFindings = (): Findings => ({
  errors: 0,
  leaks: 0,
  problems: [],
  leakProblems: [],
  data: 0,
  compressed: 0,
  used: 0,
  flags: [],
  isBeyondRepair: false,
});

/** Checks, and repairs what can be repaired without losing anything. Errors: corrupt, unsupported, io */
export async function checkQcow2(
  file: ImageFile,
  {repairs = false, signal}: {readonly repairs?: boolean; readonly signal?: AbortSignal} = {},
): Promise<CheckReport> {
  const header = await readHeader(file);
  const findings = newFindings();
  const usage = await follow(file, header, findings, signal);
  await compare(file, header, usage, findings, signal);
  const needsRepair = findings.errors > 0 || findings.leaks > 0 || (header.incompatible & INCOMPATIBLE.DIRTY) !== 0;
  const isRepaired = repairs && needsRepair && !findings.isBeyondRepair;
  if (isRepaired) await repair(file, header, usage, findings);
  return {
    errorCount: findings.errors,
    leakedClusters: findings.leaks,
    problems: [...findings.problems, ...findings.leakProblems].slice(0, LISTED_MAX),
    dataClusters: findings.data,
    compressedClusters: findings.compressed,
    usedClusters: findings.used,
    isRepaired,
  };
}

async function repair(file: ImageFile, header: Header, usage: UsageCount, findings: Findings): Promise<void> {
  if (findings.errors > 0 || findings.leaks > 0) await rebuildRefcounts(file, header, usage);
  for (const {position, high} of findings.flags) {
    const half = new Uint8Array(4);
    new DataView(half.buffer).setUint32(0, high);
    await file.writev([half], position);
  }
  await file.sync();
  if (header.incompatible & INCOMPATIBLE.DIRTY) {
    await writeIncompatible(file, header.incompatible & ~INCOMPATIBLE.DIRTY);
    await file.sync();
  }
}

/** Counts every use of every cluster. */
async function follow(
  file: ImageFile,
  header: Header,
  findings: Findings,
  signal: AbortSignal | undefined,
): Promise<UsageCount> {
  const clusterBytes = 2 ** header.clusterBits;
  const clusters = (bytes: number) => Math.ceil(bytes / clusterBytes);
  const usage = new UsageCount();
  const metadata = new MetadataMap();
  const stretch = (first: number, count: number, what: string) => {
    if (count === 0) return;
    if (!metadata.addStretch(first, count)) beyondRepair(findings, `${what} overlaps other metadata`);
    usage.add(first, count);
  };
  stretch(0, 1, 'the header');
  stretch(header.l1Offset / clusterBytes, clusters(header.l1Entries * 8), 'the L1 table');
  stretch(header.refcountTableOffset / clusterBytes, header.refcountTableClusters, 'the refcount table');
  const {snapshots, tableBytes} = await readSnapshots(file, header);
  stretch(header.snapshotsOffset / clusterBytes, clusters(tableBytes), 'the snapshot table');
  for (const {l1Offset, l1Entries, name} of snapshots)
    stretch(l1Offset / clusterBytes, clusters(l1Entries * 8), `the table of snapshot ${name}`);
  const states = [header, ...snapshots];
  for (const [index, {l1Offset, l1Entries}] of states.entries()) {
    const l1 = new Uint8Array(l1Entries * 8);
    await file.readv([l1], l1Offset);
    await followL1(file, header, l1, index === 0, usage, metadata, findings, signal);
  }
  return usage;
}

async function followL1(
  file: ImageFile,
  header: Header,
  l1: Uint8Array,
  isActive: boolean,
  usage: UsageCount,
  metadata: MetadataMap,
  findings: Findings,
  signal: AbortSignal | undefined,
): Promise<void> {
  const clusterBytes = 2 ** header.clusterBits;
  const view = new DataView(l1.buffer);
  const table = new Uint8Array(clusterBytes);
  for (let at = 0; at < l1.length; at += 8) {
    const high = view.getUint32(at);
    const low = view.getUint32(at + 4);
    if (high === 0 && low === 0) continue;
    signal?.throwIfAborted();
    const position = hostOffset(high, low);
    const isUsable = (low & 0x1ff) === 0 && position % clusterBytes === 0 && position > 0 && position < file.sizeBytes;
    if (!isUsable) {
      beyondRepair(findings, `L1 entry ${at / 8} points at 0x${position.toString(16)}`);
      continue;
    }
    usage.add(position / clusterBytes);
    // Tables shared with a snapshot come again: their clusters count once more.
    if (isActive && !metadata.add(position / clusterBytes))
      beyondRepair(findings, `L1 entry ${at / 8} points at metadata`);
    await file.readv([table], position);
    followL2(file, header, table, usage, metadata, findings);
  }
}

function followL2(
  file: ImageFile,
  {version, clusterBits}: Header,
  table: Uint8Array,
  usage: UsageCount,
  metadata: MetadataMap,
  findings: Findings,
): void {
  const view = new DataView(table.buffer);
  const clusterBytes = table.length;
  const end = Math.ceil(file.sizeBytes / clusterBytes) * clusterBytes;
  for (let at = 0; at < table.length; at += 8) {
    const high = view.getUint32(at);
    const low = view.getUint32(at + 4);
    if (high === 0 && low === 0) continue;
    if (!isSound(high, low, version, clusterBits, end, metadata)) {
      beyondRepair(findings, `an L2 entry points at 0x${hostOffset(high, low).toString(16)}`);
      continue;
    }
    if (kindOf(high, low) === 'compressed') {
      const {position, length} = compressedPlace(high, low, clusterBits);
      const first = Math.floor(position / clusterBytes);
      usage.add(first, Math.floor((position + length - 1) / clusterBytes) - first + 1);
      findings.compressed++;
      findings.data++;
      continue;
    }
    const position = hostOffset(high, low);
    if (position === 0) continue;
    usage.add(position / clusterBytes);
    findings.data++;
  }
}

/** Compares what was followed with the refcounts, and the copied flags of the active state with both. */
async function compare(
  file: ImageFile,
  header: Header,
  usage: UsageCount,
  findings: Findings,
  signal: AbortSignal | undefined,
): Promise<void> {
  const clusterBytes = 2 ** header.clusterBits;
  const perBlock = (clusterBytes * 8) / 2 ** header.refcountOrder;
  const bytes = new Uint8Array(header.refcountTableClusters * clusterBytes);
  await file.readv([bytes], header.refcountTableOffset);
  const table = new DataView(bytes.buffer);
  const blocks = new Map<number, number>();
  for (let index = 0; index < bytes.length / 8; index++) {
    const position = u64(table, index * 8);
    if (position === 0) continue;
    if (position % clusterBytes !== 0 || position >= file.sizeBytes) {
      findError(findings, `refcount block ${index} is at 0x${position.toString(16)}`);
      continue;
    }
    const isTaken = usage.get(position / clusterBytes) > 0;
    if (isTaken) findError(findings, `refcount block ${index} is used twice`);
    usage.add(position / clusterBytes);
    if (!isTaken) blocks.set(index, position);
  }
  const block = new Uint8Array(clusterBytes);
  const view = new DataView(block.buffer);
  const shared = new Set<number>();
  // Blocks in between that are not there and not needed are skipped: a table may name one far away.
  const indices = new Set(blocks.keys());
  for (const {first, count} of usage.stretches())
    for (let index = Math.floor(first / perBlock); index * perBlock < first + count; index++) indices.add(index);
  for (const index of indices) {
    signal?.throwIfAborted();
    const position = blocks.get(index);
    if (position === undefined) block.fill(0);
    else await file.readv([block], position);
    for (let entry = 0; entry < perBlock; entry++) {
      const counted = position === undefined ? 0 : getRefcount(view, header.refcountOrder, entry);
      const cluster = index * perBlock + entry;
      const used = usage.get(cluster);
      if (used > 0) findings.used++;
      if (used > 1) shared.add(cluster);
      if (counted === used) continue;
      if (counted > used) {
        findings.leaks++;
        list(findings.leakProblems, `cluster ${cluster} is counted ${counted} times and used ${used} times`);
      } else findError(findings, `cluster ${cluster} is used ${used} times and counted ${counted} times`);
    }
  }
  await compareFlags(file, header, shared, findings, signal);
}

async function compareFlags(
  file: ImageFile,
  header: Header,
  shared: ReadonlySet<number>,
  findings: Findings,
  signal: AbortSignal | undefined,
): Promise<void> {
  const clusterBytes = 2 ** header.clusterBits;
  const l1 = new Uint8Array(header.l1Entries * 8);
  await file.readv([l1], header.l1Offset);
  const view = new DataView(l1.buffer);
  const table = new Uint8Array(clusterBytes);
  const entries = new DataView(table.buffer);
  const compareOne = (high: number, position: number, at: number, what: string) => {
    const isCopied = (high & COPIED) !== 0;
    if (isCopied === !shared.has(position / clusterBytes)) return;
    findError(findings, `the copied flag of ${what} 0x${position.toString(16)} is wrong`);
    findings.flags.push({position: at, high: (high ^ COPIED) >>> 0});
  };
  for (let at = 0; at < l1.length; at += 8) {
    const high = view.getUint32(at);
    const position = hostOffset(high, view.getUint32(at + 4));
    if (position === 0 || position % clusterBytes !== 0 || position >= file.sizeBytes) continue;
    signal?.throwIfAborted();
    compareOne(high, position, header.l1Offset + at, 'the L2 table at');
    await file.readv([table], position);
    for (let entry = 0; entry < table.length; entry += 8) {
      const entryHigh = entries.getUint32(entry);
      const entryLow = entries.getUint32(entry + 4);
      const kind = kindOf(entryHigh, entryLow);
      const target = hostOffset(entryHigh, entryLow);
      if ((kind !== 'data' && kind !== 'zero') || target === 0 || target % clusterBytes !== 0) continue;
      compareOne(entryHigh, target, position + entry, 'the cluster at');
    }
  }
}

function findError(findings: Findings, problem: string): void {
  findings.errors++;
  list(findings.problems, problem);
}

function beyondRepair(findings: Findings, problem: string): void {
  findings.isBeyondRepair = true;
  findError(findings, problem);
}

function list(problems: string[], problem: string): void {
  if (problems.length < LISTED_MAX) problems.push(problem);
}
