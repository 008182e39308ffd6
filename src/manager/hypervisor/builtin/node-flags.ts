/**
 * How the machine process's Node is started. The permission model keeps a machine to its own files: it reads the
 * bundle, its folder, its boot files and disks, and writes its folder and writable disks; it starts no programs and
 * loads no native code. Two limits of Node 26 show through:
 * - a unix socket needs `--allow-net`, which allows TCP as well;
 * - fsync is refused under the model, so disks are opened with O_DSYNC there (see engine-host.ts).
 */
import {dirname, join} from 'node:path';
import type {Launch} from './link.js';

/**
 * V8 flags of machine processes: the generated interpreter is large and hot from the first guest instruction.
 */
export const v8Flags: readonly string[] = [];

/** Arguments for Node before the program's path. */
export function machineNodeFlags(launch: Launch, program: string, packageFolder: string): string[] {
  const bootFiles =
    launch.boot.kind === 'firmware'
      ? [launch.boot.elfPath]
      : [launch.boot.kernelPath, ...(launch.boot.initrdPath === undefined ? [] : [launch.boot.initrdPath])];
  const reads = [
    dirname(program),
    join(packageFolder, 'package.json'),
    launch.folder,
    ...bootFiles,
    ...launch.disks.map((disk) => disk.path),
  ];
  const writes = [
    launch.folder,
    launch.socketPath,
    ...launch.disks.filter((disk) => !disk.isReadOnly).map((disk) => disk.path),
  ];
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
