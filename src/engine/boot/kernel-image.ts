/**
 * Recognises what people call a kernel: RISC-V Linux `Image`, `Image.gz` (or .zst), the EFI zboot program and `vmlinux`
 * or any other ELF. All become segments relative to one load address.
 */
import {EngineError} from '../error.js';
import {compressionOf, decompress} from './decompress.js';
import {checkElfHead, isElf, parseElf} from './elf.js';
import {readPeHeader} from './pe-header.js';
import {isZboot, unpackZboot} from './zboot.js';

const IMAGE_HEADER_BYTES = 64;
const TEXT_OFFSET_AT = 8;
const IMAGE_SIZE_AT = 16;
const FLAGS_AT = 24;
const MAGIC2_AT = 56;
const RISCV_MAGIC2 = 'RSC\x05';
const ARM64_MAGIC2 = 'ARM\x64';
const X86_MAGIC = 'HdrS';
const X86_MAGIC_AT = 0x202;
/** A packed kernel inside a packed kernel inside a packed file; deeper nesting is an attack. */
const MAX_LAYERS = 3;

/** Load addresses of RV64 Linux kernels are multiples of this. */
export const KERNEL_ALIGNMENT = 2 * 1024 * 1024;

/** Enough of a file for `checkKernelHead`: all magic numbers lie in its first page. */
export const KERNEL_HEAD_BYTES = 4096;

/** Bytes of a kernel at `offset` from its load address; the rest up to `memoryBytes` is zero. */
export interface KernelSegment {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly memoryBytes: number;
}

/**
 * A kernel ready to be placed.
 * Units: offsets are bytes from the load address
 */
export interface KernelImage {
  readonly segments: readonly KernelSegment[];
  readonly entryOffset: number;
  /** From the load address to the end of bss. */
  readonly memoryBytes: number;
  /** Where it wants to be: bytes from the start of RAM, or the guest-physical address it was linked for. */
  readonly load: {readonly textOffset: number} | {readonly linkAddress: number};
}

/**
 * Reads a kernel file of any supported format.
 * Errors: EngineError only, whatever the bytes are; unpacked size is bounded by MAX_UNPACKED_BYTES
 */
export function readKernel(file: Uint8Array): KernelImage {
  let bytes = file;
  for (let layer = 0; layer < MAX_LAYERS; layer++) {
    if (isElf(bytes)) return fromElf(bytes);
    if (hasTextAt(bytes, MAGIC2_AT, RISCV_MAGIC2) && !isZboot(bytes)) return fromImage(bytes);
    const method = compressionOf(bytes);
    if (isZboot(bytes)) {
      refuseOtherMachine(bytes);
      bytes = unpackZboot(bytes);
    } else if (method !== undefined) {
      bytes = decompress(bytes, method);
    } else {
      throw unrecognised(bytes);
    }
  }
  throw unrecognised(bytes);
}

/**
 * Refuses what is certainly no kernel for this machine by the first KERNEL_HEAD_BYTES of a file, without unpacking it.
 * What passes may still be refused by `readKernel`.
 * Errors: EngineError 'not-a-kernel' | 'wrong-machine' | 'truncated-image'
 */
export function checkKernelHead(head: Uint8Array): void {
  if (isElf(head)) checkElfHead(head);
  else if (isZboot(head)) refuseOtherMachine(head);
  else if (!hasTextAt(head, MAGIC2_AT, RISCV_MAGIC2) && compressionOf(head) === undefined) throw unrecognised(head);
}

/** Source: Linux Documentation/arch/riscv/boot-image-header.rst */
function fromImage(bytes: Uint8Array): KernelImage {
  if (bytes.length < IMAGE_HEADER_BYTES) throw truncated();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if ((view.getUint32(FLAGS_AT, true) & 1) !== 0) {
    throw new EngineError(
      'wrong-machine',
      'The kernel is built for big-endian riscv64.',
      'Use a little-endian kernel; every distribution ships those.',
    );
  }
  const pe = readPeHeader(bytes);
  if (pe !== undefined && pe.fileBytes > bytes.length) throw truncated();
  const textOffset = view.getBigUint64(TEXT_OFFSET_AT, true);
  const imageBytes = view.getBigUint64(IMAGE_SIZE_AT, true);
  if (textOffset > Number.MAX_SAFE_INTEGER / 4 || imageBytes > Number.MAX_SAFE_INTEGER / 4) {
    throw new EngineError(
      'too-large',
      'The header of the kernel asks for more memory than any machine has.',
      'The file is damaged: copy or download it again.',
    );
  }
  // A header may leave image_size 0; the file is then all there is to go by.
  const memoryBytes = Math.max(Number(imageBytes), bytes.length);
  return {
    segments: [{offset: 0, bytes, memoryBytes}],
    entryOffset: 0,
    memoryBytes,
    load: {textOffset: Number(textOffset)},
  };
}

/** Linux links `vmlinux` for physical address 0 (it runs anywhere); other kernels for where they must be. */
function fromElf(bytes: Uint8Array): KernelImage {
  const elf = parseElf(bytes);
  const linkAddress = Math.min(...elf.segments.map((segment) => segment.physicalAddress));
  const segments = elf.segments.map(({physicalAddress, bytes: contents, memoryBytes}) => ({
    offset: physicalAddress - linkAddress,
    bytes: contents,
    memoryBytes,
  }));
  const memoryBytes = Math.max(...segments.map((segment) => segment.offset + segment.memoryBytes));
  const entryOffset = elf.entry - linkAddress;
  if (entryOffset < 0 || entryOffset >= memoryBytes) {
    throw new EngineError(
      'not-a-kernel',
      'The ELF program starts at an address outside of itself.',
      'Link it with an entry symbol (usually _start).',
    );
  }
  return {segments, entryOffset, memoryBytes, load: {linkAddress}};
}

function refuseOtherMachine(bytes: Uint8Array): void {
  const machine = readPeHeader(bytes)?.machine;
  if (machine !== undefined && machine !== 'riscv64') throw wrongMachine(machine);
}

function unrecognised(bytes: Uint8Array): EngineError {
  if (hasTextAt(bytes, MAGIC2_AT, ARM64_MAGIC2)) return wrongMachine('aarch64');
  if (hasTextAt(bytes, X86_MAGIC_AT, X86_MAGIC)) return wrongMachine('x86-64');
  const machine = readPeHeader(bytes)?.machine;
  if (machine !== undefined && machine !== 'riscv64') return wrongMachine(machine);
  return new EngineError(
    'not-a-kernel',
    bytes.length === 0 ? 'The kernel file is empty.' : 'The file is not a kernel viv knows how to start.',
    'Give a riscv64 Linux Image, Image.gz, EFI zboot kernel or ELF file.',
  );
}

function wrongMachine(machine: string): EngineError {
  return new EngineError(
    'wrong-machine',
    `The kernel is built for ${machine}, not for riscv64.`,
    'Use a kernel for riscv64 (for Debian: the package linux-image-riscv64).',
  );
}

function truncated(): EngineError {
  return new EngineError(
    'truncated-image',
    'The kernel file ends before its headers say.',
    'Copy or download it again: the file is incomplete.',
  );
}

function hasTextAt(bytes: Uint8Array, offset: number, text: string): boolean {
  if (offset + text.length > bytes.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[offset + i] !== text.charCodeAt(i)) return false;
  return true;
}
