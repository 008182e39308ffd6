/** Writes a RISC-V Linux Image: the 64-byte header, then zeros up to `fileBytes`. */
export function buildImage(
  spec: {textOffset?: bigint; imageSize?: bigint; flags?: bigint; fileBytes?: number; fill?: number} = {},
): Uint8Array<ArrayBuffer> {
  const {textOffset = 0x20_0000n, imageSize = 0x3000n, flags = 0n, fileBytes = 0x2000, fill = 0} = spec;
  const file = new Uint8Array(fileBytes).fill(fill);
  file.fill(0, 0, 64);
  const view = new DataView(file.buffer);
  view.setBigUint64(8, textOffset, true);
  view.setBigUint64(16, imageSize, true);
  view.setBigUint64(24, flags, true);
  file.set(new TextEncoder().encode('RISCV'), 48);
  file.set(new TextEncoder().encode('RSC\x05'), 56);
  return file;
}

/** Puts a PE header with one section of `sectionBytes` at `sectionAt` into an EFI file, at offset 64. */
export function addPeHeader(file: Uint8Array, machine: number, sectionAt: number, sectionBytes: number): void {
  const view = new DataView(file.buffer);
  file.set([0x4d, 0x5a]);
  view.setUint32(60, 64, true);
  file.set([0x50, 0x45, 0, 0], 64);
  view.setUint16(68, machine, true);
  view.setUint16(70, 1, true);
  view.setUint32(88 + 16, sectionBytes, true);
  view.setUint32(88 + 20, sectionAt, true);
}

/** Wraps a compressed kernel into an EFI zboot file. */
export function buildZboot(payload: Uint8Array, method: string): Uint8Array<ArrayBuffer> {
  const offset = 512;
  const file = new Uint8Array(offset + payload.length + 16);
  const view = new DataView(file.buffer);
  addPeHeader(file, 0x5064, offset, payload.length);
  file.set(new TextEncoder().encode('zimg'), 4);
  view.setUint32(8, offset, true);
  view.setUint32(12, payload.length, true);
  file.set(new TextEncoder().encode(method), 24);
  file.set(payload, offset);
  return file;
}
