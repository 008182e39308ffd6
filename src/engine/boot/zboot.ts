import {EngineError} from '../error.js';
import {decompress} from './decompress.js';

const PAYLOAD_OFFSET_AT = 8;
const PAYLOAD_SIZE_AT = 12;
const METHOD_AT = 24;
const METHOD_BYTES = 32;
const HEADER_BYTES = METHOD_AT + METHOD_BYTES;

/** True for a Linux kernel packed into an EFI program that unpacks itself ("zboot"). */
export function isZboot(bytes: Uint8Array): boolean {
  const magic = [0x4d, 0x5a, undefined, undefined, 0x7a, 0x69, 0x6d, 0x67]; // "MZ", 2 free bytes, "zimg"
  return bytes.length >= HEADER_BYTES && magic.every((byte, i) => byte === undefined || bytes[i] === byte);
}

/**
 * Unpacks the kernel inside a zboot file.
 * Shape:  "MZ", u16, "zimg", payload offset u32le, payload bytes u32le, 8 bytes, method as C string at 24
 * Errors: as `decompress`, and 'truncated-image' when the payload is not all there
 * Source: Linux drivers/firmware/efi/libstub/zboot-header.S
 */
export function unpackZboot(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const offset = view.getUint32(PAYLOAD_OFFSET_AT, true);
  const size = view.getUint32(PAYLOAD_SIZE_AT, true);
  if (offset + size > file.length) {
    throw new EngineError(
      'truncated-image',
      'The EFI kernel ends before the compressed kernel inside it does.',
      'Copy or download it again: the file is incomplete.',
    );
  }
  const field = file.subarray(METHOD_AT, METHOD_AT + METHOD_BYTES);
  const end = field.indexOf(0);
  const method = new TextDecoder('latin1').decode(end < 0 ? field : field.subarray(0, end));
  return decompress(file.subarray(offset, offset + size), printable(method));
}

/** Newer kernels name the level too ("zstd22"); what is shown to people must not carry control bytes. */
function printable(method: string): string {
  const name = /^(gzip|zstd)/.exec(method)?.[1] ?? method.replace(/[^\x20-\x7e]/g, '?');
  return name === '' ? 'an unnamed method' : name;
}
