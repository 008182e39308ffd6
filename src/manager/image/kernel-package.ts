/** The kernel and its modules out of Debian's kernel package. */
import {type FileHandle, open} from 'node:fs/promises';
import {join} from 'node:path';
import {ManagerError} from '../protocol/errors.js';
import {type PackageTools, unpackXz, visitPackage} from './debian-package.js';
import {canonicalModuleName, type ModuleInfo, parseModuleInfo} from './kernel-module.js';

/** A kernel package laid out in a scratch folder. */
export interface UnpackedKernel {
  readonly version: string;
  readonly kernel: Uint8Array;
  readonly modules: ModuleSource;
  /** Lists of modules that come with them, by name: modules.order, modules.builtin and the like. */
  readonly lists: ReadonlyMap<string, Uint8Array>;
}

/** A module of the package. `path` is its place below the folder of all modules, `drivers/virtio/x.ko.xz` and so on. */
export interface KernelModule extends ModuleInfo {
  readonly path: string;
  /** The object file, unpacked. */
  readonly data: Uint8Array;
  /** As it stands in the package, which may be compressed. */
  readonly packed: Uint8Array;
}

/**
 * Unpacks the kernel into memory and the modules into one file in `scratchFolder`, which is much faster than into some
 * four thousand. Dispose the result's modules to close that file.
 * Errors: image-build-failed when the package holds no kernel; package-broken, disk-full, apt-missing, cancelled
 */
export async function unpackKernelPackage(
  path: string,
  scratchFolder: string,
  tools: PackageTools,
  onBytes: (bytes: number) => void,
): Promise<UnpackedKernel> {
  let kernel: Uint8Array | undefined;
  let version = '';
  const files = new Map<string, ModuleFile>();
  const builtIn = new Set<string>();
  const lists = new Map<string, Uint8Array>();
  let storeBytes = 0;
  const store = await open(join(scratchFolder, 'modules'), 'wx+');
  await using cleanup = new AsyncDisposableStack();
  cleanup.use(store);
  await visitPackage(path, tools, async (entry) => {
    onBytes(entry.sizeBytes);
    if (entry.kind !== 'file') return;
    const boot = /^boot\/vmlinu[xz]-([A-Za-z0-9.+~_-]+)$/.exec(entry.path);
    if (boot !== null) {
      version = boot[1]!;
      kernel = await entry.bytes();
    }
    const module = /^(?:usr\/)?lib\/modules\/[^/]+\/kernel\/(.*\/([A-Za-z0-9_-]+)\.ko(\.xz)?)$/.exec(entry.path);
    if (module !== null) {
      const body = await entry.bytes();
      await store.write(body, 0, body.length, storeBytes);
      const isPacked = module[3] !== undefined;
      files.set(canonicalModuleName(module[2]!), {
        path: module[1]!,
        isPacked,
        offset: storeBytes,
        sizeBytes: body.length,
      });
      storeBytes += body.length;
    }
    const list = /^(?:usr\/)?lib\/modules\/[^/]+\/(modules\.[a-z.]+)$/.exec(entry.path)?.[1];
    if (list !== undefined) lists.set(list, await entry.bytes());
  });
  for (const line of new TextDecoder().decode(lists.get('modules.builtin')).split('\n'))
    builtIn.add(canonicalModuleName(line.replace(/^.*\//, '').replace(/\.ko$/, '')));
  if (kernel === undefined)
    throw new ManagerError(
      'image-build-failed',
      `The kernel package ${path} holds no kernel.`,
      'Check kernelPackage in the image recipe.',
    );
  cleanup.move();
  return {version, kernel, lists, modules: new ModuleSource(store, files, builtIn, scratchFolder, tools)};
}

/** Where a module lies in the file of all modules. */
interface ModuleFile {
  readonly path: string;
  readonly isPacked: boolean;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Finds modules and what they need. */
export class ModuleSource implements AsyncDisposable {
  readonly #store: FileHandle;
  readonly #files: ReadonlyMap<string, ModuleFile>;
  readonly #builtIn: ReadonlySet<string>;
  readonly #scratchFolder: string;
  readonly #tools: PackageTools;
  readonly #loaded = new Map<string, KernelModule>();

  constructor(
    store: FileHandle,
    files: ReadonlyMap<string, ModuleFile>,
    builtIn: ReadonlySet<string>,
    scratchFolder: string,
    tools: PackageTools,
  ) {
    this.#store = store;
    this.#files = files;
    this.#builtIn = builtIn;
    this.#scratchFolder = scratchFolder;
    this.#tools = tools;
  }

  /**
   * The modules with all that they need, each after what it depends on. What is built into the kernel is left out.
   * Errors: image-build-failed when the kernel has no such module; package-broken, disk-full, apt-missing, cancelled
   */
  async withDependencies(names: readonly string[]): Promise<KernelModule[]> {
    const ordered = new Map<string, KernelModule>();
    // `open` holds the way from the root, so that a circle in a broken package ends.
    const add = async (rawName: string, open: readonly string[]): Promise<void> => {
      const name = canonicalModuleName(rawName);
      if (ordered.has(name) || open.includes(name) || this.#builtIn.has(name)) return;
      const module = await this.#load(name);
      for (const dependency of module.dependencies) await add(dependency, [...open, name]);
      ordered.set(name, module);
    };
    for (const name of names) await add(name, []);
    return [...ordered.values()];
  }

  /** All modules as they stand in the package, but for those in some folders. */
  async *packed(without: readonly string[]): AsyncGenerator<{readonly path: string; readonly data: Uint8Array}> {
    for (const {path, offset, sizeBytes} of this.#files.values()) {
      if (without.some((folder) => path.startsWith(`${folder}/`))) continue;
      yield {path, data: await this.#read(offset, sizeBytes)};
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#store.close();
  }

  async #read(offset: number, sizeBytes: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(sizeBytes);
    await this.#store.read(bytes, 0, sizeBytes, offset);
    return bytes;
  }

  async #load(name: string): Promise<KernelModule> {
    const known = this.#loaded.get(name);
    if (known !== undefined) return known;
    const source = this.#files.get(name);
    if (source === undefined)
      throw new ManagerError(
        'image-build-failed',
        `The kernel package has no module ${name}.`,
        'Correct the modules in the image recipe.',
      );
    const packed = await this.#read(source.offset, source.sizeBytes);
    const data = source.isPacked ? await unpackXz(packed, this.#scratchFolder, this.#tools) : packed;
    const module: KernelModule = {...describe(name, data), path: source.path, data, packed};
    this.#loaded.set(name, module);
    return module;
  }
}

function describe(name: string, data: Uint8Array): ModuleInfo {
  try {
    return {...parseModuleInfo(data), name};
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ManagerError(
      'package-broken',
      `The kernel module ${name} cannot be read: ${error.message}.`,
      'Delete the package from the cache and build the image again.',
      {cause: error},
    );
  }
}
