/**
 * Programs that run unchanged under qemu-riscv64 (as a static Linux executable, which writes its results to stdout) and
 * on a bare machine in M-mode or under an address space (which leaves them between `begin_signature` and `end_signature` and ends through HTIF).
 * Both are loaded at the same addresses, so results may hold addresses.
 */
import {spawn} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Assembler} from './assembler.js';
import {writeElf} from './elf-writer.js';

const BASE = 0x8000_0000;
const PAGE_BYTES = 4096;
const SATP = 0x180;
const MSTATUS = 0x300;
const MTVEC = 0x305;
const MCOUNTEREN = 0x306;
const MEPC = 0x341;
const MCAUSE = 0x342;
const PMPCFG0 = 0x3a0;
const PMPADDR0 = 0x3b0;

/** The register that points at the results when the body starts. */
export const RESULTS = 3;

/** The two executables and where their results are. */
export interface GuestProgram {
  readonly linux: Uint8Array;
  readonly bare: Uint8Array;
  readonly baseAddress: number;
  readonly resultsAddress: number;
  readonly resultBytes: number;
  /** Where the bare form finds the satp to run with; 0 there: none, in M-mode. */
  readonly satpAddress: number;
  /** Addresses in pages that must be mapped where they are. */
  readonly fixedPages: readonly number[];
}

/** Wraps `writeBody` (code that falls through at its end) and `writeData` in prologue and epilogue. */
export function guestProgram(
  writeBody: (a: Assembler) => void,
  writeData: (a: Assembler) => void,
  resultBytes: number,
): GuestProgram {
  const a = new Assembler(BASE);
  writeBareStart(a);
  a.label('linux_start');
  a.loadAddress(RESULTS, 'begin_signature');
  writeBody(a);

  a.loadAddress(5, 'is_bare');
  a.op('ld', {rd: 6, rs1: 5});
  a.to('linux_end', 'beq', {rs1: 6});
  a.to('bare_exit', 'jal');
  a.label('linux_end');
  a.loadAddress(11, 'begin_signature');
  a.loadConstant(12, resultBytes);
  a.label('write');
  a.op('addi', {rd: 10, imm: 1});
  a.op('addi', {rd: 17, imm: 64}); // write
  a.op('ecall');
  a.to('linux_exit', 'bge', {rs2: 10});
  a.op('add', {rd: 11, rs1: 11, rs2: 10});
  a.op('sub', {rd: 12, rs1: 12, rs2: 10});
  a.to('write', 'bne', {rs1: 12});
  a.label('linux_exit');
  a.op('addi', {rd: 10, rs1: 12});
  a.op('addi', {rd: 17, imm: 93}); // exit, 0 when all is written
  a.op('ecall');
  a.align(8);
  writeData(a);
  a.align(8);
  a.label('is_bare');
  a.doubleWord(0n);
  a.align(PAGE_BYTES);
  a.label('tohost');
  a.doubleWord(0n);
  a.align(64);
  a.label('fromhost');
  a.doubleWord(0n);
  a.align(PAGE_BYTES);
  a.label('begin_signature');
  const bytes = a.finish();
  const resultsAddress = a.addressOf('begin_signature');
  const segments = [{address: BASE, bytes, memoryBytes: bytes.length + resultBytes}];
  const symbols = {
    tohost: a.addressOf('tohost'),
    fromhost: a.addressOf('fromhost'),
    begin_signature: resultsAddress,
    end_signature: resultsAddress + resultBytes,
  };
  return {
    linux: writeElf({entry: a.addressOf('linux_start'), segments, symbols}),
    bare: writeElf({entry: a.addressOf('bare_start'), segments, symbols}),
    baseAddress: BASE,
    resultsAddress,
    resultBytes,
    satpAddress: a.addressOf('satp'),
    fixedPages: [BASE, symbols.tohost],
  };
}

/**
 * The first page: what a bare machine runs before the body and, when the word `satp` is not zero, in S-mode with that
 * address space; and where it ends. A trap ends the run with the status cause + 1.
 */
function writeBareStart(a: Assembler): void {
  a.label('bare_start');
  a.loadConstant(5, 0x6000);
  a.op('csrrs', {rs1: 5, imm: MSTATUS});
  a.loadAddress(5, 'trapped');
  a.op('csrrw', {rs1: 5, imm: MTVEC});
  a.loadAddress(5, 'satp');
  a.op('ld', {rd: 6, rs1: 5});
  a.to('bare', 'beq', {rs1: 6});
  a.op('csrrw', {rs1: 6, imm: SATP});
  a.op('addi', {rd: 6, imm: -1});
  a.op('csrrw', {rs1: 6, imm: MCOUNTEREN});
  a.op('csrrw', {rs1: 6, imm: PMPADDR0});
  a.op('csrrwi', {rs1: 31, imm: PMPCFG0});
  a.op('addi', {rd: 6, imm: 1});
  a.op('slli', {rd: 6, rs1: 6, imm: 11}); // MPP: S
  a.op('csrrs', {rs1: 6, imm: MSTATUS});
  a.loadAddress(5, 'bare');
  a.op('csrrw', {rs1: 5, imm: MEPC});
  a.op('mret');
  a.label('bare');
  a.loadAddress(5, 'is_bare');
  a.op('addi', {rd: 6, imm: 1});
  a.op('sd', {rs1: 5, rs2: 6});
  a.to('linux_start', 'jal');
  a.align(4); // mtvec wants it
  a.label('trapped');
  a.op('csrrs', {rd: 6, imm: MCAUSE});
  a.op('slli', {rd: 6, rs1: 6, imm: 1});
  a.op('addi', {rd: 6, rs1: 6, imm: 2});
  a.op('addi', {rd: 6, rs1: 6, imm: 1});
  a.to('halt', 'jal');
  a.label('bare_exit');
  a.op('addi', {rd: 6, imm: 1});
  a.label('halt');
  a.loadAddress(5, 'tohost');
  a.op('sd', {rs1: 5, rs2: 6});
  a.label('wait');
  a.to('wait', 'jal');
  a.align(8);
  a.label('satp');
  a.doubleWord(0n);
  a.align(PAGE_BYTES);
}

/** Runs the Linux form under qemu-riscv64 and returns its results. */
export async function runUnderQemu(program: GuestProgram, cpu = 'rv64'): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'viv-guest-'));
  try {
    const file = join(folder, 'program');
    await writeFile(file, program.linux, {mode: 0o755});
    const {promise, resolve, reject} = Promise.withResolvers<Uint8Array>();
    const chunks: Buffer[] = [];
    const errors: Buffer[] = [];
    const child = spawn('qemu-riscv64', ['-cpu', cpu, file], {stdio: ['ignore', 'pipe', 'pipe']});
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    child.on('error', () => reject(new Error('qemu-riscv64 does not run; install the package qemu-user')));
    child.on('close', (status, signal) => {
      const output = Buffer.concat(chunks);
      if (status === 0 && output.length === program.resultBytes) resolve(output);
      else reject(new Error(`qemu-riscv64: ${signal ?? status}, ${output.length} bytes\n${Buffer.concat(errors)}`));
    });
    return await promise;
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}
