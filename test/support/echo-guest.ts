/** Programs for a bare machine. */
import {Assembler} from './assembler.js';
import {writeElf} from './elf-writer.js';

const BASE = 0x8000_0000;
const UART = 0x1000_0000;
const FINISHER = 0x10_0000;

/** Writes `>` to the serial port, then waits at the label `poll` for a byte, and echoes it; it is in register 6 then. Register 5 is taken too. */
export function echoNext(a: Assembler): void {
  a.loadConstant(5, UART);
  a.loadConstant(6, '>'.charCodeAt(0));
  a.op('sb', {rs1: 5, rs2: 6});
  a.label('poll');
  a.op('lbu', {rd: 6, rs1: 5, imm: 5});
  a.op('andi', {rd: 6, rs1: 6, imm: 1});
  a.to('poll', 'beq', {rs1: 6});
  a.op('lbu', {rd: 6, rs1: 5});
  a.op('sb', {rs1: 5, rs2: 6});
}

/** Echoes what it reads on the serial port; `q` powers off, `r` reboots. An ELF file. */
export function echoProgram(): Uint8Array {
  const a = new Assembler(BASE);
  echoNext(a);
  a.loadConstant(8, FINISHER);
  a.loadConstant(9, 0x5555);
  a.loadConstant(7, 'q'.charCodeAt(0));
  a.to('finish', 'beq', {rs1: 6, rs2: 7});
  a.loadConstant(9, 0x7777);
  a.loadConstant(7, 'r'.charCodeAt(0));
  a.to('finish', 'beq', {rs1: 6, rs2: 7});
  a.to('poll', 'jal');
  a.label('finish');
  a.op('sw', {rs1: 8, rs2: 9});
  a.label('wait');
  a.to('wait', 'jal');
  return writeElf({entry: BASE, segments: [{address: BASE, bytes: a.finish()}]});
}

/** Sleeps for ever. An ELF file. */
export function sleepingProgram(): Uint8Array {
  const a = new Assembler(BASE);
  a.label('sleep');
  a.op('wfi', {});
  a.to('sleep', 'jal');
  return writeElf({entry: BASE, segments: [{address: BASE, bytes: a.finish()}]});
}
