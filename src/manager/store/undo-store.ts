/** What can be taken back, on disk: `undo.json` in the home folder, newest last. */
import * as z from 'zod';
import {machineConfigSchema} from '../protocol/machine.js';
import {MAX_UNDO} from '../protocol/undo.js';
import {readStateFile, type StateFormat, writeStateFile} from './versioned-file.js';

const entrySchema = z.discriminatedUnion('kind', [
  z.object({kind: z.literal('removed'), machineId: z.string()}),
  /** `snapshotId` is what it was before. */
  z.object({kind: z.enum(['killed', 'restored']), machineId: z.string(), snapshotId: z.string()}),
  z.object({kind: z.literal('renamed'), machineId: z.string(), name: z.string()}),
  z.object({kind: z.literal('redefined'), machineId: z.string(), config: machineConfigSchema}),
]);
/** Something that was done, with what it takes to take it back. */
export type UndoEntry = z.output<typeof entrySchema>;

const undoSchema = z.object({entries: z.array(entrySchema)});
const format: StateFormat<typeof undoSchema> = {title: 'undo list', version: 1, schema: undoSchema, migrations: {}};

/** See the module. */
export class UndoStore {
  readonly #path: string;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** A list that cannot be read is as good as none: nothing but convenience hangs on it. */
  async read(): Promise<UndoEntry[]> {
    await this.#writing;
    return (await readStateFile(this.#path, format).catch(() => undefined))?.entries ?? [];
  }

  /** Changes the list; when that fails it is as it was. Never rejects. */
  change(edit: (entries: UndoEntry[]) => UndoEntry[]): Promise<void> {
    const before = this.#writing;
    this.#writing = (async () => {
      await before;
      const entries = (await readStateFile(this.#path, format).catch(() => undefined))?.entries ?? [];
      await writeStateFile(this.#path, format, {entries: edit(entries).slice(-MAX_UNDO)});
    })().catch((thrown: unknown) => console.error(`undo list: ${thrown instanceof Error ? thrown.message : thrown}`));
    return this.#writing;
  }
}
