/** Runs the bare form of a guest program on a machine of ours and reads its results from guest memory. */
import {Machine, type MachineExit} from '../../src/engine/machine.js';
import {RAM_BASE} from '../../src/engine/memory/layout.js';
import {platformModels, standardPlatform} from '../../src/engine/platform/standard-platform.js';
import type {GuestProgram} from './guest-program.js';
import {PageTables, RWX} from './page-tables.js';
import {type TestTier, testTier} from './tier.js';

/** What a run left behind. */
export interface BareRun {
  readonly exit: MachineExit | {readonly kind: 'hangs'};
  readonly results: Uint8Array;
  readonly instructions: number;
  /** Those that regions retired. */
  readonly regionInstructions: number;
}

/** Longer than any program takes, on a busy host too. */
const HANG_MS = 60_000;
const PAGE_BYTES = 4096;
/** Memory behind the program, for its page tables, and for the device tree at the end. */
const ROOM_BYTES = 1024 ** 2;

/** How a program is run: in the test run's tier unless another is given. */
export interface BareOptions {
  readonly tier?: TestTier;
  /** In an address space whose pages lie in memory in reverse order, so that no two follow each other. */
  readonly isPaged?: boolean;
  /** Called with the started machine, and with each it gives that goes on instead, until it gives none. */
  readonly onStarted?: (machine: Machine) => Promise<Machine | undefined>;
}

/** Boots the program as firmware and waits for its end; not for ever. */
export async function runBare(
  program: GuestProgram,
  {tier = testTier(), isPaged, onStarted}: BareOptions = {},
): Promise<BareRun> {
  const {resultsAddress, resultBytes} = program;
  const end = Math.ceil((resultsAddress + resultBytes) / PAGE_BYTES) * PAGE_BYTES;
  let machine = await Machine.create(
    {
      memoryBytes: end - RAM_BASE + ROOM_BYTES,
      hartCount: 1,
      ...tier,
      boot: {kind: 'firmware', elf: program.bare},
      devices: standardPlatform(),
    },
    {
      hartWorker: new URL('../../dist/engine-hart.js', import.meta.url),
      compilerWorker: new URL('../../dist/compiler.js', import.meta.url),
      models: platformModels,
    },
  );
  const places = isPaged ? scatter(machine, program, end) : undefined;
  await using last = new AsyncDisposableStack();
  last.defer(() => machine[Symbol.asyncDispose]());
  machine.start();
  for (let next = await onStarted?.(machine); next; next = await onStarted?.(machine)) {
    machine = next;
    machine.start();
  }
  using patience = new DisposableStack();
  const hanging = new Promise<{readonly kind: 'hangs'}>((resolve) => {
    const timer = setTimeout(() => resolve({kind: 'hangs'}), HANG_MS);
    patience.defer(() => clearTimeout(timer));
  });
  const exit = await Promise.race([machine.exited, hanging]);
  const results = new Uint8Array(resultBytes);
  for (let at = 0; at < resultBytes; at += PAGE_BYTES) {
    const page = machine.memory.bytes(
      places?.get(resultsAddress + at) ?? resultsAddress + at,
      Math.min(PAGE_BYTES, resultBytes - at),
    );
    if (!page) throw new Error('the results are not in RAM');
    results.set(page, at);
  }
  const {instructions, regionInstructions = 0} = machine.counters();
  return {exit, results, instructions, regionInstructions};
}

/** Moves the program's pages and writes tables that map them back; where each page went. */
function scatter({memory}: Machine, {baseAddress, fixedPages, satpAddress}: GuestProgram, end: number) {
  const all = Array.from({length: (end - baseAddress) / PAGE_BYTES}, (_, i) => baseAddress + i * PAGE_BYTES);
  const movable = all.filter((page) => !fixedPages.some((fixed) => fixed >= page && fixed < page + PAGE_BYTES));
  const places = new Map(all.map((page) => [page, page]));
  movable.forEach((page, i) => {
    places.set(page, movable.at(-1 - i)!);
  });
  const contents = all.map((page) => memory.bytes(page, PAGE_BYTES)?.slice() ?? new Uint8Array());
  const tables = new PageTables(end);
  all.forEach((page, i) => {
    const place = places.get(page)!;
    memory.bytes(place, PAGE_BYTES)?.set(contents[i]!);
    memory.markWritten(place, PAGE_BYTES);
    tables.map(BigInt(page), BigInt(place), RWX);
  });
  const {address, bytes} = tables.segment();
  memory.bytes(address, bytes.length)?.set(bytes);
  memory.markWritten(address, bytes.length);
  memory.view.setBigUint64(satpAddress - memory.baseAddress, tables.satp(), true);
  memory.markWritten(satpAddress, 8);
  return places;
}
