/**
 * Programs from Debian packages that some tests compare with. Where one is missing, those tests are skipped and say
 * so; with CI set they run all the same and fail, so that nothing goes unproven there.
 */
import {accessSync, constants} from 'node:fs';
import {delimiter, join} from 'node:path';
import {describe, it} from 'vitest';

/** Debian packages of the programs that tests use. */
const packages = {
  'qemu-riscv64': 'qemu-user',
  'qemu-system-riscv64': 'qemu-system-misc',
  'riscv64-unknown-elf-as': 'binutils-riscv64-unknown-elf',
  'riscv64-unknown-elf-objdump': 'binutils-riscv64-unknown-elf',
  dtc: 'device-tree-compiler',
  'qemu-img': 'qemu-utils',
  cpio: 'cpio',
  bsdtar: 'libarchive-tools',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  tshark: 'tshark',
  scp: 'openssh-client',
  sftp: 'openssh-client',
  'qemu-ga': 'qemu-guest-agent',
  dbclient: 'dropbear-bin',
  plink: 'putty-tools',
  fish: 'fish',
  zsh: 'zsh',
  groff: 'groff-base',
  'apt-get': 'apt',
  sfdisk: 'fdisk',
  mformat: 'mtools',
  mcopy: 'mtools',
} as const;

/** A program that tests may need. */
export type Tool = keyof typeof packages;

/** True when a program is on the PATH. */
export function hasTool(tool: Tool): boolean {
  // An ordinary user's path may be without these.
  return [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'].some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** `describe` for tests that need these programs. */
export function describeWith(tools: readonly Tool[], name: string, body: () => void): void {
  const skipped = missingPackages(tools);
  if (skipped === '') describe(name, body);
  // The body itself may need the programs already.
  else describe(name, () => it.skip(`skipped: install ${skipped}`, () => undefined));
}

/** `it` for one test that needs these programs. */
export function itWith(tools: readonly Tool[], name: string, body: () => Promise<void>, timeoutMs?: number): void {
  const skipped = missingPackages(tools);
  if (skipped === '') it(name, body, timeoutMs);
  else it.skip(`${name} (skipped: install ${skipped})`, body);
}

/** Debian packages to install for these programs; empty when all are there, or when CI must not skip. */
function missingPackages(tools: readonly Tool[]): string {
  if (process.env['CI']) return '';
  const missing = tools.filter((tool) => !hasTool(tool)).map((tool) => packages[tool]);
  return [...new Set(missing)].join(', ');
}
