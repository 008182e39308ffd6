/** Arithmetic of places in RAM, and what is said when something has none. */
import {EngineError} from '../error.js';
import type {MemoryRange} from './boot-plan.js';

const MIB = 1024 * 1024;
/** Smallest unit of guest memory. */
export const PAGE_BYTES = 4096;
/** Linux maps the blob through a window of 2 MiB, so it must not straddle such a boundary. */
export const DEVICE_TREE_SLOT_BYTES = 2 * MIB;
/** Tree and initrd stay below this, where 32-bit firmware and old boot code still reach them. */
const HIGH_LIMIT = 0x1_0000_0000;

/** As high as possible, on a 2 MiB boundary where memory is large enough for that. */
export function placeTree(memory: MemoryRange, floor: number, sizeBytes: number): number | undefined {
  const end = highEnd(memory);
  return [DEVICE_TREE_SLOT_BYTES, PAGE_BYTES, 8]
    .map((alignment) => alignDown(end - sizeBytes, alignment))
    .find((address) => address >= floor);
}

/** End of the memory that boot code reaches. */
export function highEnd(memory: MemoryRange): number {
  return Math.min(memory.baseAddress + memory.sizeBytes, HIGH_LIMIT);
}

/** Errors: EngineError 'outside-memory' | 'too-large' for a program that has no place in RAM */
export function requireInside(memory: MemoryRange, address: number, sizeBytes: number): void {
  if (address < memory.baseAddress) throw outsideMemory(memory, address);
  const needed = address + sizeBytes - memory.baseAddress;
  if (needed > memory.sizeBytes) throw doesNotFit(memory, needed);
}

/** Of a program linked for an address where there is no RAM. */
export function outsideMemory(memory: MemoryRange, address: number): EngineError {
  return new EngineError(
    'outside-memory',
    `The program wants to be at address 0x${address.toString(16)}, where the machine has no memory.`,
    `Link it for an address from 0x${memory.baseAddress.toString(16)} on.`,
  );
}

/** Of a machine with too little RAM for what it is to start. */
export function doesNotFit(memory: MemoryRange, neededBytes: number): EngineError {
  return new EngineError(
    'too-large',
    `What is to be started needs ${mib(neededBytes)} of memory, but the machine has ${mib(memory.sizeBytes)}.`,
    `Give the machine at least ${mib(neededBytes)} of memory.`,
  );
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / MIB)} MiB`;
}

/** Arithmetic, not bit operations: addresses exceed 32 bits. */
export function alignDown(value: number, alignment: number): number {
  return Math.floor(value / alignment) * alignment;
}

/** See `alignDown`. */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
