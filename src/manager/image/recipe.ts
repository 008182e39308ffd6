/** Recipes: what an image is made of. The catalog is the files of some folders; a later folder's recipe wins. */
import {createHash} from 'node:crypto';
import {lstat, readdir, readFile} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import * as z from 'zod';
import {ManagerError} from '../protocol/errors.js';

const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'is not the name of a Debian package');
const moduleName = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, 'is not the name of a kernel module');
const kernelParameters = z
  .string()
  .max(1500)
  .regex(/^[\x20-\x7e]*$/, 'holds characters a kernel command line cannot have');

const memoryMiB = z.int().min(64).max(65_536);

/** What every recipe says first. */
const header = {
  version: z.literal(1),
  name: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,62}$/, 'may hold a-z, 0-9, dots and dashes only'),
  title: z.string().min(1).max(60),
  description: z.string().max(400),
  suite: z.string().regex(/^[a-z][a-z0-9-]*$/, 'is not the name of a Debian suite'),
  component: z.string().regex(/^[a-z][a-z-]*$/, 'is not the name of a component'),
  /** About how much is fetched to build it, for people. */
  downloadMiB: z.int().min(1).max(65_536).optional(),
};

/** What recipes say of systems that we put together. Units: memoryMiB = 2^20 bytes */
const common = {
  ...header,
  kernelPackage: packageName,
  busyboxPackage: packageName,
  guestFolder: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/, 'is not a plain folder name'),
  commandLine: kernelParameters,
  execCommandLine: kernelParameters,
  memoryMiB,
};

const initramfsRecipeSchema = z.strictObject({
  ...common,
  kind: z.literal('debian-initramfs'),
  modules: z.strictObject({boot: z.array(moduleName).max(32), onDemand: z.array(moduleName).max(200)}),
});

const diskRecipeSchema = z.strictObject({
  ...common,
  kind: z.literal('debian-disk'),
  packages: z.array(packageName).min(1).max(500),
  formatPackages: z.array(packageName).min(1).max(20),
  modules: z.strictObject({
    boot: z.array(moduleName).max(32),
    build: z.array(moduleName).max(32),
    without: z.array(z.string().regex(/^[a-z0-9_-]+(\/[a-z0-9_-]+)*$/, 'is not a folder of modules')).max(200),
  }),
  diskMiB: z
    .int()
    .min(512)
    .max(2 ** 21),
});

const packagePath = z.string().regex(/^[A-Za-z0-9._+-]+(\/[A-Za-z0-9._+-]+)*$/, 'is not a path in a package');

/** A boot loader, as one ELF file of a package. */
const loader = {loaderPackage: packageName, loaderFile: packagePath};

const netbootRecipeSchema = z.strictObject({
  ...header,
  ...loader,
  kind: z.literal('debian-netboot'),
  installerPackage: packageName,
  installerFolder: packagePath,
  commandLine: kernelParameters,
  memoryMiB,
});

const loaderRecipeSchema = z.strictObject({...header, ...loader, kind: z.literal('debian-loader'), memoryMiB});

/**
 * A recipe file, of one of four kinds: a guest that lives in an initramfs, a system on a disk, an installer as its package
 * has it, or nothing but the boot loader for what is on a machine's disks.
 * Shape:  `guestFolder` is a folder beside the recipe. In a `debian-initramfs` its files go into the initramfs as they are;
 *         `modules.boot` are loaded before anything else, `modules.onDemand` when a device or a file system asks for them.
 *         In a `debian-disk` it has three folders: `build` for the initramfs of the machine that makes the disk, `initrd` for
 *         that of the system, and `root` for the disk. `packages` are those on the disk besides the essential ones, with what
 *         they need; `formatPackages` bring mkfs.ext4; `modules.boot` are loaded by both initramfs, `modules.build` by the
 *         first, and the disk has all but those in the folders `modules.without`.
 *         A `debian-netboot` has its kernel and initramfs in `installerFolder` of a package, and nothing else is done to them;
 *         a boot loader, an ELF file for S-mode at `loaderFile` of another, starts them. A `debian-loader` is that alone.
 *         `execCommandLine` is added to `commandLine` when the machine runs one command
 * Units:  memoryMiB, diskMiB, downloadMiB = 2^20 bytes; the disk grows as it is written
 */
export const recipeSchema = z.discriminatedUnion('kind', [
  initramfsRecipeSchema,
  diskRecipeSchema,
  netbootRecipeSchema,
  loaderRecipeSchema,
]);
/** See `recipeSchema`. */
export type Recipe = z.output<typeof recipeSchema>;
/** A recipe of one kind. */
export type RecipeOf<Kind extends Recipe['kind']> = Extract<Recipe, {kind: Kind}>;

/** A file that a recipe puts into the guest. `path` is relative, with `/` between its parts. */
export interface GuestFile {
  readonly path: string;
  readonly data: Uint8Array;
  readonly isExecutable: boolean;
}

/** A recipe with the files it brings and a digest of all of that. */
export interface LoadedRecipe<Kind extends Recipe['kind'] = Recipe['kind']> {
  readonly recipe: RecipeOf<Kind>;
  readonly guestFiles: readonly GuestFile[];
  readonly digest: string;
}

/** A line of the catalog: a valid recipe, or the reason why the file is none. */
export type CatalogEntry =
  | {readonly name: string; readonly recipe: Recipe; readonly path: string}
  | {readonly name: string; readonly error: ManagerError; readonly path: string};

/**
 * Reads all recipes of the folders, by name. A folder that does not exist is empty; a file that is broken is an entry
 * with its error, so that one bad file hides no other.
 */
export async function readCatalog(folders: readonly string[]): Promise<CatalogEntry[]> {
  const entries = new Map<string, CatalogEntry>();
  for (const folder of folders) {
    for (const file of await listFolder(folder)) {
      if (!file.endsWith('.json')) continue;
      const name = basename(file, '.json');
      const path = join(folder, file);
      try {
        entries.set(name, {name, path, recipe: await readRecipe(path)});
      } catch (error) {
        if (!(error instanceof ManagerError)) throw error;
        entries.set(name, {name, path, error});
      }
    }
  }
  return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Finds a recipe by name and reads the files it brings.
 * Errors: image-not-found, recipe-broken
 */
export async function loadRecipe(folders: readonly string[], name: string): Promise<LoadedRecipe> {
  const catalog = await readCatalog(folders);
  const entry = catalog.find((candidate) => candidate.name === name);
  if (entry === undefined) {
    const known = catalog.map((candidate) => candidate.name).join(', ') || 'none';
    throw new ManagerError(
      'image-not-found',
      `There is no image named ${JSON.stringify(name.slice(0, 80))}.`,
      `Images there are: ${known}. See viv image ls.`,
    );
  }
  if ('error' in entry) throw entry.error;
  const {recipe} = entry;
  const guestFiles =
    'guestFolder' in recipe ? await readGuestFolder(join(dirname(entry.path), recipe.guestFolder), entry.path) : [];
  return {recipe, guestFiles, digest: digestOf(recipe, guestFiles)};
}

async function readRecipe(path: string): Promise<Recipe> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw brokenRecipe(path, error instanceof Error ? error.message : String(error), error);
  }
  const parsed = recipeSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw brokenRecipe(path, `${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'invalid'}`, parsed.error);
  }
  if (parsed.data.name !== basename(path, '.json'))
    throw brokenRecipe(path, `name is ${parsed.data.name}, but the file is called ${basename(path)}`, undefined);
  return parsed.data;
}

function brokenRecipe(path: string, reason: string, cause: unknown): ManagerError {
  return new ManagerError(
    'recipe-broken',
    `The image recipe ${path} cannot be used: ${reason}.`,
    'Correct the file, or remove it.',
    {cause},
  );
}

/** A recipe's files are scripts and small tables; anything near this is a mistake. */
const MAX_GUEST_BYTES = 64 << 20;

async function readGuestFolder(root: string, recipePath: string): Promise<GuestFile[]> {
  const files: GuestFile[] = [];
  let total = 0;
  const walk = async (prefix: string): Promise<void> => {
    for (const entry of (await readdir(join(root, prefix))).sort()) {
      const path = prefix === '' ? entry : `${prefix}/${entry}`;
      const stat = await lstat(join(root, path));
      if (stat.isDirectory()) {
        await walk(path);
        continue;
      }
      if (!stat.isFile()) throw brokenRecipe(recipePath, `${path} is neither a file nor a folder`, undefined);
      total += stat.size;
      if (total > MAX_GUEST_BYTES) throw brokenRecipe(recipePath, 'its files are larger than 64 MiB', undefined);
      const data = await readFile(join(root, path));
      // By content and not by mode: an archive or a strange umask may have lost the mode.
      files.push({path, data, isExecutable: data[0] === 0x23 && data[1] === 0x21});
    }
  };
  try {
    await walk('');
  } catch (error) {
    if (error instanceof ManagerError) throw error;
    throw brokenRecipe(recipePath, error instanceof Error ? error.message : String(error), error);
  }
  return files;
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return [];
    throw error;
  }
}

/** Raise it when the builder makes something else of the same recipe. */
const BUILDER_VERSION = 2;

function digestOf(recipe: Recipe, files: readonly GuestFile[]): string {
  // What people are told of it makes no other image.
  const {downloadMiB: _, ...made} = recipe;
  const hash = createHash('sha256').update(JSON.stringify([BUILDER_VERSION, made]));
  for (const file of files) {
    hash.update(`\0${file.path}\0${file.isExecutable}\0${file.data.length}\0`).update(file.data);
  }
  return hash.digest('hex');
}
