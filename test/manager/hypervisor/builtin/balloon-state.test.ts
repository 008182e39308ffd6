/** Saved states of builds that had fewer devices, and the balloon's memory that a guest has freed. */
import {mkdtemp, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import type {AssemblyPlan} from '../../../../src/manager/hypervisor/builtin/assembly.js';
import {EngineHost} from '../../../../src/manager/hypervisor/builtin/engine-host.js';
import {SaveReader} from '../../../../src/manager/hypervisor/builtin/saved/save-reader.js';
import {encodeEnd} from '../../../../src/manager/hypervisor/builtin/saved/state-end.js';
import {defaultNetwork} from '../../../../src/manager/protocol/machine.js';
import {Assembler} from '../../../support/assembler.js';
import {builtDebianMini} from '../../../support/debian-mini.js';
import {writeElf} from '../../../support/elf-writer.js';
import {testTier} from '../../../support/tier.js';

const BASE = 0x8000_0000;
const MIB = 2 ** 20;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-balloon-'));
});
afterEach(() => rm(folder, {recursive: true}));

const common = {hartCount: 1, disks: [], size: {columns: 80, rows: 24}, ports: []};

async function firmwarePlan(): Promise<AssemblyPlan> {
  const a = new Assembler(BASE);
  a.label('wait');
  a.to('wait', 'jal');
  const elfPath = join(folder, 'program.elf');
  await writeFile(elfPath, writeElf({entry: BASE, segments: [{address: BASE, bytes: a.finish()}]}));
  return {...common, memoryBytes: 16 * MIB, boot: {kind: 'firmware', elfPath}, ...testTier()};
}

/** Writes a state as a build without the last devices would have, which named none. */
async function writeOlder(path: string, olderPath: string, without: number): Promise<void> {
  await using reader = await SaveReader.open(path);
  const {head, rows} = reader;
  const older = {
    ...head,
    kinds: undefined,
    devices: head.devices.slice(0, -without),
    machine: {...head.machine, devices: head.machine.devices.slice(0, -without)},
  };
  const content = (await readFile(path)).subarray(0, Math.max(...rows.map((row) => row.offset + row.storedBytes)));
  await writeFile(olderPath, Buffer.concat([content, await encodeEnd(content.length, older, rows)]));
}

it.each([
  ['sockets', 1, true],
  ['a balloon and sockets', 2, false],
])('a state of a machine without %s goes on without', async (_what, without, hasBalloon) => {
  // A card is older than sockets, and younger than balloons.
  const network = hasBalloon ? {network: {...defaultNetwork, id: 'one'}} : {};
  const plan = {...(await firmwarePlan()), ...network};
  const listener = {onOutput: () => undefined, onRebooted: () => undefined};
  const [path, olderPath] = [join(folder, 'new.state'), join(folder, 'old.state')];
  {
    await using host = await EngineHost.create(plan, listener);
    host.start();
    expect(host.assembled).toMatchObject({balloon: expect.anything(), vsock: expect.anything()});
    await host.save({path, packing: 'small'});
  }
  await writeOlder(path, olderPath, without);
  await using older = await EngineHost.create({...plan, savedPath: olderPath}, listener);
  older.start();
  const {balloon, vsock, network: card} = older.assembled;
  expect([balloon !== undefined, vsock !== undefined, card !== undefined]).toEqual([hasBalloon, false, hasBalloon]);
  await older.save({path: join(folder, 'again.state'), packing: 'small'});
});

it('holds nothing of what a Linux guest has freed, and knows what the guest says of its memory', async () => {
  const {kernelPath, initrdPath, commandLine} = await builtDebianMini();
  const boot = {kind: 'linux' as const, kernelPath, initrdPath, commandLine: `${commandLine} quiet`};
  let text = '';
  const onOutput = (bytes: Uint8Array) => {
    text += Buffer.from(bytes).toString('latin1').replaceAll('\x1b[6n', '');
  };
  const plan = {...common, memoryBytes: 192 * MIB, boot, ...testTier()};
  await using host = await EngineHost.create(plan, {onOutput, onRebooted: () => undefined});
  host.start();
  const until = async (pattern: RegExp) => {
    while (!pattern.test(text)) await new Promise((resolve) => setTimeout(resolve, 5));
    text = '';
  };
  let saves = 0;
  const savedMib = async () => {
    const path = join(folder, `${saves++}.state`);
    await host.save({path, packing: 'quick'});
    return (await stat(path)).size / MIB;
  };
  await until(/# $/);
  host.write(Buffer.from('head -c 50000000 /dev/urandom >/tmp/noise; echo "do"ne\n'));
  await until(/done\r\n[^\n]*# $/);
  const full = await savedMib();
  host.write(Buffer.from('rm /tmp/noise; echo "do"ne\n'));
  await until(/done\r\n[^\n]*# $/);
  // Linux reports pages some seconds after they became free; the test's time limit ends a wait in vain.
  while ((await savedMib()) > full - 40) await new Promise((resolve) => setTimeout(resolve, 1000));
  while (host.counters().guestMemory === undefined) await new Promise((resolve) => setTimeout(resolve, 100));
  const {totalBytes = 0, availableBytes = 0} = host.counters().guestMemory ?? {};
  expect(totalBytes).toBeGreaterThan(64 * MIB);
  expect(totalBytes).toBeLessThan(192 * MIB);
  expect(availableBytes).toBeLessThan(totalBytes);
}, 240_000);
