import {readdirSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {describe, expect, it} from 'vitest';
import {kernels} from '../../../src/manager/bench/kernels.js';
import {runBench} from '../../../src/manager/bench/run-bench.js';
import {defaultRegionSettings} from '../../support/tier.js';
import {itWith} from '../../support/tools.js';

/** Long enough for a pass or two of each kernel. */
const KERNEL_MS = 5;
const execution = {tier: 'auto', regions: defaultRegionSettings} as const;
const withoutQemu = {PATH: ''};
const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith('viv-bench-'));

describe('the benchmark for users', () => {
  it('gets the same results from the machine and the host, and leaves out QEMU where there is none', async () => {
    const steps: string[] = [];
    const report = await runBench(
      {environment: withoutQemu, onProgress: ({side, done, total}) => steps.push(`${side} ${done}/${total}`)},
      execution,
      KERNEL_MS,
    );
    expect(report.kernels.map(({name}) => name)).toEqual(kernels.map(({name}) => name));
    for (const kernel of report.kernels) {
      expect(kernel.machineMicroseconds, kernel.name).toBeGreaterThan(1);
      expect(kernel.hostMicroseconds, kernel.name).toBeGreaterThan(1);
      expect(kernel.qemuMicroseconds, kernel.name).toBeUndefined();
    }
    expect(steps).toHaveLength(kernels.length * 2);
    expect(steps.at(-1)).toBe(`machine ${kernels.length * 2}/${kernels.length * 3}`);
  });

  itWith(['qemu-system-riscv64'], 'gets them from QEMU too', async () => {
    const {kernels: times} = await runBench({environment: process.env}, execution, KERNEL_MS);
    for (const kernel of times) expect(kernel.qemuMicroseconds, kernel.name).toBeGreaterThan(1);
  });

  it('refuses results that differ', async () => {
    const [first] = kernels;
    const emit = first!.emit;
    // The guest's code is made first, the host's after it.
    let calls = 0;
    const liar = {
      ...first!,
      emit: (code: Parameters<typeof emit>[0]) => {
        const result = emit(code);
        if (calls++ > 0) code.op('add', result, result, 1);
        return result;
      },
    };
    await expect(runBench({environment: withoutQemu}, execution, KERNEL_MS, [liar])).rejects.toMatchObject({
      code: 'machine-failed',
      message: expect.stringContaining('hash'),
    });
  });

  it.each(['host', 'machine'])('leaves nothing when it is cancelled on the %s', async (where) => {
    const before = leftovers();
    const abort = new AbortController();
    const running = runBench(
      {environment: withoutQemu, signal: abort.signal, onProgress: ({side}) => side === where && abort.abort()},
      execution,
      KERNEL_MS,
    );
    await expect(running).rejects.toMatchObject({code: 'cancelled'});
    expect(leftovers()).toEqual(before);
  });
});
