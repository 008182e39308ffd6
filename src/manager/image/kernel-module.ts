/** Reads what a kernel module says about itself: its name, what it needs, and which devices and names it serves. */

/** The facts modprobe works with. Names have `_` where file names may have `-`. */
export interface ModuleInfo {
  readonly name: string;
  readonly dependencies: readonly string[];
  readonly aliases: readonly string[];
}

/**
 * Parses the `.modinfo` section of a 64-bit little-endian ELF object.
 * Shape:  .modinfo = KEY=VALUE strings, each ended by one NUL or more
 * Errors: throws RangeError when the file is no such object or its tables point outside of it
 * Source: ELF-64 Object File Format 1.5; Linux include/linux/module.h, MODULE_INFO
 */
export function parseModuleInfo(file: Uint8Array): ModuleInfo {
  const fields = new TextDecoder('latin1').decode(sectionBytes(file, '.modinfo')).split('\0');
  const values = (key: string) =>
    fields.filter((field) => field.startsWith(`${key}=`)).map((field) => field.slice(key.length + 1));
  const name = values('name')[0];
  if (name === undefined) throw new RangeError('a kernel module without a name');
  const dependencies = values('depends').flatMap((list) => list.split(','));
  return {
    name: canonicalModuleName(name),
    dependencies: dependencies.filter((one) => one !== '').map(canonicalModuleName),
    aliases: values('alias'),
  };
}

/** The name under which the kernel knows a module: `virtio-rng` and `virtio_rng` are one. */
export function canonicalModuleName(name: string): string {
  return name.replaceAll('-', '_');
}

/**
 * The module without the signature appended to it. Hashing a signed module costs the guest's boot 13 million
 * instructions, and a kernel started without its certificates cannot check the signature anyway.
 * Shape:  signature, {algorithm, hash, type, …: 8 bytes, signatureBytes: u32be}, "~Module signature appended~\n"
 * Source: Linux include/linux/module_signature.h
 */
export function withoutSignature(file: Uint8Array): Uint8Array {
  const trailer = file.length - SIGNATURE_MARK.length - SIGNATURE_INFO_BYTES;
  if (trailer < 0 || !SIGNATURE_MARK.every((byte, i) => file[trailer + SIGNATURE_INFO_BYTES + i] === byte)) return file;
  const signatureBytes = new DataView(file.buffer, file.byteOffset + trailer + 8, 4).getUint32(0);
  return signatureBytes > trailer ? file : file.subarray(0, trailer - signatureBytes);
}

const SIGNATURE_MARK = new TextEncoder().encode('~Module signature appended~\n');
const SIGNATURE_INFO_BYTES = 12;

const ELF_HEADER_BYTES = 64;
const SECTION_HEADER_BYTES = 64;

function sectionBytes(file: Uint8Array, wanted: string): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  // 0x7f 'E' 'L' 'F', class 2 (64 bit), data 1 (little endian)
  if (file.length < ELF_HEADER_BYTES || view.getUint32(0) !== 0x7f454c46 || view.getUint16(4) !== 0x0201)
    throw new RangeError('not a 64-bit little-endian ELF file');
  const tableOffset = Number(view.getBigUint64(40, true));
  const count = view.getUint16(60, true);
  const namesIndex = view.getUint16(62, true);
  // DataView throws RangeError on any offset outside of the file; slices are checked here.
  const section = (index: number): Uint8Array => {
    const header = tableOffset + index * SECTION_HEADER_BYTES;
    const offset = Number(view.getBigUint64(header + 24, true));
    const size = Number(view.getBigUint64(header + 32, true));
    if (offset + size > file.length) throw new RangeError('a section lies outside of the file');
    return file.subarray(offset, offset + size);
  };
  const names = section(namesIndex);
  const pattern = new TextEncoder().encode(`${wanted}\0`);
  for (let index = 0; index < count; index += 1) {
    const nameOffset = view.getUint32(tableOffset + index * SECTION_HEADER_BYTES, true);
    const name = names.subarray(nameOffset, nameOffset + pattern.length);
    if (name.length === pattern.length && name.every((byte, i) => byte === pattern[i])) return section(index);
  }
  throw new RangeError(`the file has no section ${wanted}`);
}
