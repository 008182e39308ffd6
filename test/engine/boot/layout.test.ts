import {describe, expect, it} from 'vitest';
import type {BootPlan, MemoryRange} from '../../../src/engine/boot/boot-plan.js';
import type {ChosenSpec} from '../../../src/engine/boot/device-tree.js';
import {type BootSpec, planBoot} from '../../../src/engine/boot/layout.js';
import {EngineError} from '../../../src/engine/error.js';
import {buildElf, sampleElf} from './elf-builder.js';
import {buildImage} from './kernel-builder.js';

const MIB = 1024 * 1024;
const BASE = 0x8000_0000;
const memoryOf = (sizeBytes: number): MemoryRange => ({baseAddress: BASE, sizeBytes});

/** Plans with a device tree of a recognisable size and remembers what was chosen. */
function plan(boot: BootSpec, memory: MemoryRange, treeBytes = 5000): {plan: BootPlan; chosen: ChosenSpec} {
  let chosen: ChosenSpec | undefined;
  const made = planBoot(boot, memory, (values) => {
    chosen = values;
    return new Uint8Array(treeBytes).fill(0xdd);
  });
  return {plan: made, chosen: chosen!};
}

function errorOf(boot: BootSpec, memory: MemoryRange): EngineError {
  try {
    plan(boot, memory);
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  throw new Error('accepted');
}

function expectApartAndInside(boot: BootPlan, memory: MemoryRange): void {
  const sorted = boot.writes.toSorted((a, b) => a.address - b.address);
  let end = memory.baseAddress;
  for (const {address, bytes} of sorted) {
    expect(address).toBeGreaterThanOrEqual(end);
    end = address + bytes.length;
  }
  expect(end).toBeLessThanOrEqual(memory.baseAddress + memory.sizeBytes);
}

const linux = (initrdBytes: number, imageSize = 0x3000n): BootSpec => ({
  kind: 'linux',
  kernel: buildImage({imageSize}),
  commandLine: 'quiet',
  ...(initrdBytes > 0 ? {initrd: new Uint8Array(initrdBytes).fill(0x11)} : {}),
});

describe('Linux', () => {
  it('is entered in S-mode at its load address with hart id and device tree', () => {
    const {plan: boot} = plan(linux(0), memoryOf(64 * MIB));
    expect(boot.mode).toBe('supervisor');
    expect(boot.registers).toEqual({pc: BASE + 2 * MIB, a0: 0, a1: BASE + 62 * MIB});
    expect(boot.writes.map((write) => write.address)).toEqual([BASE + 2 * MIB, BASE + 62 * MIB]);
    expect(boot.writes[1]!.bytes[0]).toBe(0xdd);
  });

  it('finds its initrd where the device tree says, below the tree', () => {
    const memory = memoryOf(64 * MIB);
    const {plan: boot, chosen} = plan(linux(12345), memory);
    const initrd = boot.writes.find((write) => write.bytes[0] === 0x11)!;
    expect(chosen.initrd).toEqual({start: initrd.address, end: initrd.address + 12345});
    expect(initrd.address % 4096).toBe(0);
    expect(chosen.commandLine).toBe('quiet');
    expectApartAndInside(boot, memory);
  });

  it('has no initrd in the tree when there is none, or an empty one', () => {
    expect(plan(linux(0), memoryOf(64 * MIB)).chosen.initrd).toBeUndefined();
    const empty = {...linux(0), initrd: new Uint8Array(0)} as BootSpec;
    expect(plan(empty, memoryOf(64 * MIB)).chosen.initrd).toBeUndefined();
  });

  it('keeps tree and initrd below 4 GiB in a large memory', () => {
    const {plan: boot} = plan(linux(1000), memoryOf(3584 * MIB));
    for (const {address, bytes} of boot.writes) expect(address + bytes.length).toBeLessThanOrEqual(2 ** 32);
  });

  it('gets a fresh seed of 32 bytes each time', () => {
    const seeds = [1, 2].map(() => plan(linux(0), memoryOf(64 * MIB)).chosen.rngSeed);
    expect(seeds[0]).toHaveLength(32);
    expect(Buffer.compare(seeds[0]!, seeds[1]!)).not.toBe(0);
  });

  it('that is an ELF linked for address 0 goes to 2 MiB into RAM, with its entry', () => {
    const kernel = buildElf({
      entry: 0xffff_ffff_8000_0040n,
      segments: [
        {physicalAddress: 0n, virtualAddress: 0xffff_ffff_8000_0000n, bytes: new Uint8Array(128)},
        {physicalAddress: 0x4000n, virtualAddress: 0xffff_ffff_8000_4000n, bytes: new Uint8Array(16)},
      ],
    });
    const {plan: boot} = plan({kind: 'linux', kernel, commandLine: ''}, memoryOf(64 * MIB));
    expect(boot.registers.pc).toBe(BASE + 2 * MIB + 0x40);
    expect(boot.writes[1]!.address).toBe(BASE + 2 * MIB + 0x4000);
  });

  it('that is an ELF linked into RAM goes where it was linked', () => {
    const boot = plan({kind: 'linux', kernel: sampleElf(), commandLine: ''}, memoryOf(64 * MIB)).plan;
    expect(boot.registers.pc).toBe(BASE);
    expect(boot.writes[1]!.address).toBe(BASE + 0x1000);
  });

  it('names the memory needed when kernel and initrd do not fit', () => {
    const error = errorOf(linux(40 * MIB), memoryOf(32 * MIB));
    expect(error.code).toBe('too-large');
    expect(error.hint).toBe('Give the machine at least 45 MiB of memory.');
    expect(() => plan(linux(40 * MIB), memoryOf(46 * MIB))).not.toThrow();
  });

  it('keeps the initrd off the bss of the kernel', () => {
    const boot = linux(10 * MIB, BigInt(20 * MIB));
    expect(errorOf(boot, memoryOf(32 * MIB)).code).toBe('too-large');
    expect(() => plan(boot, memoryOf(36 * MIB))).not.toThrow();
  });

  it.each([
    ['bss', linux(0, 1n << 40n)],
    ['text offset', {kind: 'linux', kernel: buildImage({textOffset: 1n << 45n}), commandLine: ''} as const],
  ])('does not fit by its %s', (_, boot) => {
    expect(errorOf(boot, memoryOf(64 * MIB)).code).toBe('too-large');
  });

  it('refuses a command line that would be cut at a zero byte', () => {
    expect(errorOf({...linux(0), commandLine: 'a\0b'} as BootSpec, memoryOf(64 * MIB)).code).toBe('bad-spec');
  });
});

describe('firmware', () => {
  const firmware: BootSpec = {kind: 'firmware', elf: sampleElf()};

  it('is entered in M-mode at its entry with the device tree high in RAM', () => {
    const memory = memoryOf(64 * MIB);
    const {plan: boot} = plan(firmware, memory);
    expect(boot.mode).toBe('machine');
    expect(boot.registers).toEqual({pc: BASE, a0: 0, a1: BASE + 62 * MIB});
    expect(boot.symbol('tohost')).toBe(BASE + 0x1000);
    expectApartAndInside(boot, memory);
  });

  it('fits into a memory too small for the usual alignment', () => {
    const memory = memoryOf(64 * 1024);
    const {plan: boot} = plan(firmware, memory);
    expect(boot.registers.a1).toBe(BASE + 56 * 1024);
    expectApartAndInside(boot, memory);
  });

  it('with a bss up to the end leaves no place for the device tree', () => {
    const segments = [{physicalAddress: BigInt(BASE), bytes: new Uint8Array(8), memoryBytes: BigInt(MIB)}];
    const elf = buildElf({entry: BigInt(BASE), segments});
    expect(errorOf({kind: 'firmware', elf}, memoryOf(MIB)).code).toBe('too-large');
    expect(() => plan({kind: 'firmware', elf}, memoryOf(MIB + 8192))).not.toThrow();
  });

  it('is refused when linked outside RAM, below or above', () => {
    const at = (address: bigint): BootSpec => ({
      kind: 'firmware',
      elf: buildElf({entry: address, segments: [{physicalAddress: address, bytes: new Uint8Array(8)}]}),
    });
    expect(errorOf(at(0x1000n), memoryOf(MIB)).code).toBe('outside-memory');
    expect(errorOf(at(0x9000_0000n), memoryOf(MIB)).code).toBe('too-large');
  });

  it('is refused when its entry is not in it', () => {
    const segments = [{physicalAddress: BigInt(BASE), bytes: new Uint8Array(8)}];
    const elf = buildElf({entry: 0x1000n, segments});
    expect(errorOf({kind: 'firmware', elf}, memoryOf(MIB)).code).toBe('outside-memory');
  });
});
