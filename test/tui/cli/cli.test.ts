import {PassThrough} from 'node:stream';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import type {Embedded, KernelTime, RunFirmwareOptions, RunImageOptions} from '../../../src/manager/client.js';
import {ManagerError} from '../../../src/manager/protocol/errors.js';
import type {CliManager} from '../../../src/tui/cli/cli-context.js';
import {runCli} from '../../../src/tui/cli/run-cli.js';
import {FakeFleet, fakeMachine} from '../../support/fake-fleet.js';

let fleet: FakeFleet;
let runs: (RunImageOptions | RunFirmwareOptions)[];
let manager: CliManager;
let benchKernels: readonly KernelTime[];

beforeEach(() => {
  fleet = new FakeFleet([fakeMachine('web-1', 'running'), fakeMachine('db', 'defined')]);
  runs = [];
  const embedded: Embedded = {
    runImage: async (options) => {
      runs.push(options);
      options.stdout.write('out');
      options.stderr.write('err');
      return 7;
    },
    runFirmware: async (options) => {
      runs.push(options);
      return 3;
    },
    disks: {} as Embedded['disks'],
    doctor: async () => [
      {id: 'a', title: 'Memory', status: 'ok', message: '16G'},
      {id: 'b', title: 'apt-get', status: 'failed', message: 'It is missing.', hint: 'Install apt.'},
    ],
    readSymbols: async (path) => {
      if (path !== '/vmlinux') throw new ManagerError('file-not-found', `${path} cannot be read.`, 'Check the path.');
      const find = (address: bigint) =>
        address >= 0xffffffff80001000n ? {name: 'memcpy', offset: address - 0xffffffff80001000n} : undefined;
      return {count: 1, find};
    },
    bench: async ({onProgress}) => {
      onProgress?.({side: 'host', done: 1, total: 6});
      return {kernels: benchKernels};
    },
  };
  benchKernels = [
    {...{name: 'hash', kind: 'integer', title: 'x'}, ...{machineMicroseconds: 800, hostMicroseconds: 200}},
    {...{name: 'sort', kind: 'integer', title: 'y'}, ...{machineMicroseconds: 200, hostMicroseconds: 200}},
  ];
  manager = {connect: async () => fleet.backend(), openEmbedded: async () => embedded};
});
afterEach(async () => {
  await fleet.backend().client[Symbol.asyncDispose]();
});

function collector(): {stream: PassThrough; text: () => string} {
  const stream = new PassThrough();
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return {stream, text: () => Buffer.concat(chunks).toString('utf8')};
}

async function viv(...args: string[]): Promise<{status: number; out: string; err: string}> {
  const stdin = new PassThrough();
  const out = collector();
  const err = collector();
  const status = await runCli(args, {stdin, stdout: out.stream, stderr: err.stream}, manager);
  return {status, out: out.text(), err: err.text()};
}

describe('results', () => {
  test('ls prints a table for people', async () => {
    const {status, out} = await viv('ls');
    expect(status).toBe(0);
    const lines = out.split('\n');
    expect(lines[0]).toMatch(/^NAME +STATE +MEMORY +CPUS +BOOTS +UP +ADDRESS$/);
    expect(lines.find((line) => line.startsWith('web-1'))).toMatch(
      /^web-1 +running +256M +1 +debian-mini +\d+s +10\.0\.2\.15$/,
    );
  });

  test('ls --json prints the machines for programs', async () => {
    const {out} = await viv('ls', '--json');
    expect(JSON.parse(out).map((one: {name: string}) => one.name)).toEqual(['web-1', 'db']);
  });

  test('create prints the name, and with --start starts the machine', async () => {
    const {status, out} = await viv('create', 'debian-mini', '--name', 'x', '--memory', '512M', '--start');
    expect([status, out]).toEqual([0, 'x\n']);
    expect(fleet.log).toContain('machine/start x');
  });

  test('verbs take several names', async () => {
    const {status, err} = await viv('start', 'db', 'web-1');
    expect(status).toBe(0);
    expect(err).toContain('db is running.');
    expect(fleet.log.filter((line) => line.startsWith('machine/start'))).toHaveLength(2);
  });

  test('image ls shows what is built', async () => {
    expect((await viv('image', 'ls')).out).toMatch(/debian-mini +ready/);
  });

  test('doctor fails when a check does, with the next step', async () => {
    const {status, out} = await viv('doctor');
    expect(status).toBe(1);
    expect(out).toContain('FAIL  apt-get: It is missing.\n      Install apt.');
  });
});

describe('show', () => {
  const sample = {
    machineId: 'id-web-1',
    atMs: Date.now() + 60_000,
    cpuPercent: 98,
    instructionsPerSecond: 412e6,
    memoryTouchedBytes: 0,
    residentBytes: 0,
    diskReadBytes: 0,
    diskWrittenBytes: 0,
    netReceivedBytes: 0,
    netSentBytes: 0,
  };

  test('tells how busy and how fast a running machine is, and what was compiled', async () => {
    fleet.samples = [sample];
    const {out} = await viv('show', 'web-1');
    expect(out).toMatch(/^load +98%$/m);
    expect(out).toMatch(/^speed +412 MIPS$/m);
    expect(out).not.toContain('compiled');
    const code = {regionInstructions: 9e9, regions: 1234, compiledBytes: 3.2 * 2 ** 20, compileMs: 1210};
    fleet.samples = [{...sample, regionPercent: 87.4, code}];
    expect((await viv('show', 'web-1')).out).toMatch(
      /^compiled +87% of the instructions, 1234 regions, 3.2M, in 1.2s$/m,
    );
    expect(JSON.parse((await viv('show', 'web-1', '--json')).out).sample.code).toEqual(code);
    fleet.samples = [{...sample, code: {...code, compilerFault: 'Error: a bug\x1b[2J'}}];
    const faulty = (await viv('show', 'web-1')).out;
    expect(faulty).toMatch(/^compiler +ended \(Error: a bug.*\); what is not compiled stays interpreted$/m);
    expect(faulty).not.toContain('\x1b');
  });

  test('leaves out what an earlier run left, and machines that are off', async () => {
    fleet.samples = [{...sample, atMs: 1}];
    expect((await viv('show', 'web-1')).out).not.toContain('MIPS');
    fleet.samples = [sample];
    expect((await viv('show', 'db')).out).not.toContain('MIPS');
  });
});

describe('top', () => {
  const point = (pc: string, count: number, mode: 'user' | 'kernel' = 'kernel') => ({pc, mode, count});

  test('prints the places of a guest, the most frequent first', async () => {
    fleet.profile = {sampleCount: 10, lostCount: 1, points: [point('10074', 3, 'user'), point('80001000', 6)]};
    const {status, out, err} = await viv('top', '--guest', 'web-1', '--seconds', '1');
    expect(status).toBe(0);
    expect(out).toMatch(/^SHARE +SAMPLES +MODE +WHERE\n60.0% +12 +kernel +0x80001000\n30.0% +6 +user +0x10074\n$/);
    expect(err).toBe('2 of 20 samples are not counted.\n');
  });

  test('adds up functions whose names are known', async () => {
    const points = [point('10074', 2), point('ffffffff80001000', 3), point('ffffffff80001ffe', 5)];
    fleet.profile = {sampleCount: 10, lostCount: 0, points};
    const args = ['--seconds', '1', '--symbols', '/vmlinux', '--lines', '1', '--json'];
    const {out} = await viv('top', '--guest', 'web-1', ...args);
    expect(JSON.parse(out)).toEqual({
      samples: 20,
      lost: 0,
      places: [{where: 'memcpy', mode: 'kernel', count: 16, share: 0.8}],
    });
  });

  test('without a guest shows what each machine takes of the host, and all together', async () => {
    fleet.isBusy = true;
    const {status, out} = await viv('top', '--sort', 'memory');
    expect(status).toBe(0);
    expect(out).toMatch(/^NAME +STATE +CPU +MEM +DISK\/s +NET\/s +IRQ\/s +MIPS$/m);
    expect(out).toMatch(/^web-1 +● run +\d+% +\d+M +\S+ +\S+ +\S+ +\d+$/m);
    expect(out).toMatch(/^db +○ off$/m);
    expect(out).toMatch(/^all 2 +1 up +\d+% +\d+M /m);
    const {machines, sum} = JSON.parse((await viv('top', '--json')).out);
    expect(machines.map(({name}: {name: string}) => name)).toEqual(['web-1', 'db']);
    expect(sum.cpuPercent).toBeGreaterThan(0);
  });

  test('says so when there is nothing to print', async () => {
    const {status, out, err} = await viv('top', '--guest', 'web-1', '--seconds', '1');
    expect([status, out]).toEqual([0, '']);
    expect(err).toContain('slept all the time');
  });

  test.each([
    [['top', '--sort', 'age'], 2, 'Allowed choices are cpu, memory, disk, net'],
    [['top', '--guest', 'db'], 1, 'Cannot profile db'],
    [['top', '--guest', 'web-1', '--symbols', '/none'], 1, '/none cannot be read'],
    [['top', '--guest', 'web-1', '--seconds', '0'], 2, 'from 1 to 3600'],
  ])('%j is refused', async (args, status, message) => {
    const result = await viv(...args);
    expect(result.status).toBe(status);
    expect(result.err).toContain(message);
  });
});

describe('bench', () => {
  test('prints times and ratios, and the geometric mean of each kind', async () => {
    const {status, out, err} = await viv('bench');
    expect(status).toBe(0);
    expect(out).toMatch(/^KERNEL +WHAT +VIV MS +HOST MS +TO HOST$/m);
    expect(out).toMatch(/^hash +x +0\.80 +0\.20 +4\.00$/m);
    expect(out).toContain("integer: 2.00 times the host's time\n");
    expect(out).not.toContain('floating-point');
    expect(err).toContain('no qemu-system-riscv64');
  });

  test('sets the machine against QEMU where that is there', async () => {
    benchKernels = benchKernels.map((kernel) => ({...kernel, qemuMicroseconds: 400}));
    const {out, err} = await viv('bench');
    expect(out).toMatch(/^sort +y +0\.20 +0\.20 +1\.00 +0\.40 +0\.50$/m);
    expect(out).toContain("integer: 2.00 times the host's time, 1.00 times QEMU's");
    expect(err).toBe('');
  });

  test('--json has times and ratios of each kernel', async () => {
    const kernels = JSON.parse((await viv('bench', '--json')).out);
    expect(kernels[0]).toMatchObject({name: 'hash', machineMicroseconds: 800, ratioToHost: 4});
    expect(kernels[0]).not.toHaveProperty('ratioToQemu');
  });
});

describe('run', () => {
  test('passes the command, its output and its status on', async () => {
    const result = await viv('run', 'debian-mini', '--', 'sh', '-c', 'exit 7', '--json');
    expect(result).toEqual({status: 7, out: 'out', err: 'err'});
    expect(runs[0]).toMatchObject({image: 'debian-mini', command: ['sh', '-c', 'exit 7', '--json']});
  });

  test('takes bare-metal programs with their options', async () => {
    const args = ['--firmware', '/f.elf', '--memory', '64M', '--tier', 'interpreter', '--hot-threshold', '7'];
    expect((await viv('run', ...args, '--signature', '/s')).status).toBe(3);
    expect(runs[0]).toMatchObject({
      elfPath: '/f.elf',
      memoryBytes: 64 * 2 ** 20,
      signaturePath: '/s',
      tier: 'interpreter',
      hotThreshold: 7,
    });
  });

  test.each([
    [[], 'Say what to run'],
    [['debian-mini'], 'needs a terminal'],
    [['debian-mini', '--tier', 'warp', '--', 'ls'], 'no execution tier called warp'],
    [['--firmware', 'a.elf', '--cpus', '2'], 'one hart'],
    [['--firmware', 'a.elf', '--tier', 'warp'], 'no execution tier called warp'],
    ...['17', '0', 'x', '-1', '1.5', ''].map((cpus) => [
      ['debian-mini', '--cpus', cpus, '--', 'ls'],
      `viv: A machine cannot have ${cpus} CPUs.\n     Give 1 to 8, for example: --cpus 2\n`,
    ]),
    ...['0', '30001', 'x'].map((arrivals) => [
      ['debian-mini', '--hot-threshold', arrivals, '--', 'ls'],
      `viv: Code cannot become hot after ${arrivals} arrivals.\n     Give a whole number from 1 to 30000`,
    ]),
    [['debian-mini', '--memory', 'lots', '--', 'ls'], 'Give a size like 256M'],
  ])('run %j is wrong usage', async (args, message) => {
    const {status, err} = await viv('run', ...args);
    expect(status).toBe(2);
    expect(err).toContain(message);
    expect(runs).toEqual([]);
  });
});

describe('errors', () => {
  test('are one sentence and the next step on standard error', async () => {
    const {status, out, err} = await viv('create', 'debian-mini', '--name', 'db');
    expect([status, out]).toEqual([1, '']);
    expect(err).toBe('viv: There is already a machine called db.\n     Choose another name.\n');
  });

  test('an unknown machine brings near names', async () => {
    const {status, err} = await viv('show', 'web1');
    expect(status).toBe(1);
    expect(err).toContain('Did you mean web-1?');
  });

  test('an unknown image brings near names', async () => {
    const embedded = await manager.openEmbedded();
    const runImage = () =>
      Promise.reject(new ManagerError('image-not-found', 'There is no image called debian-mnii.', 'Run viv image ls.'));
    manager = {...manager, openEmbedded: async () => ({...embedded, runImage})};
    expect((await viv('run', 'debian-mnii', '--', 'ls')).err).toContain('Did you mean debian-mini?');
  });

  test('a name cannot write control characters to the terminal', async () => {
    fleet.machines = [fakeMachine('a\x1b]0;EVIL\x07', 'running')];
    expect((await viv('ls')).out).not.toContain('\x1b');
  });

  test.each([
    [['frobnicate']],
    [['start']],
    [['create']],
    [['create', 'debian-mini', '--kernel', 'x']],
    [['create', 'debian-mini', '--cpus', '17']],
    [['create', 'debian-mini', '--tier', 'warp']],
    [['create', 'debian-mini', '--hot-threshold', '0']],
    [['ls', '--bogus']],
    [['image']],
    [[]],
  ])('%j is wrong usage, status 2', async (args) => {
    expect((await viv(...args)).status).toBe(2);
  });

  test('a console without a terminal says what to use instead', async () => {
    const {status, err} = await viv('console', 'web-1');
    expect(status).toBe(2);
    expect(err).toContain('viv logs web-1');
  });

  test('help and version are no errors', async () => {
    expect(await viv('--version')).toMatchObject({status: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/)});
    expect(await viv('run', '--help')).toMatchObject({status: 0, out: expect.stringContaining('--firmware')});
  });
});

test('every command that prints a result offers --json', async () => {
  for (const command of [
    'create',
    'start',
    'pause',
    'resume',
    'shutdown',
    'kill',
    'rename',
    'rm',
    'undo',
    'ls',
    'show',
    'logs',
    'doctor',
    'bench',
    'top',
    'rewind',
    'timeline',
    'fork',
    'clone',
  ])
    expect((await viv(command, '--help')).out, command).toContain('--json');
  for (const group of ['image ls', 'image build', 'image rm', 'daemon start', 'daemon stop', 'daemon status'])
    expect((await viv(...group.split(' '), '--help')).out, group).toContain('--json');
});
