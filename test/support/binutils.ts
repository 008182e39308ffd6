/** GNU binutils for RISC-V as a second opinion on encodings. */
import {spawn} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

/** What `objdump` runs, for `itWith`. */
export const binutils = ['riscv64-unknown-elf-as', 'riscv64-unknown-elf-objdump'] as const;

const MARCH = 'rv64gc_zba_zbb_zbs_zicboz';

/**
 * Disassembles each of the instructions (16 or 32 bits by their low bits), number i at address 8·i. `options` go to
 * `-M`.
 * Errors: rejects when the tool is not installed
 */
export async function objdump(encodings: readonly number[], options: string): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'viv-objdump-'));
  try {
    const [source, object] = [join(folder, 'code.s'), join(folder, 'code.o')];
    const statements = encodings.map((bits) => {
      const filler = (bits & 3) === 3 ? '.insn 0x13' : '.insn 0x0001\n.insn 0x0001\n.insn 0x0001';
      return `.insn 0x${(bits >>> 0).toString(16)}\n${filler}\n`;
    });
    await writeFile(source, statements.join(''));
    await run('riscv64-unknown-elf-as', [`-march=${MARCH}`, '-o', object, source]);
    const text = await run('riscv64-unknown-elf-objdump', ['-d', '-z', '-M', options, '--no-show-raw-insn', object]);
    const lines = new Map<number, string>();
    for (const match of text.matchAll(/^\s*([0-9a-f]+):\s+(.*)$/gm))
      lines.set(
        Number.parseInt(match[1] ?? '', 16),
        (match[2] ?? '').replace(/\s*[#<].*$/, '').replaceAll(/\s+/g, ' '),
      );
    return encodings.map((_, i) => (lines.get(i * 8) ?? '').trim());
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

async function run(tool: string, args: readonly string[]): Promise<string> {
  const child = spawn(tool, args, {stdio: ['ignore', 'pipe', 'inherit']});
  const {promise, resolve, reject} = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('error', () => reject(new Error(`${tool} does not run; install the package binutils-riscv64-unknown-elf`)));
  child.on('close', (status) =>
    status === 0 ? resolve(Buffer.concat(chunks).toString('utf8')) : reject(new Error(`${tool}: ${status}`)),
  );
  return await promise;
}
