/**
 * Runs a bare-metal test guest under qemu-system-riscv64 (`-M virt -bios none`) and reads its memory afterwards: the
 * second opinion where the specification leaves a choice. `VIV_SYSTEM_QEMU=1 npx vitest run test/engine/hart` prints
 * where each guest's logs differ from ours; differences by design (hardware A and D bits, newer extensions) remain.
 */
import {spawn} from 'node:child_process';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

/** Bytes of guest memory once the word at `finished` is not 0 (or after ten seconds). */
export async function runUnderSystemQemu(
  elf: Uint8Array,
  hartCount: number,
  memoryBytes: number,
  range: {readonly address: number; readonly length: number; readonly finished: number},
): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'viv-system-'));
  const program = join(folder, 'guest.elf');
  const dump = join(folder, 'memory');
  try {
    await writeFile(program, elf);
    const machine = ['-M', 'virt', '-bios', 'none', '-m', `${memoryBytes}B`, '-smp', String(hartCount)];
    const child = spawn(
      'qemu-system-riscv64',
      [...machine, '-cpu', 'rv64', '-kernel', program, '-display', 'none', '-serial', 'none', '-monitor', 'stdio'],
      {stdio: ['pipe', 'pipe', 'inherit']},
    );
    const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
    const deadline = Date.now() + 10_000;
    const look = `xp /1wx ${range.finished}\n`;
    let isDumped = false;
    let text = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (chunk: string) => {
      text += chunk;
      const word = /: 0x([0-9a-f]{8})/.exec(text)?.[1];
      if (!word || isDumped) return;
      text = '';
      if (Number.parseInt(word, 16) === 0 && Date.now() < deadline) {
        setTimeout(() => child.stdin.write(look), 20);
        return;
      }
      isDumped = true;
      child.stdin.write(`stop\npmemsave ${range.address} ${range.length} "${dump}"\nquit\n`);
    });
    child.stdin.write(look);
    await ended;
    return await readFile(dump);
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}
