/**
 * Histories of metrics on disk, one file a machine and one of the host, so that graphs go on after a restart of the
 * daemon. Nothing but convenience hangs on them: a file that is damaged is told in the log and is as good as none.
 */
import {readdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import * as z from 'zod';
import {makeFolder} from './atomic-file.js';
import {readStateFile, type StateFormat, writeStateFile} from './versioned-file.js';

/** Rows of a level as they are in memory. */
export interface StoredLevel {
  readonly columns: number;
  readonly times: Float64Array;
  readonly rows: Float32Array;
}

/** Numbers of a row; see `CurveRing`. */
const CELL = 3;
/** More than any history has: what a damaged file may make us hold. */
const ROWS_MAX = 1000;
const COLUMNS_MAX = 128;

const levelSchema = z
  .object({
    stepMs: z.number().int().min(1),
    columns: z.number().int().min(1).max(COLUMNS_MAX),
    times: z.base64().max(ROWS_MAX * 8 * 2),
    rows: z.base64().max(ROWS_MAX * COLUMNS_MAX * CELL * 4 * 2),
  })
  .refine(({columns, times, rows}) => {
    const count = Buffer.byteLength(times, 'base64') / 8;
    return Number.isInteger(count) && Buffer.byteLength(rows, 'base64') === count * columns * CELL * 4;
  }, 'rows and times are not of one length')
  .refine(({times}) => isRising(readTimes(times)), 'times do not rise');
const historySchema = z.object({levels: z.array(levelSchema).max(8)});
const format: StateFormat<typeof historySchema> = {
  title: 'history of metrics',
  version: 1,
  schema: historySchema,
  migrations: {},
};

/** See the module. */
export class HistoryStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Levels with these steps, in their order; `undefined` where there is no file that can be used. Never rejects. */
  async read(name: string, steps: readonly number[]): Promise<StoredLevel[] | undefined> {
    try {
      const content = await readStateFile(this.#path(name), format);
      if (content === undefined) return undefined;
      return steps.map((step) => {
        const level = content.levels.find(({stepMs}) => stepMs === step);
        if (level === undefined) return {columns: 1, times: new Float64Array(), rows: new Float32Array()};
        const bytes = Uint8Array.from(Buffer.from(level.rows, 'base64'));
        return {columns: level.columns, times: readTimes(level.times), rows: new Float32Array(bytes.buffer)};
      });
    } catch (thrown) {
      console.error(`history of ${name}: ${thrown instanceof Error ? thrown.message : thrown}`);
      return undefined;
    }
  }

  /** Replaces a history. Errors: system errors */
  async write(name: string, steps: readonly number[], levels: readonly StoredLevel[]): Promise<void> {
    await makeFolder(this.#folder);
    await writeStateFile(this.#path(name), format, {
      levels: levels.map(({columns, times, rows}, index) => ({
        stepMs: steps[index] ?? 0,
        columns,
        times: base64Of(times),
        rows: base64Of(rows),
      })),
    });
  }

  async remove(name: string): Promise<void> {
    await rm(this.#path(name), {force: true});
  }

  /** Removes all but these, and what a crash left half written. */
  async sweep(names: ReadonlySet<string>): Promise<void> {
    const files = await readdir(this.#folder).catch(() => [] as string[]);
    for (const file of files)
      if (!names.has(file.replace(/\.json$/, ''))) await rm(join(this.#folder, file), {force: true});
  }

  #path(name: string): string {
    return join(this.#folder, `${name}.json`);
  }
}

function base64Of({buffer, byteOffset, byteLength}: Float64Array | Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

function readTimes(text: string): Float64Array {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return new Float64Array(bytes.buffer, 0, bytes.length >> 3);
}

function isRising(times: Float64Array): boolean {
  return times.every((time, index) => Number.isFinite(time) && (index === 0 || time > times[index - 1]!));
}
