import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {PassThrough} from 'node:stream';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {openEmbedded, type RunFirmwareOptions} from '../../../../src/manager/client.js';
import {Assembler} from '../../../support/assembler.js';
import {writeElf} from '../../../support/elf-writer.js';
import {guestProgram, RESULTS} from '../../../support/guest-program.js';

const BASE = 0x8000_0000;
const UART = 0x1000_0000;
const FINISHER = 0x10_0000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-firmware-'));
});
afterEach(() => rm(folder, {recursive: true, force: true}));

async function run(elf: Uint8Array, options: Partial<RunFirmwareOptions> = {}) {
  const elfPath = join(folder, 'program.elf');
  await writeFile(elfPath, elf);
  const stdout = new PassThrough();
  const chunks: Uint8Array[] = [];
  stdout.on('data', (chunk: Uint8Array) => chunks.push(chunk));
  const embedded = await openEmbedded();
  const status = await embedded.runFirmware({elfPath, memoryBytes: 16 << 20, stdout, ...options});
  return {status, output: Buffer.concat(chunks).toString()};
}

/** A program that prints and then writes a word to the finisher. */
function finishing(word: number, text = ''): Uint8Array {
  const a = new Assembler(BASE);
  a.label('start');
  a.loadConstant(5, UART);
  for (const char of text) {
    a.loadConstant(6, char.charCodeAt(0));
    a.op('sb', {rs1: 5, rs2: 6});
  }
  a.loadConstant(5, FINISHER);
  a.loadConstant(6, word);
  a.op('sw', {rs1: 5, rs2: 6});
  a.label('wait');
  a.to('wait', 'jal');
  return writeElf({entry: BASE, segments: [{address: BASE, bytes: a.finish()}]});
}

describe('firmware', () => {
  it('prints on stdout and ends with the status it gave', async () => {
    expect(await run(finishing(0x5555, 'hello\n'))).toEqual({status: 0, output: 'hello\n'});
    expect(await run(finishing((42 << 16) | 0x3333))).toEqual({status: 42, output: ''});
  });

  it.each([{tier: 'interpreter'}, {tier: 'regions', hotThreshold: 1}, {tier: 'auto', hotThreshold: 2}] as const)(
    'runs the same with %j',
    async (execution) => {
      const a = new Assembler(BASE);
      a.loadConstant(7, 0);
      a.loadConstant(9, 1000);
      a.label('loop');
      a.op('add', {rd: 7, rs1: 7, rs2: 9});
      a.op('addi', {rd: 9, rs1: 9, imm: -1});
      a.to('loop', 'bne', {rs1: 9});
      // 500500 modulo 4096 is the status.
      a.op('slli', {rd: 7, rs1: 7, imm: 52});
      a.op('srli', {rd: 7, rs1: 7, imm: 36});
      a.loadConstant(6, 0x3333);
      a.op('or', {rd: 6, rs1: 6, rs2: 7});
      a.loadConstant(5, FINISHER);
      a.op('sw', {rs1: 5, rs2: 6});
      a.label('wait');
      a.to('wait', 'jal');
      const elf = writeElf({entry: BASE, segments: [{address: BASE, bytes: a.finish()}]});
      expect(await run(elf, execution)).toEqual({status: 500500 % 4096, output: ''});
    },
  );

  it('is refused with a tier or threshold that there is not', async () => {
    await expect(run(finishing(0x5555), {tier: 'warp' as 'auto'})).rejects.toMatchObject({
      code: 'bad-request',
      message: 'There is no execution tier called warp.',
    });
    await expect(run(finishing(0x5555), {hotThreshold: 0})).rejects.toMatchObject({code: 'bad-request'});
  });

  it('leaves its signature as Spike writes it', async () => {
    const program = guestProgram(
      (a) => {
        for (let word = 0; word < 5; word++) {
          a.loadConstant(6, 0x01020300 + word);
          a.op('sw', {rs1: RESULTS, rs2: 6, imm: word * 4});
        }
      },
      () => undefined,
      20,
    );
    const signaturePath = join(folder, 'signature');
    expect((await run(program.bare, {signaturePath})).status).toBe(0);
    expect(await readFile(signaturePath, 'utf8')).toMatch(/^01020303010203020102030101020300\n[0-9a-f]{24}01020304\n/);
    await run(program.bare, {signaturePath, signatureGranularity: 4});
    expect((await readFile(signaturePath, 'utf8')).split('\n').slice(0, 3)).toEqual([
      '01020300',
      '01020301',
      '01020302',
    ]);
  });

  it('that is none is refused with its reason', async () => {
    await expect(run(Buffer.from('#!/bin/sh\n'))).rejects.toMatchObject({code: 'bad-firmware'});
    const foreign = Buffer.from(finishing(0x5555));
    foreign.writeUInt16LE(62, 18);
    await expect(run(foreign)).rejects.toMatchObject({
      code: 'bad-firmware',
      message: expect.stringContaining('x86-64'),
    });
    await expect(run(finishing(0x5555), {memoryBytes: 100})).rejects.toMatchObject({code: 'bad-memory-size'});
  });

  it('that never ends ends when its caller wants it to', async () => {
    const a = new Assembler(BASE);
    a.label('start');
    a.to('start', 'jal');
    const cancel = new AbortController();
    const running = run(writeElf({entry: BASE, segments: [{address: BASE, bytes: a.finish()}]}), {
      signal: cancel.signal,
    });
    setTimeout(() => cancel.abort(), 100);
    await expect(running).rejects.toMatchObject({code: 'cancelled'});
  });
});
