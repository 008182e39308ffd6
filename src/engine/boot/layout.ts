/**
 * Decides what stands where in RAM when a machine starts:
 *   firmware: ELF segments where they were linked; device tree high
 *   loader:   see `loader.ts`
 *   linux:    RAM start · [text offset] kernel · free · initrd · device tree · RAM end (or 4 GiB, if that is lower)
 * Nothing is written here; the plan lists the writes and the start registers of hart 0.
 */
import {randomBytes} from 'node:crypto';
import {EngineError} from '../error.js';
import type {BootPlan, MemoryRange} from './boot-plan.js';
import type {ChosenSpec} from './device-tree.js';
import {type ElfImage, parseElf} from './elf.js';
import {KERNEL_ALIGNMENT, type KernelImage, readKernel} from './kernel-image.js';
import {type LoaderBoot, planLoader} from './loader.js';
import {
  alignDown,
  alignUp,
  DEVICE_TREE_SLOT_BYTES,
  doesNotFit,
  highEnd,
  outsideMemory,
  PAGE_BYTES,
  placeTree,
  requireInside,
} from './placement.js';

const RNG_SEED_BYTES = 32;

/**
 * What a machine starts with.
 * - `firmware`: an ELF entered in M-mode at its entry
 * - `linux`: a kernel of any supported format entered in S-mode, SBI served by the emulator
 * - `loader`: a boot loader entered the same way, see `loader.ts`
 */
export type BootSpec =
  | {readonly kind: 'firmware'; readonly elf: Uint8Array}
  | {
      readonly kind: 'linux';
      readonly kernel: Uint8Array;
      readonly initrd?: Uint8Array;
      readonly commandLine: string;
    }
  | ({readonly kind: 'loader'} & LoaderBoot);

/**
 * Lays a boot out in RAM.
 * `deviceTree` builds the blob for given chosen values; `rngSeed` is fixed only by deterministic runs.
 * Errors: EngineError for files that are no kernels, do not fit, or are linked outside RAM
 */
export function planBoot(
  boot: BootSpec,
  memory: MemoryRange,
  deviceTree: (chosen: ChosenSpec) => Uint8Array,
  rngSeed: Uint8Array = randomBytes(RNG_SEED_BYTES),
): BootPlan {
  switch (boot.kind) {
    case 'firmware':
      return planFirmware(parseElf(boot.elf), memory, deviceTree, rngSeed);
    case 'linux':
      return planLinux(boot, memory, deviceTree, rngSeed);
    case 'loader':
      return planLoader(boot, memory, deviceTree, rngSeed);
  }
}

function planFirmware(
  elf: ElfImage,
  memory: MemoryRange,
  deviceTree: (chosen: ChosenSpec) => Uint8Array,
  rngSeed: Uint8Array,
): BootPlan {
  let end = memory.baseAddress;
  for (const {physicalAddress, memoryBytes} of elf.segments) {
    requireInside(memory, physicalAddress, memoryBytes);
    end = Math.max(end, physicalAddress + memoryBytes);
  }
  if (elf.entry < memory.baseAddress || elf.entry >= end) throw outsideMemory(memory, elf.entry);
  const blob = deviceTree({rngSeed});
  const treeAddress = placeTree(memory, end, blob.length);
  if (treeAddress === undefined) throw doesNotFit(memory, end - memory.baseAddress + blob.length);
  return {
    writes: [
      ...elf.segments.map(({physicalAddress, bytes}) => ({address: physicalAddress, bytes})),
      {address: treeAddress, bytes: blob},
    ],
    registers: {pc: elf.entry, a0: 0, a1: treeAddress},
    mode: 'machine',
    symbol: (name) => elf.symbol(name),
  };
}

function planLinux(
  boot: Extract<BootSpec, {kind: 'linux'}>,
  memory: MemoryRange,
  deviceTree: (chosen: ChosenSpec) => Uint8Array,
  rngSeed: Uint8Array,
): BootPlan {
  const {commandLine, initrd = new Uint8Array(0)} = boot;
  if (commandLine.includes('\0')) {
    throw new EngineError('bad-spec', 'The kernel command line contains a zero byte.', 'Remove it.');
  }
  const kernel = readKernel(boot.kernel);
  const loadAddress = loadAddressOf(kernel, memory);
  const kernelEnd = loadAddress + kernel.memoryBytes;
  const neededBytes = kernelEnd - memory.baseAddress + initrd.length + PAGE_BYTES + DEVICE_TREE_SLOT_BYTES;

  // The slot's size does not depend on the initrd's place, so the tree that names that place fits wherever we put it.
  const slot = alignDown(highEnd(memory) - DEVICE_TREE_SLOT_BYTES, DEVICE_TREE_SLOT_BYTES);
  const initrdAddress = alignDown(slot - initrd.length, PAGE_BYTES);
  if (initrdAddress < kernelEnd) throw doesNotFit(memory, neededBytes);
  const hasInitrd = initrd.length > 0;
  const blob = deviceTree({
    commandLine,
    rngSeed,
    ...(hasInitrd ? {initrd: {start: initrdAddress, end: initrdAddress + initrd.length}} : {}),
  });
  if (blob.length > DEVICE_TREE_SLOT_BYTES) throw new RangeError(`device tree of ${blob.length} bytes`);
  return {
    writes: [
      ...kernel.segments.map(({offset, bytes}) => ({address: loadAddress + offset, bytes})),
      ...(hasInitrd ? [{address: initrdAddress, bytes: initrd}] : []),
      {address: slot, bytes: blob},
    ],
    registers: {pc: loadAddress + kernel.entryOffset, a0: 0, a1: slot},
    mode: 'supervisor',
    symbol: () => undefined,
  };
}

/** A kernel linked below RAM (Linux links for 0) runs anywhere; one linked into RAM runs only there. */
function loadAddressOf(kernel: KernelImage, memory: MemoryRange): number {
  const {load, memoryBytes} = kernel;
  if ('linkAddress' in load && load.linkAddress >= memory.baseAddress) {
    requireInside(memory, load.linkAddress, memoryBytes);
    return load.linkAddress;
  }
  const offset = 'textOffset' in load ? load.textOffset : KERNEL_ALIGNMENT;
  const address = alignUp(memory.baseAddress + offset, KERNEL_ALIGNMENT);
  if (address + memoryBytes > memory.baseAddress + memory.sizeBytes) {
    throw doesNotFit(memory, address - memory.baseAddress + memoryBytes);
  }
  return address;
}
