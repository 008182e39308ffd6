/** Threads of a real machine process that die: what the daemon, its events and the command line say. */
import {execFile} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterEach, describe, expect, it} from 'vitest';
import type {Client} from '../../../src/manager/client.js';
import {eventsSince} from '../../../src/manager/protocol/events.js';
import {type Machine, machineCreate, machineShow, machineStart} from '../../../src/manager/protocol/machine.js';
import {metricsHistory} from '../../../src/manager/protocol/metrics.js';
import {AlteredProgram} from '../../support/altered-program.js';
import {Assembler} from '../../support/assembler.js';
import {FleetWatch, TestConsole, TestDaemon} from '../../support/daemon.js';
import {echoNext} from '../../support/echo-guest.js';
import {writeElf} from '../../support/elf-writer.js';

const BASE = 0x8000_0000;
const LIMIT_MS = 120_000;

/** A hart that dies when the guest runs an instruction that there is not. */
const brokenHart = (death: string) => `
const {Instance} = WebAssembly;
WebAssembly.Instance = function (module, imports) {
  if (imports?.env?.illegal) imports.env.illegal = () => { ${death} };
  return new Instance(module, imports);
};`;

/** A compiler that dies at its first batch. */
const BROKEN_COMPILER = `
import v8 from 'node:v8';
const set = v8.setFlagsFromString;
v8.setFlagsFromString = (flag) => {
  if (flag === '--no-liftoff') throw new Error('a bug in the compiler');
  set(flag);
};`;

/** Echoes what it reads on the serial port, until an \`x\` comes: then it runs no instruction, at the label \`wrong\`. */
function program(): {readonly elf: Uint8Array; readonly wrong: string} {
  const a = new Assembler(BASE);
  a.loadConstant(7, 'x'.charCodeAt(0));
  echoNext(a);
  a.to('poll', 'bne', {rs1: 6, rs2: 7});
  a.label('wrong');
  a.word(0xffff_ffff);
  const wrong = `0x${a.addressOf('wrong').toString(16)}`;
  return {elf: writeElf({entry: BASE, segments: [{address: BASE, bytes: a.finish()}]}), wrong};
}

let daemon: TestDaemon;
afterEach(() => daemon[Symbol.asyncDispose]());

async function start(client: Client, elf: Uint8Array): Promise<Machine> {
  const elfPath = await daemon.file('program.elf', elf);
  const boot = {kind: 'firmware' as const, elfPath};
  await client.request(machineCreate, {name: 'one', boot, memoryBytes: 16 << 20, tier: 'auto', hotThreshold: 3});
  return (await client.request(machineStart, {machine: 'one'})).machine;
}

/** Runs the command line in the daemon's home; its status is told instead of thrown. */
async function viv(path: string, ...args: string[]): Promise<{readonly status: number; readonly output: string}> {
  const run = promisify(execFile)(process.execPath, [path, ...args], {env: daemon.environment});
  return run.then(
    ({stdout, stderr}) => ({status: 0, output: stdout + stderr}),
    ({code, stdout, stderr}: {code: number; stdout: string; stderr: string}) => ({
      status: code,
      output: stdout + stderr,
    }),
  );
}

describe.each([
  ['throws', "throw new Error('a bug in the hart')", 'Error: a bug in the hart'],
  ['ends its thread', 'process.exit(7)', 'its thread ended (7)'],
  ['ends its thread as if all were well', 'process.exit(0)', 'its thread ended (0)'],
])('a hart that %s', (_how, death, reason) => {
  it(
    "marks the machine crashed with the guest's pc, in its event and on the command line",
    async () => {
      using altered = new AlteredProgram('hart', brokenHart(death));
      daemon = await TestDaemon.create({machineProgram: altered.machine});
      const client = await daemon.connect();
      const {elf, wrong} = program();
      await start(client, elf);
      const fleet = await FleetWatch.open(client);
      const console = await TestConsole.open(client, 'one');
      await console.until('>');
      await console.type('x');
      const crashed = await fleet.until('one', ({state}) => state === 'crashed');
      const said = `The emulator stopped on hart 0 at pc ${wrong}: ${reason}`;
      expect(crashed.reason).toContain(said);
      expect(crashed.reason).not.toContain('\n');
      const {events} = await client.request(eventsSince, {machine: 'one'});
      expect(events.at(-1)).toMatchObject({kind: 'machine-crashed', message: `one crashed: ${crashed.reason}`});
      for (const command of [['show', 'one'], ['ls']])
        expect((await viv(altered.viv, ...command)).output).toContain(said);
      // It is as if it had been switched off: it starts again.
      expect((await client.request(machineStart, {machine: 'one'})).machine.state).toBe('running');
    },
    LIMIT_MS,
  );

  it('ends a throwaway run with the pc and status 1', async () => {
    using altered = new AlteredProgram('hart', brokenHart(death));
    daemon = await TestDaemon.create();
    const a = new Assembler(BASE);
    a.op('addi', {rd: 5, imm: 1});
    a.word(0xffff_ffff);
    const elf = writeElf({entry: BASE, segments: [{address: BASE, bytes: a.finish()}]});
    const path = await daemon.file('short.elf', elf);
    const {status, output} = await viv(altered.viv, 'run', '--firmware', path);
    expect(status).toBe(1);
    expect(output).toContain(`viv: The emulator stopped on hart 0 at pc 0x80000004: ${reason}`);
  });
});

describe('a compiler that dies', () => {
  it(
    'leaves the machine running, is logged once, and show says it',
    async () => {
      using altered = new AlteredProgram('compiler', BROKEN_COMPILER);
      daemon = await TestDaemon.create({
        machineProgram: altered.machine,
        settings: {metrics: {intervalMs: 100}},
      });
      const client = await daemon.connect();
      const machine = await start(client, program().elf);
      const console = await TestConsole.open(client, 'one');
      await console.until('>');
      const fault = async () => {
        const {machine: samples} = await client.request(metricsHistory, {machine: 'one'});
        return samples.at(-1)?.code?.compilerFault;
      };
      await expect.poll(fault, {timeout: 60_000}).toBe('Error: a bug in the compiler');
      await console.type('still here');
      await console.until('>still here');
      expect((await client.request(machineShow, {machine: 'one'})).machine.state).toBe('running');
      expect((await viv(altered.viv, 'show', 'one')).output).toMatch(
        /^compiler +ended \(Error: a bug in the compiler\); what is not compiled stays interpreted$/m,
      );
      const log = readFileSync(join(machine.folder, 'machine.log'), 'utf8');
      expect(log.match(/a bug in the compiler/g)).toHaveLength(1);
    },
    LIMIT_MS,
  );
});
