/**
 * Recipes of images that are made of files that are there already: kernel, initrd, firmware and disks, each a file of this
 * host or at an address with its checksum. As a file, `viv image import RECIPE`:
 *
 *   {"version": 1, "name": "alpine", "kernel": {"url": "https://…/vmlinuz", "sha256": "…"}, "initrd": {"path": "initrd"},
 *    "commandLine": "console=hvc0", "disks": [{"url": "disk.qcow2", "sha256": "…"}], "memoryMiB": 512}
 *
 * An address may be relative to the recipe's own, a path to the recipe's folder.
 */
import {readFile} from 'node:fs/promises';
import {dirname, isAbsolute, resolve} from 'node:path';
import * as z from 'zod';
import {IMAGE_NAME} from '../archive/manifest.js';
import {downloadText} from '../image/download.js';
import {ManagerError} from '../protocol/errors.js';
import {type ImageImport, type ImportSource, importContents} from '../protocol/image-import.js';

/** A recipe file, see the module. Units: memoryMiB = 2^20 bytes */
const importRecipeSchema = z.strictObject({
  version: z.literal(1),
  name: z.string().regex(IMAGE_NAME, 'may hold a-z, 0-9, dots and dashes only'),
  ...importContents,
  memoryMiB: z.number().int().min(1).max(1_048_576).optional(),
});

/** Longest recipe. Units: bytes */
const RECIPE_BYTES_MAX = 65_536;
/** Units: milliseconds */
const RECIPE_TIMEOUT_MS = 60_000;

/** What a recipe makes. */
export interface ImportRecipe {
  readonly name: string;
  readonly image: ImageImport;
}

/** Reads a recipe, a file or at an address. Errors: recipe-broken, file-not-found, download-failed */
export async function readImportRecipe(what: string): Promise<ImportRecipe> {
  if (isAddress(what))
    return parseImportRecipe(await downloadText(what, RECIPE_BYTES_MAX, AbortSignal.timeout(RECIPE_TIMEOUT_MS)), what);
  const where = resolve(what);
  try {
    return parseImportRecipe(await readFile(where, 'utf8'), where);
  } catch (thrown) {
    if (thrown instanceof ManagerError) throw thrown;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ManagerError('file-not-found', `${where} cannot be read: ${reason}.`, 'Check the path.', {cause: thrown});
  }
}

/** `where` is its absolute path, or its address. Errors: recipe-broken */
export function parseImportRecipe(text: string, where: string): ImportRecipe {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (thrown) {
    throw broken(where, thrown instanceof Error ? thrown.message : String(thrown));
  }
  const parsed = importRecipeSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw broken(where, `${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'invalid'}`);
  }
  const {version: _version, name, memoryMiB, kernel, initrd, firmware, disks, ...rest} = parsed.data;
  const place = <Source extends ImportSource>(source: Source): Source => placed(source, where);
  return {
    name,
    image: {
      ...rest,
      ...(kernel && {kernel: place(kernel)}),
      ...(initrd && {initrd: place(initrd)}),
      ...(firmware && {firmware: place(firmware)}),
      disks: disks.map(place),
      ...(memoryMiB === undefined ? {} : {memoryBytes: memoryMiB * 2 ** 20}),
    },
  };
}

/** True for an address rather than a path. */
export function isAddress(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

function placed<Source extends ImportSource>(source: Source, where: string): Source {
  if ('url' in source) {
    if (isAddress(source.url)) return source;
    if (!isAddress(where)) throw broken(where, `${source.url} is no address that begins with http:// or https://`);
    return {...source, url: new URL(source.url, where).href};
  }
  // A recipe of somebody else's names no files of this host.
  if (isAddress(where)) throw broken(where, `it names the file ${source.path} of this host`);
  return isAbsolute(source.path) ? source : {...source, path: resolve(dirname(where), source.path)};
}

function broken(where: string, reason: string): ManagerError {
  return new ManagerError(
    'recipe-broken',
    `The image recipe ${where} cannot be used: ${reason}.`,
    'Correct it; README, "Images of your own", says what it may hold.',
  );
}
