/**
 * Guests that run one program and power off: debian-mini's kernel and initramfs with a second archive behind it, which
 * the kernel unpacks over the first. Its `/bench` is the first process.
 */
import {appendFileSync, copyFileSync} from 'node:fs';
import {join} from 'node:path';
import {type CpioEntry, writeCpio} from '../../src/manager/image/cpio.js';
import type {BuiltImage} from '../../src/manager/image/image-record.js';

/** A program or library to add, or a link to one. */
export type AddedFile = Extract<CpioEntry, {kind: 'file' | 'symlink'}>;

/**
 * Writes the initramfs into `folder` and returns its path and the command line that goes with it. `script` runs with
 * the usual file systems mounted and with the serial port as its terminal; the machine powers off when it ends.
 */
export function addToImage(
  image: BuiltImage,
  folder: string,
  files: readonly AddedFile[],
  script: string,
): {readonly kernelPath: string; readonly initrdPath: string; readonly commandLine: string} {
  const init = `#!/bin/sh\nexport PATH=/bin\n/bin/busybox mount -a\n${script}\npoweroff -f\n`;
  const folders = new Set<string>();
  for (const {path} of files)
    for (let end = path.indexOf('/'); end > 0; end = path.indexOf('/', end + 1)) folders.add(path.slice(0, end));
  const entries: CpioEntry[] = [
    ...[...folders].map((path) => ({kind: 'directory' as const, path, mode: 0o755})),
    {kind: 'file', path: 'bench', mode: 0o755, data: Buffer.from(init)},
    ...files,
  ];
  const initrdPath = join(folder, 'initrd');
  copyFileSync(image.initrdPath, initrdPath);
  appendFileSync(initrdPath, writeCpio(entries));
  return {kernelPath: image.kernelPath, initrdPath, commandLine: `${image.commandLine} quiet rdinit=/bench`};
}
