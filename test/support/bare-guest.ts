/**
 * Bare-metal test guests written as assembly text: M-mode from the first instruction, traps recorded, results saved.
 *
 * Register use of the frame: gp = trap log, tp = value log (both per hart), s11 = where trap handlers go on (0: at the
 * trapped instruction again), t5 and t6 are the handlers' own. A handler switches a taken interrupt off in mie or sie.
 *   trap: INSTRUCTION   runs it and goes on behind it when it traps; its address is the label trap0, trap1 …
 *   save REGISTER       appends a register to the value log
 *   to MODE, LABEL      goes to a label in U, S or M mode (by mret)
 *   pass                ends the machine
 */
import {inspect} from 'node:util';
import {Machine, type MachineExit} from '../../src/engine/machine.js';
import {platformModels, standardPlatform} from '../../src/engine/platform/standard-platform.js';
import {Assembler} from './assembler.js';
import {assembleText} from './assembly-text.js';
import {type Segment, writeElf} from './elf-writer.js';
import {runUnderSystemQemu} from './system-qemu.js';
import {type TestTier, testTier} from './tier.js';

/** Where test programs are linked. */
export const GUEST_BASE = 0x8000_0000;
const LOGS = 0x8010_0000;
/** Set when the guest has ended. */
const FINISHED = LOGS - 8;
const LOG_BYTES = 0x4000;
const HART_LOG_BYTES = 0x8000;
const TRAP_BYTES = 40;
/** Harts that wait for each other take their time on a busy host; below the limit of a test, to say where they are. */
const HANG_MS = 45_000;

/** One recorded trap. `handler` is the mode that took it. */
export interface RecordedTrap {
  readonly cause: bigint;
  readonly pc: bigint;
  readonly tval: bigint;
  readonly status: bigint;
  readonly handler: 'machine' | 'supervisor';
}

/** A test guest. */
export interface Guest {
  readonly text: string;
  /** More memory contents, such as page tables. */
  readonly segments?: readonly Segment[];
  readonly hartCount?: number;
  readonly memoryBytes?: number;
  /** Instead of the test run's. */
  readonly tier?: TestTier;
}

/** A guest ready to be loaded. */
export interface BuiltGuest {
  readonly elf: Uint8Array;
  readonly addressOf: (label: string) => bigint;
}

/** What a guest left behind. */
export interface GuestRun {
  readonly exit: MachineExit;
  readonly instructions: number;
  readonly addressOf: (label: string) => bigint;
  readonly trapsOf: (hart: number) => readonly RecordedTrap[];
  readonly valuesOf: (hart: number) => readonly bigint[];
  /** Of hart 0. */
  readonly traps: readonly RecordedTrap[];
  readonly values: readonly bigint[];
}

const MODES: Readonly<Record<string, number>> = {U: 0, S: 1, M: 3};

function expandMacros(text: string): string {
  let traps = 0;
  const lines = text.split('\n').map((line) => {
    const trap = /^\s*trap:\s*(.*)$/.exec(line);
    if (trap) {
      const id = traps++;
      return `la s11, trap${id}_end\ntrap${id}: ${trap[1]}\ntrap${id}_end:`;
    }
    const save = /^(\s*(?:\w+:)?)\s*save\s+(\w+)/.exec(line);
    if (save) return `${save[1]} sd ${save[2]}, 0(tp)\naddi tp, tp, 8`;
    const to = /^\s*to\s+([USM])\s*,\s*(\w+)/.exec(line);
    if (to)
      return `li t6, 0x1800\ncsrc mstatus, t6\nli t6, ${(MODES[to[1] ?? ''] ?? 0) << 11}\ncsrs mstatus, t6\nla t6, ${to[2]}\ncsrw mepc, t6\nmret`;
    if (/^\s*(\w+:)?\s*pass\b/.test(line)) return line.replace('pass', 'j frame_pass');
    return line;
  });
  return lines.join('\n');
}

const handler = (mode: 'm' | 's') => `
.balign 4
${mode}_trap:
  csrr t6, ${mode}cause
  sd t6, 0(gp)
  csrr t5, ${mode}epc
  sd t5, 8(gp)
  csrr t5, ${mode}tval
  sd t5, 16(gp)
  csrr t5, ${mode}status
  sd t5, 24(gp)
  li t5, ${mode === 'm' ? 3 : 1}
  sd t5, 32(gp)
  addi gp, gp, ${TRAP_BYTES}
  bge t6, zero, ${mode}_exception
  li t5, 1
  sll t5, t5, t6
  csrc ${mode}ie, t5
${mode}_exception:
  beqz s11, ${mode}_return
  csrw ${mode}epc, s11
${mode}_return:
  ${mode}ret
`;

/** Assembles a guest. */
export function buildGuest({text, segments = []}: Guest, finisher = 0x10_0000): BuiltGuest {
  const a = new Assembler(GUEST_BASE);
  assembleText(
    a,
    `
    csrr t6, mhartid
    slli t6, t6, 15
    li gp, ${LOGS}
    add gp, gp, t6
    li tp, ${LOGS + LOG_BYTES}
    add tp, tp, t6
    la t6, m_trap
    csrw mtvec, t6
    la t6, s_trap
    csrw stvec, t6
    j body
  frame_pass:
    li t5, 0x5555
    li t6, ${FINISHED}
    sd t5, 0(t6)
    la t6, frame_finisher
    ld t6, 0(t6)
    sw t5, 0(t6)
  frame_end: j frame_end
    ${handler('m')}
    ${handler('s')}
    .balign 16
  frame_finisher: .dword ${finisher}
    .dword 0
  body:
    ${expandMacros(text)}`,
  );
  const addressOf = (label: string) => BigInt(a.addressOf(label));
  const bytes = a.finish();
  if (GUEST_BASE + bytes.length > LOGS) throw new Error('the guest reaches into its logs');
  const symbols = /^\s*tohost:/m.test(text) ? {tohost: a.addressOf('tohost')} : {};
  return {
    elf: writeElf({entry: GUEST_BASE, segments: [{address: GUEST_BASE, bytes}, ...segments], symbols}),
    addressOf,
  };
}

/** A machine with the guest loaded, not started. The caller disposes it. */
export async function createMachine(guest: Guest, elf = buildGuest(guest).elf): Promise<Machine> {
  return await Machine.create(
    {
      memoryBytes: guest.memoryBytes ?? 16 * 1024 ** 2,
      hartCount: guest.hartCount ?? 1,
      ...(guest.tier ?? testTier()),
      boot: {kind: 'firmware', elf},
      devices: standardPlatform(),
    },
    {
      hartWorker: new URL('../../dist/engine-hart.js', import.meta.url),
      compilerWorker: new URL('../../dist/compiler.js', import.meta.url),
      models: platformModels,
    },
  );
}

interface Logs {
  readonly traps: readonly RecordedTrap[];
  readonly values: readonly bigint[];
}

const logsOf = (machine: Machine, hart: number) =>
  readLogs(machine.memory.view, LOGS - machine.memory.baseAddress, hart);

function readLogs(view: DataView, base: number, hart: number): Logs {
  const at = base + hart * HART_LOG_BYTES;
  const traps: RecordedTrap[] = [];
  const end = at + LOG_BYTES - TRAP_BYTES;
  for (let entry = at; entry < end && view.getBigUint64(entry + 32, true) !== 0n; entry += TRAP_BYTES) {
    const word = (index: number) => view.getBigUint64(entry + index * 8, true);
    traps.push({
      cause: word(0),
      pc: word(1),
      tval: word(2),
      status: word(3),
      handler: word(4) === 3n ? 'machine' : 'supervisor',
    });
  }
  const values: bigint[] = [];
  for (let i = 0; i < LOG_BYTES; i += 8) values.push(view.getBigUint64(at + LOG_BYTES + i, true));
  return {traps, values};
}

/** Runs a guest to its end. Throws when it does not end. */
export async function runGuest(guest: Guest): Promise<GuestRun> {
  const {elf, addressOf} = buildGuest(guest);
  await using machine = await createMachine(guest, elf);
  machine.start();
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const {instructions} = machine.counters();
    timeout.reject(new Error(`the guest hangs after ${instructions} instructions, ${show(logsOf(machine, 0))}`));
  }, HANG_MS);
  try {
    const exit = await Promise.race([machine.exited, timeout.promise]);
    const logs = Array.from({length: guest.hartCount ?? 1}, (_, hart) => logsOf(machine, hart));
    if (process.env['VIV_SYSTEM_QEMU']) await printDifferences(guest, logs);
    return {
      exit,
      addressOf,
      instructions: machine.counters().instructions,
      trapsOf: (hart) => logs[hart]!.traps,
      valuesOf: (hart) => logs[hart]!.values,
      traps: logs[0]!.traps,
      values: logs[0]!.values,
    };
  } finally {
    clearTimeout(timer);
  }
}

async function printDifferences(guest: Guest, ours: readonly Logs[]): Promise<void> {
  // Its test finisher would end QEMU: that store goes to plain memory.
  const {elf} = buildGuest(guest, FINISHED);
  const range = {address: LOGS, length: ours.length * HART_LOG_BYTES, finished: FINISHED};
  const bytes = await runUnderSystemQemu(elf, ours.length, guest.memoryBytes ?? 16 * 1024 ** 2, range);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  ours.forEach((logs, hart) => {
    const theirs = readLogs(view, 0, hart);
    const print = (what: string, ours: unknown, qemu: unknown) => {
      const [a, b] = [ours, qemu].map((value) =>
        inspect(value, {breakLength: 200}).replace(/(\d+)n/g, (_, d) => hex(BigInt(d))),
      );
      if (a !== b) console.log(`hart ${hart} ${what}: ours ${a} qemu ${b}`);
    };
    for (let i = 0; i < Math.max(logs.traps.length, theirs.traps.length); i++)
      print(`trap ${i}`, logs.traps[i], theirs.traps[i]);
    for (let i = 0; i < 128; i++) print(`value ${i}`, logs.values[i], theirs.values[i]);
  });
}

const hex = (value: bigint) => `0x${value.toString(16)}`;

function show({traps, values}: Logs): string {
  const seen = traps.slice(-8).map(({cause, pc, tval}) => `${hex(cause)} at ${hex(pc)} tval ${hex(tval)}`);
  return `traps: ${seen.join('; ')}; values: ${values.slice(0, 16).map(hex).join(' ')}`;
}
