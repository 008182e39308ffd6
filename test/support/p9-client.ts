/**
 * The guest's side of a 9P share, for tests: encodes requests by hand, and can send what no kernel would. It shares no code
 * with the server, so that both have to agree with the protocol.
 */
import {P9Device, type P9Options} from '../../src/paravirt/devices/p9.js';
import {MmioDriver} from './driver-mmio.js';
import {FakeMemory} from './fake-memory.js';

export const NO_FID = 0xffff_ffff;

/** Numbers of requests. */
export const T = {
  STATFS: 8,
  LOPEN: 12,
  LCREATE: 14,
  SYMLINK: 16,
  MKNOD: 18,
  RENAME: 20,
  READLINK: 22,
  GETATTR: 24,
  SETATTR: 26,
  XATTRWALK: 30,
  XATTRCREATE: 32,
  READDIR: 40,
  FSYNC: 50,
  LOCK: 52,
  GETLOCK: 54,
  LINK: 70,
  MKDIR: 72,
  RENAMEAT: 74,
  UNLINKAT: 76,
  VERSION: 100,
  ATTACH: 104,
  FLUSH: 108,
  WALK: 110,
  READ: 116,
  WRITE: 118,
  CLUNK: 120,
  REMOVE: 122,
} as const;

export const u8 = (value: number) => Buffer.from([value]);
export const u16 = (value: number) => Buffer.from([value & 255, value >> 8]);
export const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};
export const u64 = (value: number | bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
export const text = (value: string | Uint8Array) =>
  Buffer.concat([u16(Buffer.from(value as string).length), Buffer.from(value as string)]);

/** A reply: its type, and its fields; `errno` of an error. */
export interface Reply {
  readonly type: number;
  readonly body: Buffer;
  readonly errno: number | undefined;
}

/** One entry of a folder. */
export interface Entry {
  readonly name: string;
  readonly type: number;
  readonly cookie: number;
}

/** A share with a driver that uses it. */
export class P9Client implements AsyncDisposable {
  readonly device: P9Device;
  readonly driver: MmioDriver;
  #tag = 1;

  constructor(options: Omit<P9Options, 'tag' | 'isReadOnly'> & Partial<P9Options>, saved?: string) {
    this.device = new P9Device({tag: 'share', isReadOnly: true, ...options});
    if (saved !== undefined) this.device.restore(saved);
    this.driver = new MmioDriver(this.device, new FakeMemory(4 << 20));
    this.driver.start(undefined, 128);
  }

  /** Sends a request as one buffer to read and one to write; the reply. */
  call(type: number, fields: readonly Uint8Array[], room = 8192, data?: Uint8Array): Promise<Reply> {
    const body = Buffer.concat([...fields, ...(data === undefined ? [] : [data])]);
    return this.raw(Buffer.concat([u32(7 + body.length), u8(type), u16(this.#tag++), body]), room);
  }

  /** Sends bytes as they are. */
  async raw(bytes: Uint8Array, room = 8192): Promise<Reply> {
    const queue = this.driver.queues[0]!;
    queue.rewind();
    queue.add({read: bytes}, {write: room});
    this.driver.notify(0);
    for (;;) {
      const used = queue.takeUsed();
      if (used !== undefined) return parse(Buffer.from(used.written.subarray(0, used.length)));
      if (this.driver.needsReset) throw new Error('the device needs a reset');
      await new Promise(setImmediate);
    }
  }

  /** Begins a session: fid 0 is the shared folder. */
  async begin(messageBytes = 65_536): Promise<this> {
    await this.call(T.VERSION, [u32(messageBytes), text('9P2000.L')]);
    await this.call(T.ATTACH, [u32(0), u32(NO_FID), text('root'), text(''), u32(0)]);
    return this;
  }

  walk(fid: number, newFid: number, ...names: (string | Uint8Array)[]): Promise<Reply> {
    return this.call(T.WALK, [u32(fid), u32(newFid), u16(names.length), ...names.map(text)]);
  }

  open(fid: number, flags = 0): Promise<Reply> {
    return this.call(T.LOPEN, [u32(fid), u32(flags)]);
  }

  create(fid: number, name: string, mode = 0o644, flags = 2): Promise<Reply> {
    return this.call(T.LCREATE, [u32(fid), text(name), u32(flags), u32(mode), u32(0)]);
  }

  /** The bytes, or the error's number. */
  async read(fid: number, position: number | bigint, count: number): Promise<Buffer | number> {
    const reply = await this.call(T.READ, [u32(fid), u64(position), u32(count)], Math.max(11, count + 11));
    return reply.errno ?? reply.body.subarray(4, 4 + reply.body.readUInt32LE());
  }

  write(fid: number, position: number | bigint, data: Uint8Array): Promise<Reply> {
    return this.call(T.WRITE, [u32(fid), u64(position), u32(data.length)], 11, data);
  }

  clunk(fid: number): Promise<Reply> {
    return this.call(T.CLUNK, [u32(fid)]);
  }

  async attributes(fid: number) {
    const {errno, body} = await this.call(T.GETATTR, [u32(fid), u64(0x7ff)]);
    if (errno !== undefined) return {errno};
    const seconds = Number(body.readBigUInt64LE(8 + 13 + 12 + 40 + 16));
    return {
      mode: body.readUInt32LE(21),
      user: body.readUInt32LE(25),
      group: body.readUInt32LE(29),
      size: Number(body.readBigUInt64LE(49)),
      mtime: seconds,
      bodyBytes: body.length,
    };
  }

  async entries(fid: number, cookie = 0, count = 4096): Promise<Entry[] | number> {
    const {errno, body} = await this.call(T.READDIR, [u32(fid), u64(cookie), u32(count)], count + 11);
    if (errno !== undefined) return errno;
    const entries: Entry[] = [];
    for (let at = 4; at < 4 + body.readUInt32LE(); ) {
      const length = body.readUInt16LE(at + 22);
      const name = body.toString('utf8', at + 24, at + 24 + length);
      entries.push({name, type: body[at + 21]!, cookie: Number(body.readBigUInt64LE(at + 13))});
      at += 24 + length;
    }
    return entries;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.driver[Symbol.asyncDispose]();
  }
}

function parse(bytes: Buffer): Reply {
  if (bytes.length < 7 || bytes.readUInt32LE() !== bytes.length) throw new Error(`a reply of ${bytes.length} bytes`);
  const [type, body] = [bytes[4]!, bytes.subarray(7)];
  return {type, body, errno: type === 7 ? body.readUInt32LE() : undefined};
}
