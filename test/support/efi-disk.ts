/** Disks with an EFI system partition, made by sfdisk and mtools. */
import {execFileSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Apt} from '../../src/manager/image/apt.js';
import {takeBuildLock} from '../../src/manager/image/build-lock.js';
import {fetchPackageFiles} from '../../src/manager/image/package-files.js';
import {builtDebianMini, testImageCache} from './debian-mini.js';

/** How a disk is made. `files` are paths with what is in them; the partition begins at 1 MiB. */
export interface EfiDiskSpec {
  readonly sizeMiB: number;
  readonly label?: 'gpt' | 'dos';
  readonly fatBits?: 12 | 16 | 32;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const environment = {...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, MTOOLS_SKIP_CHECK: '1'};

/** Makes a raw disk. */
export function makeEfiDisk(path: string, {sizeMiB, label = 'gpt', fatBits, files}: EfiDiskSpec): void {
  const run = (program: string, args: readonly string[], input = '') =>
    execFileSync(program, args, {input, env: environment, stdio: ['pipe', 'pipe', 'pipe']});
  const content = mkdtempSync(join(tmpdir(), 'viv-esp-'));
  try {
    writeFileSync(path, '');
    truncateSync(path, sizeMiB << 20);
    const type = label === 'gpt' ? 'uefi' : 'ef';
    run('sfdisk', ['-q', path], `label: ${label}\nstart=2048, size=${(sizeMiB - 2) * 2048}, type=${type}\n`);
    const partition = `${path}@@1M`;
    const bits = fatBits === 32 ? ['-F'] : fatBits === 12 ? ['-c', '128'] : fatBits === 16 ? ['-c', '4'] : [];
    run('mformat', ['-i', partition, '-T', String((sizeMiB - 2) * 2048), ...bits, '::']);
    const folders = new Set<string>();
    for (const [file, bytes] of files) {
      const parts = file.split('/').slice(0, -1);
      for (const depth of parts.keys()) folders.add(parts.slice(0, depth + 1).join('/'));
      const local = join(content, file);
      mkdirSync(join(local, '..'), {recursive: true});
      writeFileSync(local, bytes);
    }
    for (const folder of folders) run('mmd', ['-i', partition, `::/${folder}`]);
    for (const file of files.keys()) run('mcopy', ['-i', partition, join(content, file), `::/${file}`]);
  } finally {
    rmSync(content, {recursive: true});
  }
}

const GRUB = {
  packageName: 'grub-efi-riscv64-unsigned',
  path: 'usr/lib/grub/riscv64-efi/monolithic/grubriscv64.efi',
};

/** Debian's GRUB for EFI, from the package cache that all tests share. */
export async function fetchGrub(): Promise<Uint8Array> {
  const signal = new AbortController().signal;
  const folder = join(testImageCache, 'apt');
  mkdirSync(folder, {recursive: true});
  await using _lock = await takeBuildLock(join(folder, 'build.lock'), signal, () => undefined);
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const options = {
    folder,
    suite: 'trixie',
    component: 'main',
    architecture: 'riscv64',
    keyring,
    environment: process.env,
  };
  const apt = await Apt.open({...options, signal});
  await apt.update(() => undefined);
  const context = {environment: process.env, signal, onProgress: () => undefined};
  const [fetched] = await fetchPackageFiles(apt, [{packageName: GRUB.packageName, paths: [GRUB.path]}], context);
  return fetched!.files.get(GRUB.path)!;
}

/** A disk whose GRUB boots debian-mini, with that word on its command line. */
export async function makeGrubDisk(path: string, word: string): Promise<void> {
  const image = await builtDebianMini();
  const menu = `set timeout=0\nmenuentry x {\n linux /vmlinuz console=ttyS0 ${word}\n initrd /initrd\n}\n`;
  makeEfiDisk(path, {
    sizeMiB: 64,
    files: new Map([
      ['EFI/BOOT/BOOTRISCV64.EFI', await fetchGrub()],
      ['EFI/debian/grub.cfg', Buffer.from(menu)],
      ['vmlinuz', await readFile(image.kernelPath)],
      ['initrd', await readFile(image.initrdPath)],
    ]),
  });
}
