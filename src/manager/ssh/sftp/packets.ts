/**
 * Packets of the SSH file transfer protocol, version 3, as the server has them. The library's own server is not used: it
 * hands requests on as fast as they come and keeps answers without bound, so that neither a slow guest nor a client that
 * does not read would be waited for.
 *
 * Shape:  packet = {length: u32be, type: u8, id: u32be, …}; string = {length: u32be, bytes}
 * Source: draft-ietf-secsh-filexfer-02; OpenSSH, PROTOCOL
 */

/** Longest packet that is taken: a write of the largest piece and its head. */
export const PACKET_BYTES_MAX = 262_144;
/** Most bytes of a file in one packet, either way. */
export const DATA_BYTES_MAX = PACKET_BYTES_MAX - 1024;
/** Longest path. Linux has no longer ones. */
export const PATH_BYTES_MAX = 4096;

/** How a request ended. */
export const STATUS = {
  OK: 0,
  EOF: 1,
  NO_SUCH_FILE: 2,
  PERMISSION_DENIED: 3,
  FAILURE: 4,
  BAD_MESSAGE: 5,
  OP_UNSUPPORTED: 8,
} as const;

/** Flags of `open`. */
export const OPEN = {READ: 1, WRITE: 2, APPEND: 4, CREAT: 8, TRUNC: 16, EXCL: 32} as const;

/** What is known of a file, or to be changed. Units: bytes, seconds since 1970; `mode` with the file's type */
export interface Attributes {
  readonly size?: number | undefined;
  readonly owner?: {readonly uid: number; readonly gid: number} | undefined;
  readonly mode?: number | undefined;
  readonly times?: {readonly atime: number; readonly mtime: number} | undefined;
}

/** A request of a client. Paths are as it wrote them. */
export type SftpRequest = {readonly id: number} & (
  | {readonly kind: 'open'; readonly path: string; readonly flags: number; readonly attributes: Attributes}
  | {readonly kind: 'close' | 'fstat' | 'readdir' | 'fsync'; readonly handle: string}
  | {readonly kind: 'read'; readonly handle: string; readonly offset: number; readonly length: number}
  | {readonly kind: 'write'; readonly handle: string; readonly offset: number; readonly data: Uint8Array}
  | {readonly kind: 'lstat' | 'stat' | 'opendir' | 'remove' | 'rmdir' | 'realpath' | 'readlink'; readonly path: string}
  | {readonly kind: 'setstat' | 'mkdir'; readonly path: string; readonly attributes: Attributes}
  | {readonly kind: 'fsetstat'; readonly handle: string; readonly attributes: Attributes}
  | {readonly kind: 'rename' | 'posix-rename'; readonly path: string; readonly newPath: string}
  | {readonly kind: 'symlink' | 'hardlink'; readonly target: string; readonly path: string}
  | {readonly kind: 'limits' | 'unsupported' | 'bad-name'}
);

/** A client that does not keep to the protocol. */
export class SftpFault extends Error {
  override readonly name = 'SftpFault';
}

const TYPES = {
  3: 'open',
  4: 'close',
  5: 'read',
  6: 'write',
  7: 'lstat',
  8: 'fstat',
  9: 'setstat',
  10: 'fsetstat',
  11: 'opendir',
  12: 'readdir',
  13: 'remove',
  14: 'mkdir',
  15: 'rmdir',
  16: 'realpath',
  17: 'stat',
  18: 'rename',
  19: 'readlink',
  20: 'symlink',
  200: 'extended',
} as const;
const EXTENSIONS = {
  'posix-rename@openssh.com': '1',
  'hardlink@openssh.com': '1',
  'fsync@openssh.com': '1',
  'limits@openssh.com': '1',
} as const;
const ATTR = {SIZE: 1, UIDGID: 2, PERMISSIONS: 4, ACMODTIME: 8, EXTENDED: 0x8000_0000} as const;

/** Cuts a stream into packets, without their lengths; holds at most one. Errors: SftpFault */
export class PacketCutter {
  #held: Buffer[] = [];
  #heldBytes = 0;

  push(bytes: Buffer): Buffer[] {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    const packets: Buffer[] = [];
    for (let length = this.#nextLength(); length !== undefined; length = this.#nextLength()) {
      if (length === 0 || length > PACKET_BYTES_MAX) throw new SftpFault(`A packet has ${length} bytes.`);
      if (this.#heldBytes < 4 + length) break;
      const all = Buffer.concat(this.#held);
      packets.push(all.subarray(4, 4 + length));
      this.#held = [all.subarray(4 + length)];
      this.#heldBytes = all.length - 4 - length;
    }
    return packets;
  }

  #nextLength(): number | undefined {
    if (this.#heldBytes < 4) return undefined;
    if (this.#held[0]!.length < 4) this.#held = [Buffer.concat(this.#held)];
    return this.#held[0]!.readUInt32BE(0);
  }
}

/** True for the packet that a client begins with. */
export function isInit(packet: Buffer): boolean {
  return packet[0] === 1 && packet.length >= 5;
}

/** Reads a request. Errors: SftpFault */
export function readRequest(packet: Buffer): SftpRequest {
  const fields = new Fields(packet);
  const type = fields.u8();
  const id = fields.u32();
  const kind: (typeof TYPES)[keyof typeof TYPES] | undefined = Object.entries(TYPES).find(
    ([number]) => Number(number) === type,
  )?.[1];
  try {
    switch (kind) {
      case 'open':
        return {id, kind, path: fields.path(), flags: fields.u32(), attributes: fields.attributes()};
      case 'close':
      case 'fstat':
      case 'readdir':
        return {id, kind, handle: fields.handle()};
      case 'read':
        return {id, kind, handle: fields.handle(), offset: fields.u64(), length: fields.u32()};
      case 'write':
        return {id, kind, handle: fields.handle(), offset: fields.u64(), data: fields.bytes()};
      case 'lstat':
      case 'stat':
      case 'opendir':
      case 'remove':
      case 'rmdir':
      case 'realpath':
      case 'readlink':
        return {id, kind, path: fields.path()};
      case 'setstat':
      case 'mkdir':
        return {id, kind, path: fields.path(), attributes: fields.attributes()};
      case 'fsetstat':
        return {id, kind, handle: fields.handle(), attributes: fields.attributes()};
      case 'rename':
        return {id, kind, path: fields.path(), newPath: fields.path()};
      case 'symlink':
        // OpenSSH has them the other way round than the draft, and all follow it.
        return {id, kind, target: fields.path(), path: fields.path()};
      case 'extended':
        return readExtended(id, fields);
      case undefined:
        return {id, kind: 'unsupported'};
    }
  } catch (thrown) {
    if (thrown instanceof BadName) return {id, kind: 'bad-name'};
    throw thrown;
  }
}

function readExtended(id: number, fields: Fields): SftpRequest {
  switch (fields.bytes().toString('latin1')) {
    case 'posix-rename@openssh.com':
      return {id, kind: 'posix-rename', path: fields.path(), newPath: fields.path()};
    case 'hardlink@openssh.com':
      return {id, kind: 'hardlink', target: fields.path(), path: fields.path()};
    case 'fsync@openssh.com':
      return {id, kind: 'fsync', handle: fields.handle()};
    case 'limits@openssh.com':
      return {id, kind: 'limits'};
    default:
      return {id, kind: 'unsupported'};
  }
}

/** What a server answers a client's beginning with. */
export function versionPacket(): Buffer {
  const extensions = Object.entries(EXTENSIONS).flatMap(([name, version]) => [text(name), text(version)]);
  return pack(2, [u32(3), ...extensions]);
}

/** `words` are for people. */
export function statusPacket(id: number, status: number, words: string): Buffer {
  return pack(101, [u32(id), u32(status), text(words), text('')]);
}

export function handlePacket(id: number, handle: string): Buffer {
  return pack(102, [u32(id), text(handle)]);
}

export function dataPacket(id: number, data: Uint8Array): Buffer {
  return pack(103, [u32(id), u32(data.length), data]);
}

/** Names with what is known of each; `line` is as `ls -l` has it. */
export function namesPacket(
  id: number,
  names: readonly {readonly name: Uint8Array; readonly line: Uint8Array; readonly attributes: Attributes}[],
): Buffer {
  const parts = names.flatMap(({name, line, attributes}) => [
    u32(name.length),
    name,
    u32(line.length),
    line,
    packAttributes(attributes),
  ]);
  return pack(104, [u32(id), u32(names.length), ...parts]);
}

export function attributesPacket(id: number, attributes: Attributes): Buffer {
  return pack(105, [u32(id), packAttributes(attributes)]);
}

/** Answers `limits`. */
export function limitsPacket(id: number, handlesMax: number): Buffer {
  return pack(201, [u32(id), ...[PACKET_BYTES_MAX, DATA_BYTES_MAX, DATA_BYTES_MAX, handlesMax].map(u64)]);
}

function packAttributes({size, owner, mode, times}: Attributes): Buffer {
  const flags =
    (size === undefined ? 0 : ATTR.SIZE) |
    (owner === undefined ? 0 : ATTR.UIDGID) |
    (mode === undefined ? 0 : ATTR.PERMISSIONS) |
    (times === undefined ? 0 : ATTR.ACMODTIME);
  return Buffer.concat([
    u32(flags),
    ...(size === undefined ? [] : [u64(size)]),
    ...(owner === undefined ? [] : [u32(owner.uid), u32(owner.gid)]),
    ...(mode === undefined ? [] : [u32(mode)]),
    ...(times === undefined ? [] : [u32(times.atime), u32(times.mtime)]),
  ]);
}

function pack(type: number, parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 1);
  return Buffer.concat([u32(length), Buffer.of(type), ...parts]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function text(words: string): Buffer {
  const bytes = Buffer.from(words);
  return Buffer.concat([u32(bytes.length), bytes]);
}

/** A name that no guest's agent can be told: not UTF-8, too long, or with a NUL. */
class BadName extends Error {}

/** Reads fields one after the other, never beyond the packet. */
class Fields {
  readonly #packet: Buffer;
  #at = 0;

  constructor(packet: Buffer) {
    this.#packet = packet;
  }

  u8(): number {
    return this.#take(1)[0]!;
  }

  u32(): number {
    return this.#take(4).readUInt32BE(0);
  }

  /** Beyond what a double holds exactly no file goes. */
  u64(): number {
    const value = this.#take(8).readBigUInt64BE(0);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new SftpFault('A place in a file is beyond all files.');
    return Number(value);
  }

  bytes(): Buffer {
    return this.#take(this.u32());
  }

  handle(): string {
    return this.bytes().toString('latin1', 0, 16);
  }

  path(): string {
    const bytes = this.bytes();
    if (bytes.length > PATH_BYTES_MAX || bytes.includes(0)) throw new BadName();
    try {
      return new TextDecoder('utf-8', {fatal: true}).decode(bytes);
    } catch {
      throw new BadName();
    }
  }

  attributes(): Attributes {
    const flags = this.u32();
    const has = (flag: number) => (flags & flag) !== 0;
    return {
      size: has(ATTR.SIZE) ? this.u64() : undefined,
      owner: has(ATTR.UIDGID) ? {uid: this.u32(), gid: this.u32()} : undefined,
      mode: has(ATTR.PERMISSIONS) ? this.u32() : undefined,
      // What follows in extensions is nobody's here.
      times: has(ATTR.ACMODTIME) ? {atime: this.u32(), mtime: this.u32()} : undefined,
    };
  }

  #take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#packet.length) throw new SftpFault('A packet ends too early.');
    const bytes = this.#packet.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}
