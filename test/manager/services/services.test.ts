import {appendFile, mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {ManagerError} from '../../../src/manager/protocol/errors.js';
import type {Job} from '../../../src/manager/protocol/job.js';
import {EventLog} from '../../../src/manager/services/event-log.js';
import {JobService} from '../../../src/manager/services/job-service.js';
import {MetricsService} from '../../../src/manager/services/metrics-service.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viv-services-'));
});
afterEach(() => rm(folder, {recursive: true, force: true}));

describe('a job', () => {
  it('is shared by all who ask for the same work', async () => {
    const jobs = new JobService(10);
    const gate = Promise.withResolvers<void>();
    let runs = 0;
    const work = async () => {
      runs++;
      await gate.promise;
    };
    const first = jobs.start('image-build', 'a', work);
    expect(jobs.start('image-build', 'a', work).id).toBe(first.id);
    expect(jobs.start('image-build', 'b', work).id).not.toBe(first.id);
    gate.resolve();
    expect((await jobs.wait(first.id)).state).toBe('done');
    expect(runs).toBe(2);
    expect(jobs.start('image-build', 'a', work).id).not.toBe(first.id);
  });

  it('that is cancelled ends as cancelled when its work has cleaned up', async () => {
    const jobs = new JobService(10);
    let isClean = false;
    const {id} = jobs.start('image-build', 'a', async (signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, {once: true}));
      isClean = true;
      signal.throwIfAborted();
    });
    await Promise.resolve();
    expect((await jobs.cancel(id)).state).toBe('cancelled');
    expect(isClean).toBe(true);
  });

  it('reports progress, then its failure with the hint', async () => {
    const jobs = new JobService(10);
    const seen: Job[] = [];
    jobs.events.on('progressed', (job) => seen.push(job));
    const {id} = jobs.start('image-build', 'a', async (_signal, report) => {
      report({stage: 'download', done: 1, total: 2, unit: 'bytes', bytesPerSecond: 3});
      report({stage: 'unpack', done: 0, unit: 'steps'});
      throw new ManagerError('disk-full', 'Full.', 'Make room.');
    });
    const job = await jobs.wait(id);
    expect(job).toMatchObject({state: 'failed', error: {code: 'disk-full', message: 'Full.', hint: 'Make room.'}});
    expect(seen.map(({stage, total}) => [stage, total])).toEqual([
      ['starting', undefined],
      ['download', 2],
      ['unpack', undefined],
    ]);
    await expect(jobs.wait('no such')).rejects.toMatchObject({code: 'job-not-found'});
  });
});

describe('the event log', () => {
  it('goes on counting after a restart and survives a torn last line', async () => {
    const path = join(folder, 'events.jsonl');
    const first = await EventLog.open(path, 100);
    for (let n = 0; n < 3; n++) first.record('machine-created', `number ${n}`, {id: `${n % 2}`, name: 'x'});
    await first[Symbol.asyncDispose]();
    await appendFile(path, '{"seq": 4, "atM');
    const second = await EventLog.open(path, 100);
    second.record('machine-removed', 'after');
    await second[Symbol.asyncDispose]();
    const third = await EventLog.open(path, 100);
    expect(third.since(2, undefined, 10).events.map(({seq, message}) => [seq, message])).toEqual([
      [3, 'number 2'],
      [4, 'after'],
    ]);
    expect(third.since(undefined, '0', 10).events).toHaveLength(2);
  });

  it('keeps the newest and says when a client has missed some', async () => {
    const path = join(folder, 'events.jsonl');
    await using log = await EventLog.open(path, 3);
    for (let n = 1; n <= 10; n++) log.record('machine-created', `${n}`);
    expect(log.since(7, undefined, 10)).toMatchObject({isReloadNeeded: false, lastSeq: 10});
    expect(log.since(6, undefined, 10).isReloadNeeded).toBe(true);
    await log[Symbol.asyncDispose]();
    const lines = (await readFile(path, 'utf8')).trim().split('\n');
    expect(lines.length).toBeLessThanOrEqual(6);
    // All were told at once: none is written twice, or behind a later one.
    const numbers = lines.map((line) => JSON.parse(line).seq);
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
    expect(numbers.at(-1)).toBe(10);
  });
});

describe('metrics', () => {
  const counters = (atMs: number, activeNs: number, instructions: number) => ({
    atMs,
    activeNs,
    instructions,
    elapsedNs: 0,
    memoryTouchedBytes: 5,
    residentBytes: 6,
    diskReadBytes: 7,
    diskWrittenBytes: 8,
    netReceivedBytes: 9,
    netSentBytes: 10,
  });

  it('hand on what the guest says of its memory', () => {
    using metrics = new MetricsService(60_000);
    const guestMemory = {totalBytes: 10, availableBytes: 4};
    metrics.add('m', counters(1000, 0, 0));
    metrics.add('m', {...counters(2000, 0, 0), guestMemory});
    expect(metrics.machineHistory('m', 1)).toMatchObject([{guestMemory}]);
  });

  it('are the differences of counters over real time', () => {
    using metrics = new MetricsService(60_000);
    metrics.add('m', counters(1000, 0, 0));
    metrics.add('m', counters(3000, 1e9, 5e6));
    expect(metrics.machineHistory('m', 10)).toEqual([
      {
        machineId: 'm',
        atMs: 3000,
        cpuPercent: 50,
        instructionsPerSecond: 2.5e6,
        memoryTouchedBytes: 5,
        residentBytes: 6,
        diskReadBytes: 7,
        diskWrittenBytes: 8,
        netReceivedBytes: 9,
        netSentBytes: 10,
        rates: {diskReadBytes: 0, diskWrittenBytes: 0, netReceivedBytes: 0, netSentBytes: 0},
      },
    ]);
  });

  it('tell the load of each hart and of the host, and rates, where the process counts them', () => {
    using metrics = new MetricsService(60_000);
    const more = (scale: number) => ({
      diskReadBytes: 7 + 100 * scale,
      diskReadOperations: 2 * scale,
      diskWriteOperations: 4 * scale,
      netReceivedPackets: 6 * scale,
      netSentPackets: 8 * scale,
      interrupts: 500 * scale,
      hostCpuNs: 2e9 * scale,
      harts: [
        {activeNs: 2e9 * scale, instructions: 10 * scale},
        {activeNs: 0.5e9 * scale, instructions: 4 * scale},
      ],
    });
    metrics.add('m', {...counters(1000, 0, 0), ...more(0)});
    metrics.add('m', {...counters(3000, 1e9, 5e6), ...more(1)});
    expect(metrics.machineHistory('m', 1)).toMatchObject([
      {
        hostCpuPercent: 100,
        harts: [
          {cpuPercent: 100, instructionsPerSecond: 5},
          {cpuPercent: 25, instructionsPerSecond: 2},
        ],
        rates: {
          ...{diskReadBytes: 50, diskWrittenBytes: 0, diskReadOperations: 1, diskWriteOperations: 2},
          ...{netReceivedPackets: 3, netSentPackets: 4, interrupts: 250},
        },
      },
    ]);
  });

  it('tell which share of the instructions ran in compiled code, where there is such', () => {
    using metrics = new MetricsService(60_000);
    const code = (regionInstructions: number) => ({regionInstructions, regions: 1, compiledBytes: 2, compileMs: 3});
    metrics.add('m', {...counters(1000, 0, 100), code: code(50)});
    metrics.add('m', {...counters(2000, 0, 200), code: code(110)});
    metrics.add('m', {...counters(3000, 0, 200), code: code(110)});
    // Rebooted: the regions are gone and counted anew.
    metrics.add('m', {...counters(4000, 0, 300), code: code(5)});
    expect(metrics.machineHistory('m', 10).map(({regionPercent}) => regionPercent)).toEqual([60, undefined, 0]);
    expect(metrics.machineHistory('m', 1)[0]?.code).toEqual(code(5));
  });

  it('do not mix two runs of a machine', () => {
    using metrics = new MetricsService(60_000);
    metrics.add('m', counters(1000, 5e9, 5e9));
    metrics.stop('m');
    metrics.add('m', counters(2000, 0, 0));
    metrics.add('m', counters(2500, 0, 0));
    metrics.add('m', counters(3000, 0, -1));
    expect(metrics.machineHistory('m', 10).map(({atMs}) => atMs)).toEqual([2500]);
  });
});
