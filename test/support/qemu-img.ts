import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {expect} from 'vitest';

const run = promisify(execFile);

/** Runs qemu-img; its words on failure are the error. */
export async function qemuImg(...args: readonly string[]): Promise<string> {
  const {stdout} = await run('qemu-img', [...args], {maxBuffer: 64 << 20});
  return stdout;
}

/** What `qemu-img check` says of an image. */
export async function qemuCheck(path: string): Promise<{errors: number; leaks: number}> {
  const args = ['check', '-f', 'qcow2', '--output=json', path];
  // It ends with 2 for errors and 3 for leaks; the report is there all the same.
  const report = await run('qemu-img', args).catch((error: {stdout?: string; stderr?: string}) => ({
    stdout: error.stdout ?? '',
    stderr: error.stderr ?? '',
  }));
  if (!report.stdout.startsWith('{')) expect.fail(`qemu-img check ${path}: ${report.stdout}${report.stderr}`);
  const found = JSON.parse(report.stdout) as {corruptions?: number; leaks?: number; 'check-errors'?: number};
  return {errors: (found.corruptions ?? 0) + (found['check-errors'] ?? 0), leaks: found.leaks ?? 0};
}

/** Fails unless both images read the same. */
export async function expectSameContent(
  path: string,
  format: string,
  other: string,
  otherFormat: string,
): Promise<void> {
  await qemuImg('compare', '-f', format, '-F', otherFormat, path, other);
}

/** Runs one command of qemu-io on a qcow2 image, as a guest of QEMU would do it. */
export async function qemuIo(path: string, command: string): Promise<void> {
  await run('qemu-io', ['-f', 'qcow2', '-c', command, path]);
}
