/**
 * State files as versioned, validated JSON. A file of an older version goes through the migrations one step at a
 * time; a file of a newer version, or one that is not whole, is refused and left as it is.
 */
import {readFile} from 'node:fs/promises';
import * as z from 'zod';
import {ManagerError} from '../protocol/errors.js';
import {writeFileAtomic} from './atomic-file.js';

/** A kind of state file. `migrations[n]` turns the content of version n into that of version n + 1. */
export interface StateFormat<Schema extends z.ZodType> {
  /** For messages: `machine definition`. */
  readonly title: string;
  readonly version: number;
  readonly schema: Schema;
  readonly migrations: Readonly<Record<number, (content: Record<string, unknown>) => Record<string, unknown>>>;
}

const envelopeSchema = z.looseObject({version: z.number().int().min(1)});

/**
 * Reads a state file; `undefined` when there is none.
 * Errors: state-file-broken, state-file-newer; system errors of reading pass through
 */
export async function readStateFile<Schema extends z.ZodType>(
  path: string,
  format: StateFormat<Schema>,
): Promise<z.output<Schema> | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw thrown;
  }
  return parseState(text, path, format);
}

/** Replaces a state file atomically. */
export async function writeStateFile<Schema extends z.ZodType>(
  path: string,
  format: StateFormat<Schema>,
  content: z.input<Schema> & object,
): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify({version: format.version, ...content}, null, 2)}\n`);
}

function parseState<Schema extends z.ZodType>(
  text: string,
  path: string,
  format: StateFormat<Schema>,
): z.output<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw broken(path, format.title, text.trim() === '' ? 'it is empty' : 'it is cut off or not JSON');
  }
  const envelope = envelopeSchema.safeParse(json);
  if (!envelope.success) throw broken(path, format.title, 'it has no version');
  let {version, ...content}: Record<string, unknown> & {version: number} = envelope.data;
  if (version > format.version)
    throw new ManagerError(
      'state-file-newer',
      `The ${format.title} ${path} was written by a newer Vivarium (format ${version}, this one knows ${format.version}).`,
      'Update Vivarium; the file was left as it is.',
    );
  for (; version < format.version; version++) {
    const migrate = format.migrations[version];
    if (migrate === undefined) throw broken(path, format.title, `format ${version} is no longer known`);
    content = migrate(content);
  }
  const parsed = format.schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw broken(path, format.title, `${issue?.path.join('.') || 'its content'}: ${issue?.message ?? 'invalid'}`);
}

function broken(path: string, title: string, detail: string): ManagerError {
  return new ManagerError(
    'state-file-broken',
    `The ${title} ${path} cannot be read: ${detail}.`,
    'Nothing was deleted: repair the file, or remove the machine to move it to the trash.',
  );
}
