/**
 * Programs from Debian packages that some tests compare with. Where one is missing, those tests are skipped and say
 * so; with CI set they run all the same and fail, so that nothing goes unproven there.
 */
import {accessSync, constants} from 'node:fs';
import {delimiter, join} from 'node:path';
import {describe} from 'vitest';

/** Debian packages of the programs that tests use. */
const packages = {
  'qemu-riscv64': 'qemu-user',
  'qemu-system-riscv64': 'qemu-system-misc',
  'riscv64-unknown-elf-as': 'binutils-riscv64-unknown-elf',
  'riscv64-unknown-elf-objdump': 'binutils-riscv64-unknown-elf',
  dtc: 'device-tree-compiler',
  cpio: 'cpio',
  'apt-get': 'apt',
} as const;

/** A program that tests may need. */
export type Tool = keyof typeof packages;

/** True when a program is on the PATH. */
export function hasTool(tool: Tool): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
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
  const missing = tools.filter((tool) => !hasTool(tool));
  if (missing.length === 0 || process.env['CI']) {
    describe(name, body);
    return;
  }
  const wanted = missing.map((tool) => packages[tool]).join(', ');
  describe.skip(`${name} (skipped: install ${wanted})`, body);
}
