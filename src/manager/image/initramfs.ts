/** Lays out the initramfs of a guest that lives in memory: busybox, kernel modules, the recipe's own files. */
import type {CpioEntry} from './cpio.js';
import {writeCpio} from './cpio.js';
import {withoutSignature} from './kernel-module.js';
import type {KernelModule} from './kernel-package.js';
import type {GuestFile} from './recipe.js';

/** What goes into an initramfs. */
export interface InitramfsParts {
  readonly busybox: Uint8Array;
  readonly applets: readonly string[];
  readonly kernelVersion: string;
  /** In the order in which they are to be loaded, before anything else. */
  readonly bootModules: readonly KernelModule[];
  /** Each after what it depends on; loaded when a device or a file system asks. */
  readonly onDemandModules: readonly KernelModule[];
  readonly guestFiles: readonly GuestFile[];
}

/**
 * Builds the archive.
 * Shape:  /bin = busybox and a link for each applet; /lib/modules/boot = unpacked modules and `boot.list`;
 *         /lib/modules/VERSION = modules as Debian packs them, with modules.dep and modules.alias for modprobe
 */
export function buildInitramfs(parts: InitramfsParts): Uint8Array {
  const files = new Map<string, CpioEntry>();
  const add = (entry: CpioEntry) => files.set(entry.path, entry);
  const addFile = (path: string, data: Uint8Array | string, mode = 0o644) =>
    add({kind: 'file', path, mode, data: typeof data === 'string' ? new TextEncoder().encode(data) : data});

  for (const [path, mode] of FOLDERS) add({kind: 'directory', path, mode});
  // The kernel opens it for the first process before that has mounted /dev.
  add({kind: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1});
  for (const path of ['sbin', 'usr/bin', 'usr/sbin']) add({kind: 'symlink', path, target: '/bin'});
  for (const [name, target] of DEVICE_LINKS) add({kind: 'symlink', path: `lib/vivarium/dev/${name}`, target});
  addFile('bin/busybox', parts.busybox, 0o755);
  for (const applet of parts.applets)
    if (applet !== 'busybox') add({kind: 'symlink', path: `bin/${applet}`, target: 'busybox'});

  for (const module of parts.bootModules) addFile(`lib/modules/boot/${module.name}.ko`, withoutSignature(module.data));
  addFile('lib/modules/boot.list', parts.bootModules.map((module) => `${module.name}.ko\n`).join(''));
  const root = `lib/modules/${parts.kernelVersion}`;
  for (const module of parts.onDemandModules) addFile(`${root}/kernel/${module.path}`, module.packed);
  addFile(`${root}/modules.dep`, dependencyTable(parts.onDemandModules));
  addFile(`${root}/modules.alias`, aliasTable(parts.onDemandModules));

  // Last, so that a recipe may replace anything above.
  for (const file of parts.guestFiles) addFile(file.path, file.data, file.isExecutable ? 0o755 : 0o644);
  return writeCpio(withFolders([...files.values()]));
}

const FOLDERS: readonly (readonly [string, number])[] = [
  ['bin', 0o755],
  ['dev', 0o755],
  ['etc', 0o755],
  ['lib', 0o755],
  ['lib/vivarium', 0o755],
  ['lib/vivarium/dev', 0o755],
  ['lib/vivarium/dev/pts', 0o755],
  ['lib/vivarium/dev/shm', 0o1777],
  ['mnt', 0o755],
  ['proc', 0o555],
  ['root', 0o700],
  ['run', 0o755],
  ['sys', 0o555],
  ['tmp', 0o1777],
  ['usr', 0o755],
  ['var', 0o755],
];

/** What programs expect in /dev and the kernel's own device file system lacks; the guest copies it there. */
const DEVICE_LINKS: readonly (readonly [string, string])[] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
];

/** modules.dep: `FILE: NEEDED…`, the nearest dependency first, all of them named. */
function dependencyTable(modules: readonly KernelModule[]): string {
  const byName = new Map(modules.map((module) => [module.name, module]));
  const closure = (module: KernelModule, seen: Set<string>): Set<string> => {
    for (const name of module.dependencies) {
      const dependency = byName.get(name);
      // A dependency that is missing here is built into the kernel, or loaded at boot.
      if (dependency === undefined || seen.has(dependency.path)) continue;
      seen.add(dependency.path);
      closure(dependency, seen);
    }
    return seen;
  };
  return modules
    .map((module) => {
      const needed = [...closure(module, new Set())].map((path) => ` kernel/${path}`).join('');
      return `kernel/${module.path}:${needed}\n`;
    })
    .join('');
}

function aliasTable(modules: readonly KernelModule[]): string {
  return modules.flatMap((module) => module.aliases.map((alias) => `alias ${alias} ${module.name}\n`)).join('');
}

/** Adds the folders that entries lie in, each before its first entry. */
function withFolders(entries: readonly CpioEntry[]): CpioEntry[] {
  const known = new Set(entries.filter((entry) => entry.kind === 'directory').map((entry) => entry.path));
  const result: CpioEntry[] = entries.filter((entry) => entry.kind === 'directory');
  for (const entry of entries) {
    if (entry.kind === 'directory') continue;
    const names = entry.path.split('/');
    for (let depth = 1; depth < names.length; depth += 1) {
      const path = names.slice(0, depth).join('/');
      if (known.has(path)) continue;
      known.add(path);
      result.push({kind: 'directory', path, mode: 0o755});
    }
    result.push(entry);
  }
  return result;
}
