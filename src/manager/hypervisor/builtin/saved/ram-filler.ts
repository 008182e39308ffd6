/**
 * Fills the RAM of a restored machine while its guest runs: what the guest wants at once, all else in its turn. The file
 * was checked before; when it has changed since, or cannot be read, the machine ends.
 */
import {setTimeout as delay} from 'node:timers/promises';
import type {AbsentPages} from '../../../../engine/memory/absent-pages.js';
import {toManagerError} from '../../../protocol/errors.js';
import {commonPages, hasPage, pagesOf, runsOf} from './chunk-pages.js';
import {CHUNK_BYTES, type ChunkRow} from './format.js';
import type {SaveReader} from './save-reader.js';
import {RAM_PAGE_BYTES} from './saved-ram.js';

const CHUNK_PAGES = CHUNK_BYTES / RAM_PAGE_BYTES;
/** Chunks that are read in their turn at once. */
const PARALLEL = 2;

/** What it needs of the machine. */
export interface FilledMachine {
  readonly absent: Pick<AbsentPages, 'begin' | 'isAbsent' | 'fill' | 'end'>;
  crash(reason: string): void;
}

/** See the module. Disposing it ends the filling. */
export class RamFiller implements AsyncDisposable {
  readonly #reader: SaveReader;
  readonly #machine: FilledMachine;
  /** By chunk. */
  readonly #rows = new Map<number, ChunkRow[]>();
  readonly #ending = new AbortController();
  #work: Promise<unknown> = Promise.resolve();

  /** The machine was created from the reader's head, and has not started. */
  constructor(reader: SaveReader, machine: FilledMachine) {
    this.#reader = reader;
    this.#machine = machine;
    for (const row of reader.rows) this.#rows.set(row.index, [...(this.#rows.get(row.index) ?? []), row]);
    const runs = reader.rows.flatMap(({index, used}) =>
      runsOf(used).map(({first, count}) => ({first: index * CHUNK_PAGES + first, count})),
    );
    machine.absent.begin(runs, (page) => this.#fetch(page));
  }

  /**
   * Begins to fill: what the guest wants now, all else in `afterMs`. Resolves when all of RAM is there, or the machine has
   * ended. Units: milliseconds
   */
  start(afterMs = 0): Promise<void> {
    const next = this.#reader.rows.values();
    const scratch = () => Buffer.allocUnsafeSlow(CHUNK_BYTES);
    const begun =
      afterMs === 0
        ? Promise.resolve()
        : delay(afterMs, undefined, {signal: this.#ending.signal}).catch(() => undefined);
    const done = begun.then(async () => {
      if (!this.#isEnded) await Promise.all(Array.from({length: PARALLEL}, () => this.#fillAll(next, scratch())));
      if (!this.#isEnded) this.#machine.absent.end();
    });
    this.#work = done;
    return done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#work;
  }

  get #isEnded(): boolean {
    return this.#ending.signal.aborted;
  }

  async #fillAll(rows: Iterable<ChunkRow>, scratch: Buffer<ArrayBuffer>): Promise<void> {
    try {
      for (const row of rows) {
        if (this.#isEnded) return;
        if (!this.#isWanted(row)) continue;
        const content = await this.#reader.readChunk(row, scratch);
        if (!this.#isEnded) this.#fill(row, content);
      }
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #fetch(page: number): void {
    const chunk = Math.floor(page / CHUNK_PAGES);
    const row = this.#rows.get(chunk)?.find(({used}) => hasPage(used, page - chunk * CHUNK_PAGES));
    if (!row || this.#isEnded) return;
    try {
      this.#fill(row, this.#reader.readChunkNow(row));
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #isWanted({index, used}: ChunkRow): boolean {
    return runsOf(used).some(({first}) => this.#machine.absent.isAbsent(index * CHUNK_PAGES + first));
  }

  /** Pages that another piece holds are left out. */
  #fill({index, pages, used}: ChunkRow, content: Buffer): void {
    let at = 0;
    for (const run of runsOf(pages)) {
      for (const {first, count} of runsOf(commonPages(used, pagesOf(run)))) {
        const from = at + (first - run.first) * RAM_PAGE_BYTES;
        const bytes = content.subarray(from, from + count * RAM_PAGE_BYTES);
        this.#machine.absent.fill(index * CHUNK_PAGES + first, bytes);
      }
      at += run.count * RAM_PAGE_BYTES;
    }
  }

  #fail(thrown: unknown): void {
    this.#ending.abort();
    this.#machine.crash(`its memory cannot be read: ${toManagerError(thrown).message}`);
  }
}
