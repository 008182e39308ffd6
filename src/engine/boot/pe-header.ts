/**
 * The little we read of a PE header: EFI kernels carry one in front, and it says which processor they are for and how
 * long the file has to be.
 */

const PE_OFFSET_AT = 60;
const COFF_HEADER_BYTES = 24;
const SECTION_BYTES = 40;

const MACHINE_NAMES: Readonly<Record<number, string>> = {
  332: 'i386',
  452: 'arm',
  20530: 'riscv32',
  20580: 'riscv64',
  25138: 'loongarch32',
  25188: 'loongarch64',
  34404: 'x86-64',
  43620: 'aarch64',
};

/** What a PE header says. `fileBytes` is the least length a complete file has. */
export interface PeHeader {
  readonly machine: string;
  readonly fileBytes: number;
}

/**
 * Reads the PE header a DOS header points to, or undefined when there is none in the file.
 * Source: Microsoft PE/COFF specification, sections 2–4
 */
export function readPeHeader(file: Uint8Array): PeHeader | undefined {
  if (file.length < PE_OFFSET_AT + 4 || file[0] !== 0x4d || file[1] !== 0x5a) return undefined;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const at = view.getUint32(PE_OFFSET_AT, true);
  if (at + COFF_HEADER_BYTES > file.length || view.getUint32(at, false) !== 0x50450000) return undefined;
  const machine = view.getUint16(at + 4, true);
  const sectionCount = view.getUint16(at + 6, true);
  const sectionsAt = at + COFF_HEADER_BYTES + view.getUint16(at + 20, true);
  let fileBytes = sectionsAt + sectionCount * SECTION_BYTES;
  for (let i = 0; i < sectionCount; i++) {
    const section = sectionsAt + i * SECTION_BYTES;
    if (section + SECTION_BYTES > file.length) break;
    fileBytes = Math.max(fileBytes, view.getUint32(section + 16, true) + view.getUint32(section + 20, true));
  }
  return {machine: MACHINE_NAMES[machine] ?? `PE machine ${machine}`, fileBytes};
}
