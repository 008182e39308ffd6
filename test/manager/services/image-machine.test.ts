import {existsSync, readFileSync} from 'node:fs';
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {openBuiltinDriver} from '../../../src/manager/hypervisor/builtin/open-driver.js';
import type {RunEnd} from '../../../src/manager/image/machine-run.js';
import {findPaths} from '../../../src/manager/paths.js';
import {endLeftMachine, machineRunOf} from '../../../src/manager/services/image-machine.js';
import {loadSettings} from '../../../src/manager/settings/settings.js';
import {isAlive, type ProcessIdentity} from '../../../src/manager/store/process-identity.js';
import {bundleScriptedMachine, scriptedKernel, until} from '../../support/daemon.js';

describe('a machine that makes a disk', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'viv-maker-'));
    for (const name of ['own', 'run']) await mkdir(join(folder, name), {mode: 0o700});
    await writeFile(join(folder, 'kernel'), scriptedKernel('run'));
    await writeFile(join(folder, 'initrd'), 'x');
    await writeFile(join(folder, 'packages.iso'), Buffer.alloc(4096));
  });
  afterEach(() => rm(folder, {recursive: true, maxRetries: 3}));

  /** One that says that it has booted, and goes on until it is ended. */
  async function begin(more: {signal?: AbortSignal; memoryBytes?: number} = {}) {
    const environment = {VIVARIUM_HOME: folder, VIVARIUM_RUNTIME: join(folder, 'run')};
    const program = {VIVARIUM_MACHINE_PROGRAM: await bundleScriptedMachine()};
    const driver = openBuiltinDriver(
      {...environment, ...program},
      findPaths(environment),
      await loadSettings(join(folder, 'no-settings')),
      0,
    );
    let output = '';
    const ended: Promise<RunEnd> = machineRunOf(
      async () => driver,
      0,
    )({
      ...{
        folder: join(folder, 'own'),
        name: 'maker',
        commandLine: '',
        memoryBytes: 64 << 20,
        signal: undefined,
        ...more,
      },
      ...{kernelPath: join(folder, 'kernel'), initrdPath: join(folder, 'initrd')},
      newDisk: {path: join(folder, 'disk.qcow2'), sizeBytes: 1 << 20},
      disks: [{path: join(folder, 'packages.iso'), format: 'raw'}],
      onOutput: (bytes) => {
        output += Buffer.from(bytes).toString('latin1');
      },
    });
    ended.catch(() => undefined);
    const booted = async () => {
      await until(() => output.includes('booted'));
      const process: ProcessIdentity = JSON.parse(readFileSync(join(folder, 'own/process.json'), 'utf8'));
      return process;
    };
    return {ended, booted};
  }

  it('has a new disk, and a process that is ended with its build', async () => {
    const abort = new AbortController();
    const {ended, booted} = await begin({signal: abort.signal});
    const process = await booted();
    expect(existsSync(join(folder, 'disk.qcow2'))).toBe(true);
    abort.abort();
    await expect(ended).rejects.toMatchObject({code: 'cancelled'});
    expect(isAlive(process)).toBe(false);
  });

  it('tells how it ended when its process is killed', async () => {
    const {ended, booted} = await begin();
    process.kill((await booted()).pid, 'SIGKILL');
    expect(await ended).toMatchObject({kind: 'crashed', reason: expect.stringContaining('SIGKILL')});
  });

  it('is ended by the next build when its own was killed', async () => {
    const {ended, booted} = await begin();
    const process = await booted();
    await endLeftMachine(join(folder, 'own'));
    await ended;
    await until(() => !isAlive(process));
    // Whoever has its number now is somebody else.
    await endLeftMachine(join(folder, 'own'));
    await endLeftMachine(join(folder, 'never'));
    // A note that was cut off names nobody.
    await writeFile(join(folder, 'own/process.json'), '{"pid": 1');
    await endLeftMachine(join(folder, 'own'));
  });

  it('is refused when the host has not the memory for it', async () => {
    const {ended} = await begin({memoryBytes: 2 ** 50});
    await expect(ended).rejects.toMatchObject({code: 'not-enough-memory'});
    expect(existsSync(join(folder, 'disk.qcow2'))).toBe(false);
  });
});
