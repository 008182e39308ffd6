/**
 * How the machine process's Node is started. The permission model keeps a machine to its own files: it reads the
 * bundle, its folder, its boot files, disks and shared folders, and writes its folder and what of those is writable; it
 * starts no programs and loads no native code. Three limits of Node 26 show through:
 * - a unix socket needs `--allow-net`, which allows TCP as well;
 * - fsync is refused under the model, so the daemon syncs disks for the process (see disk-syncer.ts);
 * - symlink and fchmod are refused too, and what /proc/self/fd leads to, so the daemon does for shared folders what needs
 *   them (see paravirt/share/deputy.ts).
 */
import {dirname, join} from 'node:path';
import {bootParts} from '../../bootable/boot-paths.js';
import type {Launch} from './link.js';
import {placeFolders} from './places.js';

/**
 * V8 flags of machine processes. Their JavaScript is a thin layer around generated code, so small heaps and few helper
 * threads cost nothing; together with one malloc arena they save 36 MiB a machine (measured on an idle debian-mini). The
 * collector is called where work ends that leaves much (see `young-garbage.ts`).
 */
export const v8Flags: readonly string[] = [
  '--max-semi-space-size=1',
  '--optimize-for-size',
  '--v8-pool-size=1',
  '--expose-gc',
];

/**
 * Environment of machine processes: nothing of the user's but what a program needs to start and to tell local time. glibc
 * would keep what is freed of buffers up to 32 MiB once it has seen such go; below 1 MiB it may, since chunks of saved memory
 * come and go, and each page that the host gives anew costs 12 µs.
 */
export function machineEnvironment(own: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return {
    PATH: own['PATH'] ?? '',
    TZ: own['TZ'] ?? '',
    MALLOC_ARENA_MAX: '1',
    MALLOC_MMAP_THRESHOLD_: '1048576',
    MALLOC_TRIM_THRESHOLD_: '1048576',
  };
}

/** What is run. */
export interface MachineProgram {
  readonly program: string;
  readonly packageFolder: string;
}

/** Arguments for Node before the program's path. */
export function machineNodeFlags(launch: Launch, program: MachineProgram): string[] {
  const reads = [
    launch.folder,
    ...Object.values(bootParts(launch.boot)),
    ...(launch.savedPath === undefined ? [] : [launch.savedPath]),
    ...launch.disks.flatMap(({images}) => images.map(({path}) => path)),
    ...launch.shares.map(({path}) => path),
  ];
  const writes = [
    launch.folder,
    launch.socketPath,
    ...launch.disks.flatMap(({images, isReadOnly}) => (isReadOnly ? [] : images.slice(0, 1).map(({path}) => path))),
    ...launch.shares.flatMap(({path, isReadOnly}) => (isReadOnly ? [] : [path])),
  ];
  return nodeFlags(program, reads, writes);
}

/** Those of a process that is to become some machine, and reaches what that needs through links (see `places.ts`). */
export function spareNodeFlags(folder: string, socketPath: string, program: MachineProgram): string[] {
  return nodeFlags(program, [folder], [placeFolders(folder).written, socketPath]);
}

function nodeFlags(
  {program, packageFolder}: MachineProgram,
  own: readonly string[],
  writes: readonly string[],
): string[] {
  const reads = [dirname(program), join(packageFolder, 'package.json'), ...own];
  return [
    '--permission',
    ...reads.map((path) => `--allow-fs-read=${path}`),
    ...writes.map((path) => `--allow-fs-write=${path}`),
    '--allow-worker',
    '--allow-net',
    '--no-warnings',
    ...v8Flags,
  ];
}
