/**
 * Starts a boot loader in S-mode, as the firmware of a PC starts one: U-Boot, which is EFI to what it loads. It boots from disks
 * by itself, or an EFI kernel that is put into RAM beside it:
 *   RAM start · stack of the loader · loader · free · at 64 MiB: kernel · initrd · free · device tree · RAM end
 * When it begins it moves itself to the end of RAM, below the tree; what it starts later gets copies made below that.
 */
import {EngineError} from '../error.js';
import type {BootPlan, MemoryRange} from './boot-plan.js';
import type {ChosenSpec} from './device-tree.js';
import {parseElf} from './elf.js';
import {readPeHeader} from './pe-header.js';
import {
  alignDown,
  alignUp,
  DEVICE_TREE_SLOT_BYTES,
  doesNotFit,
  highEnd,
  PAGE_BYTES,
  requireInside,
} from './placement.js';
import {bootDisks, bootProgram} from './u-boot-script.js';

/** A kernel that the loader is to start instead of what is on disks: an EFI program, as distributions ship them. */
export interface LoadedProgram {
  readonly kernel: Uint8Array;
  readonly initrd?: Uint8Array;
  readonly commandLine: string;
}

/** What a loader is started for: the program, or else the first of `diskCount` disks that has a boot loader. */
export interface LoaderBoot {
  readonly loader: Uint8Array;
  readonly program?: LoadedProgram;
  readonly diskCount: number;
}

const MIB = 1024 * 1024;
/** Where U-Boot itself loads kernels on this machine; its own code and what it has before it moves lie below. */
const PROGRAM_OFFSET = 64 * MIB;
/** What a loader needs at the end of RAM: 1 MiB of code, 8 of heap, its stack, and what EFI programs ask for. */
const LOADER_ROOM_BYTES = 64 * MIB;

/** Errors: EngineError for what is no loader or EFI program, or does not fit */
export function planLoader(
  {loader, program, diskCount}: LoaderBoot,
  memory: MemoryRange,
  deviceTree: (chosen: ChosenSpec) => Uint8Array,
  rngSeed: Uint8Array,
): BootPlan {
  const elf = parseElf(loader);
  const limit = memory.baseAddress + PROGRAM_OFFSET;
  for (const {physicalAddress, memoryBytes} of elf.segments) {
    requireInside(memory, physicalAddress, memoryBytes);
    if (physicalAddress + memoryBytes > limit)
      throw new EngineError(
        'too-large',
        'The boot loader reaches beyond the first 64 MiB of memory, where what it starts is put.',
        'Use the U-Boot of the Debian package u-boot-qemu.',
      );
  }
  const kernelAddress = limit;
  const initrdAddress = alignUp(kernelAddress + (program?.kernel.length ?? 0), PAGE_BYTES);
  const programEnd = alignUp(initrdAddress + (program?.initrd?.length ?? 0), PAGE_BYTES);
  const slot = alignDown(highEnd(memory) - DEVICE_TREE_SLOT_BYTES, DEVICE_TREE_SLOT_BYTES);
  // The kernel is there twice while it is started.
  const room = LOADER_ROOM_BYTES + (program?.kernel.length ?? 0);
  if (programEnd + room > slot)
    throw doesNotFit(memory, programEnd - memory.baseAddress + room + 2 * DEVICE_TREE_SLOT_BYTES);
  if (program !== undefined) requireEfiProgram(program.kernel);

  const blob = deviceTree({
    rngSeed,
    bootCommand:
      program === undefined
        ? bootDisks(diskCount)
        : bootProgram(program.commandLine, {address: kernelAddress, sizeBytes: program.kernel.length}),
    ...(program?.initrd === undefined
      ? {}
      : {initrd: {start: initrdAddress, end: initrdAddress + program.initrd.length}, isInitrdReserved: true}),
  });
  if (blob.length > DEVICE_TREE_SLOT_BYTES) throw new RangeError(`device tree of ${blob.length} bytes`);
  return {
    writes: [
      ...elf.segments.map(({physicalAddress, bytes}) => ({address: physicalAddress, bytes})),
      ...(program === undefined ? [] : [{address: kernelAddress, bytes: program.kernel}]),
      ...(program?.initrd === undefined ? [] : [{address: initrdAddress, bytes: program.initrd}]),
      {address: slot, bytes: blob},
    ],
    registers: {pc: elf.entry, a0: 0, a1: slot},
    mode: 'supervisor',
    symbol: () => undefined,
  };
}

function requireEfiProgram(kernel: Uint8Array): void {
  const pe = readPeHeader(kernel);
  if (pe?.machine === 'riscv64' && pe.fileBytes <= kernel.length) return;
  throw new EngineError(
    'not-a-kernel',
    'The kernel is not an EFI program for riscv64, which is what a boot loader starts.',
    'Give an uncompressed Image or an EFI zboot kernel.',
  );
}
