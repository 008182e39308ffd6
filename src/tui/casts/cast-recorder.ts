/**
 * Writes what a console prints into a recording. It begins with the screen as it was, and what it holds is safe to play in
 * any terminal: titles, clipboard writes and queries of the guest's are left out.
 *
 * Bounds: what waits for the disk is at most `MAX_WAITING_BYTES`. What comes while it is full is left out, and the screen as
 * it is then follows, behind a marker. A file ends at its limit.
 */
import {type FileHandle, open} from 'node:fs/promises';
import {GuestFilter} from '../../manager/client.js';
import type {TerminalSize} from '../../manager/protocol/console.js';
import {ManagerError} from '../../manager/protocol/errors.js';
import {GuestScreen} from '../terminal/guest-screen.js';
import {text} from '../text/text.js';
import {castEventLine, castHeaderLine} from './cast-format.js';

const MAX_WAITING_BYTES = 4_194_304;
const CLEAR = '\x1bc';

/** What a recording may take, unless it is said otherwise. Units: bytes */
export const DEFAULT_CAST_BYTES = 268_435_456;

/** How a recording is made. `ended` is called once, when the file is full or cannot be written any more. */
export interface RecorderOptions {
  readonly path: string;
  readonly title: string;
  readonly maxBytes: number;
  ended(problem: ManagerError | undefined): void;
}

/** See the module. Dispose it to end the file. */
export class CastRecorder implements AsyncDisposable {
  readonly #options: RecorderOptions;
  readonly #file: FileHandle;
  readonly #startedAtMs = performance.now();
  readonly #screen: GuestScreen;
  readonly #decoder = new TextDecoder();
  #filter = new GuestFilter();
  #size: TerminalSize;
  #writing: Promise<void> = Promise.resolve();
  #waitingBytes = 0;
  #takenBytes = 0;
  #hasGap = false;
  #isOver = false;

  private constructor(options: RecorderOptions, file: FileHandle, size: TerminalSize) {
    this.#options = options;
    this.#file = file;
    this.#size = size;
    this.#screen = new GuestScreen(size.columns, size.rows, {changed: () => undefined, answered: () => undefined});
  }

  /** Begins a new file that only its user can read. Errors: file-exists, file-not-found */
  static async begin(options: RecorderOptions, size: TerminalSize, replay: Uint8Array): Promise<CastRecorder> {
    const recorder = new CastRecorder(options, await createFile(options), size);
    recorder.#write(castHeaderLine(size, Date.now(), options.title));
    await recorder.#screen.replay(replay);
    recorder.#event('o', recorder.#screen.serialize());
    // What the replay ended in the middle of is in neither: sequences and characters begin anew.
    return recorder;
  }

  /** Bytes of the recording so far. */
  get bytes(): number {
    return this.#takenBytes;
  }

  /** How long it has been recording. */
  get seconds(): number {
    return (performance.now() - this.#startedAtMs) / 1000;
  }

  /** The guest printed something; after a gap some of it is missing. */
  output(bytes: Uint8Array, hasGap: boolean): void {
    if (this.#isOver) return;
    if (hasGap) {
      this.#screen.reset();
      this.#filter = new GuestFilter();
    }
    if (this.#waitingBytes > MAX_WAITING_BYTES || this.#hasGap) {
      void this.#screen.replay(bytes);
      this.#hasGap = true;
      return;
    }
    void this.#screen.replay(bytes);
    const shown = this.#decoder.decode(this.#filter.feed(bytes), {stream: true});
    if (hasGap) this.#event('m', text.casts.gap);
    if (shown !== '' || hasGap) this.#event('o', `${hasGap ? CLEAR : ''}${shown}`);
  }

  /** The guest's terminal has another size. */
  resized(size: TerminalSize): void {
    if (size.columns === this.#size.columns && size.rows === this.#size.rows) return;
    this.#size = size;
    this.#screen.resize(size.columns, size.rows);
    this.#event('r', `${size.columns}x${size.rows}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#writing;
    await this.#file.close();
    this.#screen[Symbol.dispose]();
  }

  #event(kind: 'o' | 'r' | 'm', content: string): void {
    this.#write(castEventLine(performance.now() - this.#startedAtMs, kind, content));
  }

  #write(line: string): void {
    if (this.#isOver) return;
    const bytes = Buffer.from(line);
    if (this.#takenBytes + bytes.length > this.#options.maxBytes) {
      this.#end(undefined);
      return;
    }
    this.#takenBytes += bytes.length;
    this.#waitingBytes += bytes.length;
    this.#writing = this.#writing.then(async () => {
      try {
        await this.#file.writeFile(bytes);
      } catch (thrown) {
        this.#end(fileProblem(this.#options.path, thrown));
      }
      this.#waitingBytes -= bytes.length;
      if (this.#hasGap && this.#waitingBytes === 0) await this.#closeGap();
    });
  }

  async #closeGap(): Promise<void> {
    // Everything that came is on the screen when an empty piece is.
    await this.#screen.replay(new Uint8Array());
    this.#hasGap = false;
    this.#filter = new GuestFilter();
    this.#event('m', text.casts.gap);
    this.#event('o', `${CLEAR}${this.#screen.serialize()}`);
  }

  #end(problem: ManagerError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.ended(problem);
  }
}

async function createFile({path}: RecorderOptions): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (thrown) {
    throw fileProblem(path, thrown);
  }
}

/** The error about a file that cannot be made or written. */
export function fileProblem(path: string, thrown: unknown): ManagerError {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  const {exists, unwritable, hints} = text.files;
  if (code === 'EEXIST') return new ManagerError('file-exists', exists(path), hints.otherName);
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return new ManagerError('file-not-found', unwritable(path, detail), hints.path, {
    cause: thrown,
  });
}
