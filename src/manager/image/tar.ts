/**
 * Reads a tar stream entry by entry. The stream may come from anywhere, so every length is bounded, every header is
 * checked, and a path that would leave the folder it is unpacked into ends the reading.
 */
import {paddingOf, TAR_BLOCK_BYTES} from '../archive/tar-header.js';

/** What is wrong with a tar stream. */
export class TarError extends Error {
  override readonly name = 'TarError';
  readonly isCutOff: boolean;

  constructor(message: string, isCutOff = false) {
    super(message);
    this.isCutOff = isCutOff;
  }
}

/**
 * One entry. `bytes()` reads the body, `chunks()` as it comes and of any length; one of them may be called, once, before the
 * next entry is asked for.
 */
export interface TarEntry {
  /** Relative, without `./`, `..`, or a leading or trailing slash; empty for the root folder itself. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'other';
  readonly sizeBytes: number;
  bytes(): Promise<Uint8Array>;
  chunks(): AsyncIterable<Uint8Array>;
}

const BLOCK = TAR_BLOCK_BYTES;
/** Of one body held in memory: the largest file wanted is a kernel of about 32 MiB. */
const MAX_BODY_BYTES = 256 << 20;
/** Of a long name or a pax header. */
const MAX_META_BYTES = 64 << 10;
const MAX_ENTRIES = 500_000;

/**
 * Yields the entries of a tar stream.
 * Shape:  ustar, with GNU long names (type L) and pax headers (type x) for path and size
 * Errors: throws TarError on a bad checksum, a truncated stream, a hostile path, or a bound exceeded
 * Source: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Header Block"
 */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry, void, undefined> {
  const reader = new ByteReader(source);
  let longPath: string | undefined;
  let paxSize: number | undefined;
  for (let count = 0; ; count += 1) {
    if (count > MAX_ENTRIES) throw new TarError('too many entries');
    const block = await reader.take(BLOCK);
    if (block === undefined || block.every((byte) => byte === 0)) return; // two zero blocks end it; one is enough
    const header = parseHeader(block);
    if (header.type === 'L' || header.type === 'x' || header.type === 'g') {
      if (header.sizeBytes > MAX_META_BYTES) throw new TarError('an extended header is too long');
      const body = await readBody(reader, header.sizeBytes);
      if (header.type === 'L') longPath = text(body);
      if (header.type === 'x') {
        const records = parsePax(body);
        longPath = records.get('path') ?? longPath;
        const size = records.get('size');
        if (size !== undefined) paxSize = parseDecimal(size);
      }
      continue;
    }
    const sizeBytes = paxSize ?? header.sizeBytes;
    let isRead = false;
    // What is left of the body with its padding.
    let left = sizeBytes + paddingOf(sizeBytes);
    const begin = () => {
      if (isRead) throw new Error('the body of a tar entry can be read once');
      isRead = true;
    };
    yield {
      path: cleanPath(longPath ?? header.path),
      kind: kindOf(header.type),
      sizeBytes,
      bytes: async () => {
        begin();
        if (sizeBytes > MAX_BODY_BYTES) throw new TarError(`an entry of ${sizeBytes} bytes is too large`);
        left = 0;
        return readBody(reader, sizeBytes);
      },
      chunks: async function* () {
        begin();
        for (let missing = sizeBytes; missing > 0; ) {
          const part = await reader.some(missing);
          missing -= part.length;
          left -= part.length;
          yield part;
        }
      },
    };
    await reader.skip(left);
    isRead = true;
    longPath = undefined;
    paxSize = undefined;
  }
}

interface TarHeader {
  readonly path: string;
  readonly sizeBytes: number;
  readonly type: string;
}

function parseHeader(block: Uint8Array): TarHeader {
  let sum = 0;
  // The checksum field itself counts as eight spaces.
  for (let i = 0; i < BLOCK; i += 1) sum += i >= 148 && i < 156 ? 0x20 : block[i]!;
  if (sum !== parseOctal(block.subarray(148, 156))) throw new TarError('a header has a wrong checksum');
  const name = text(block.subarray(0, 100));
  const prefix = text(block.subarray(257, 262)) === 'ustar' && block[262] === 0 ? text(block.subarray(345, 500)) : '';
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    sizeBytes: parseSize(block.subarray(124, 136)),
    type: String.fromCharCode(block[156]!),
  };
}

function kindOf(type: string): TarEntry['kind'] {
  if (type === '0' || type === '\0' || type === '7') return 'file';
  if (type === '5') return 'directory';
  return type === '2' ? 'symlink' : 'other';
}

function cleanPath(path: string): string {
  if (path.startsWith('/')) throw new TarError(`an absolute path: ${JSON.stringify(path)}`);
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new TarError(`a path that climbs: ${JSON.stringify(path)}`);
  return parts.join('/');
}

/** A size; from 8 GiB on in base 256, after a byte that says so. */
function parseSize(field: Uint8Array): number {
  if (field[0] !== 0x80) return parseOctal(field);
  const value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
  if (!Number.isSafeInteger(value)) throw new TarError('a header has a malformed number');
  return value;
}

function parseOctal(field: Uint8Array): number {
  const digits = text(field).trim();
  if (!/^[0-7]{1,11}$/.test(digits)) throw new TarError('a header has a malformed number');
  return Number.parseInt(digits, 8);
}

function parseDecimal(digits: string): number {
  if (!/^[0-9]{1,12}$/.test(digits)) throw new TarError('an extended header has a malformed size');
  return Number(digits);
}

/** Records are `LENGTH KEY=VALUE\n`, LENGTH counting the whole record in bytes. */
function parsePax(body: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  let offset = 0;
  while (offset < body.length) {
    const space = body.indexOf(0x20, offset);
    const length = space < 0 ? 0 : parseDecimal(text(body.subarray(offset, space)));
    if (length <= space - offset + 1 || offset + length > body.length)
      throw new TarError('a malformed extended header');
    const record = text(body.subarray(space + 1, offset + length - 1));
    const equals = record.indexOf('=');
    if (equals > 0) records.set(record.slice(0, equals), record.slice(equals + 1));
    offset += length;
  }
  return records;
}

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

async function readBody(reader: ByteReader, sizeBytes: number): Promise<Uint8Array> {
  const body = await reader.take(sizeBytes);
  if (body === undefined) throw new TarError('the stream ends inside an entry', true);
  await reader.skip(paddingOf(sizeBytes));
  return body;
}

/** Takes exact numbers of bytes from a stream of chunks; holds at most what was asked for plus one chunk. */
class ByteReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** Returns `length` bytes, or `undefined` at a clean end; throws when the stream ends in between. */
  async take(length: number): Promise<Uint8Array | undefined> {
    // Grown as bytes arrive and not by the promised length, so that a lying header costs nothing.
    const parts: Uint8Array[] = [];
    let missing = length;
    while (missing > 0) {
      if (this.#chunk.length === 0 && !(await this.#next())) {
        if (missing === length && length === BLOCK) return undefined;
        throw new TarError('the stream ends inside an entry', true);
      }
      const part = this.#chunk.subarray(0, missing);
      this.#chunk = this.#chunk.subarray(part.length);
      parts.push(part);
      missing -= part.length;
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts, length);
  }

  /** Returns from one to `most` bytes: those that are there. */
  async some(most: number): Promise<Uint8Array> {
    while (this.#chunk.length === 0)
      if (!(await this.#next())) throw new TarError('the stream ends inside an entry', true);
    const part = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(part.length);
    return part;
  }

  async skip(length: number): Promise<void> {
    let missing = length;
    while (missing > 0) {
      if (this.#chunk.length === 0 && !(await this.#next()))
        throw new TarError('the stream ends inside an entry', true);
      const skipped = Math.min(missing, this.#chunk.length);
      this.#chunk = this.#chunk.subarray(skipped);
      missing -= skipped;
    }
  }

  async #next(): Promise<boolean> {
    const step = await this.#iterator.next();
    if (step.done === true) return false;
    this.#chunk = step.value;
    return true;
  }
}
