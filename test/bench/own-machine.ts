/** A guest of ours in a machine process of its own, with this process as its daemon: as users' machines run. */
import {mkdirSync, mkdtempSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {packageFolder} from '../../src/manager/bundle.js';
import {BuiltinDriver} from '../../src/manager/hypervisor/builtin/driver.js';
import type {DiskPlan, MachineEnd} from '../../src/manager/hypervisor/contract.js';
import {findPaths} from '../../src/manager/paths.js';
import {defaultNetwork} from '../../src/manager/protocol/machine.js';
import {loadSettings} from '../../src/manager/settings/settings.js';
import {resolveChain} from '../../src/paravirt/block/chain.js';
import type {LinuxGuest, OwnProgram} from './guest-process.js';

/** Longer than any start takes. */
const START_MS = 60_000;

/**
 * Boots a guest and answers with its console once it has powered off. `folder` is for the files of the run and may hold
 * backing images.
 * Errors: it crashed, or ran longer than `deadline` seconds
 */
export async function runOwnMachine(
  {tier}: OwnProgram,
  guest: LinuxGuest,
  folder: string,
  deadline: number,
): Promise<string> {
  const settings = await loadSettings(findPaths(process.env).settings);
  const runFolder = mkdtempSync(join(folder, 'run-'));
  const machineFolder = join(runFolder, 'machine');
  mkdirSync(machineFolder);
  const driver = new BuiltinDriver({
    runtimeFolder: runFolder,
    program: join(packageFolder(), 'dist/machine.js'),
    packageFolder: packageFolder(),
    spareIdleMs: 0,
    scrollbackBytes: settings.console.scrollbackBytes,
    logMaxBytes: settings.console.logMaxBytes,
    sampleIntervalMs: settings.metrics.intervalMs,
    startTimeoutMs: START_MS,
    defaultTier: tier ?? settings.machines.defaultTier,
    regions: settings.regions,
  });
  const disks: DiskPlan[] = [];
  for (const {path, format} of guest.disks ?? [])
    disks.push({images: await resolveChain(path, format, {allowedFolders: [folder]}), isReadOnly: false});
  const {kernelPath, initrdPath, commandLine, memoryBytes, hartCount} = guest;
  const boot = {kind: 'linux' as const, kernelPath, initrdPath, commandLine};
  // As QEMU's guest: the gateway is the host's loopback, or there is none.
  const network = guest.hasNetwork
    ? {...defaultNetwork, allowsHostLoopback: true}
    : {...defaultNetwork, kind: 'none' as const};
  let output = '';
  const ended = Promise.withResolvers<MachineEnd>();
  const machine = await driver.start(
    {
      id: 'bench',
      name: 'bench',
      folder: machineFolder,
      config: {memoryBytes, hartCount, boot, disks: [], network},
      boot,
      disks,
      size: {columns: 100, rows: 30},
    },
    {
      onSpawned: async () => undefined,
      onReady: async () => undefined,
      onOutput: (_offset, bytes) => {
        output += Buffer.from(bytes).toString('latin1');
      },
      onCounters: () => undefined,
      onRebooted: () => undefined,
      onQuestions: () => undefined,
      onHalted: (reason) => ended.resolve({kind: 'crashed', reason}),
      onEnd: (end) => ended.resolve(end),
    },
    AbortSignal.timeout(START_MS),
  );
  const late = setTimeout(() => void machine.kill(), deadline * 1000);
  const end = await ended.promise;
  clearTimeout(late);
  if (end.kind === 'crashed') {
    await machine.kill();
    throw new Error(`${end.reason}\n${output.slice(-2000)}`);
  }
  rmSync(runFolder, {recursive: true});
  return output;
}
