import {describe, expect, it} from 'vitest';
import type {BootPlan, MemoryRange} from '../../../src/engine/boot/boot-plan.js';
import {buildDeviceTree, type ChosenSpec} from '../../../src/engine/boot/device-tree.js';
import {type BootSpec, planBoot} from '../../../src/engine/boot/layout.js';
import {bootDisks, bootProgram} from '../../../src/engine/boot/u-boot-script.js';
import {EngineError} from '../../../src/engine/error.js';
import {describeWith} from '../../support/tools.js';
import {cellsIn, decodeFdt} from './dtc.js';
import {buildElf} from './elf-builder.js';
import {addPeHeader, buildImage} from './kernel-builder.js';

const MIB = 1024 * 1024;
const BASE = 0x8000_0000;
const memoryOf = (sizeBytes: number): MemoryRange => ({baseAddress: BASE, sizeBytes});
const loaderAt = (address: number) =>
  buildElf({
    entry: BigInt(address),
    segments: [{physicalAddress: BigInt(address), bytes: new Uint8Array(5000).fill(1)}],
  });
const RISCV64 = 0x5064;

function efiKernel(bytes = 3 * MIB, machine = RISCV64): Uint8Array {
  const kernel = buildImage({fileBytes: bytes});
  addPeHeader(kernel, machine, 0x1000, bytes - 0x1000);
  return kernel;
}

function plan(boot: Omit<Extract<BootSpec, {kind: 'loader'}>, 'kind'>, memory = memoryOf(256 * MIB)) {
  let chosen: ChosenSpec | undefined;
  const made: BootPlan = planBoot({kind: 'loader', ...boot}, memory, (values) => {
    chosen = values;
    return new Uint8Array(5000);
  });
  return {plan: made, chosen: chosen!};
}

function errorOf(run: () => unknown): EngineError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof EngineError) return thrown;
    throw thrown;
  }
  throw new Error('accepted');
}

describe('a boot loader', () => {
  it('is entered in S-mode where it was linked, with a device tree that says what to boot', () => {
    const {plan: boot, chosen} = plan({loader: loaderAt(BASE + 2 * MIB), diskCount: 2});
    expect(boot.mode).toBe('supervisor');
    expect(boot.registers).toEqual({pc: BASE + 2 * MIB, a0: 0, a1: BASE + 254 * MIB});
    expect(chosen.bootCommand).toContain('for devnum in 0 1; do run virtio_boot; done');
    expect(chosen.initrd).toBeUndefined();
  });

  it('finds a kernel and an initrd apart from itself, with room above them for what it starts', () => {
    const kernel = efiKernel();
    const initrd = new Uint8Array(12_345).fill(7);
    const program = {kernel, initrd, commandLine: 'quiet'};
    const {plan: boot, chosen} = plan({loader: loaderAt(BASE + 2 * MIB), program, diskCount: 1});
    const {start, end} = chosen.initrd!;
    expect(end - start).toBe(initrd.length);
    expect(chosen.isInitrdReserved).toBe(true);
    expect(boot.writes.find(({address}) => address === start)?.bytes).toBe(initrd);
    const kernelAt = boot.writes.find(({bytes}) => bytes === kernel)!.address;
    expect(chosen.bootCommand).toContain(`bootefi 0x${kernelAt.toString(16)}:0x${kernel.length.toString(16)} `);
    expect(kernelAt + kernel.length).toBeLessThanOrEqual(start);
    expect(boot.registers.a1 - end).toBeGreaterThanOrEqual(64 * MIB + kernel.length);
  });

  it('refuses a machine without that room, and says how much there has to be', () => {
    const program = {kernel: efiKernel(), commandLine: ''};
    const error = errorOf(() => plan({loader: loaderAt(BASE + 2 * MIB), program, diskCount: 0}, memoryOf(128 * MIB)));
    expect(error.code).toBe('too-large');
    const enough = Number(/at least (\d+) MiB/.exec(error.hint)?.[1]);
    plan({loader: loaderAt(BASE + 2 * MIB), program, diskCount: 0}, memoryOf(enough * MIB));
  });

  it.each<[string, Uint8Array, string]>([
    ['a kernel that is no EFI program', buildImage({fileBytes: MIB}), 'not-a-kernel'],
    ['one for another machine', efiKernel(MIB, 0xaa64), 'not-a-kernel'],
    ['one that is cut off', efiKernel(MIB).subarray(0, MIB / 2), 'not-a-kernel'],
  ])('refuses %s', (_, kernel, code) => {
    const program = {kernel, commandLine: ''};
    expect(errorOf(() => plan({loader: loaderAt(BASE + 2 * MIB), program, diskCount: 0})).code).toBe(code);
  });

  it('refuses a loader that lies where its kernel goes, outside of memory, or is no program', () => {
    for (const address of [BASE + 64 * MIB - 4096, BASE + 64 * MIB])
      expect(errorOf(() => plan({loader: loaderAt(address), diskCount: 0})).code).toBe('too-large');
    expect(errorOf(() => plan({loader: loaderAt(0x1000), diskCount: 0})).code).toBe('outside-memory');
    expect(errorOf(() => plan({loader: new Uint8Array(100), diskCount: 0}))).toBeInstanceOf(EngineError);
  });
});

describeWith(['dtc'], 'the device tree for a boot loader', () => {
  const spec = {
    memory: memoryOf(256 * MIB),
    hartCount: 1,
    isaExtensions: ['i'],
    mmuType: 'riscv,sv39' as const,
    devices: [],
  };
  const rngSeed = new Uint8Array(32);

  it('holds the command, and keeps the initrd', () => {
    const initrd = {start: BASE + 65 * MIB, end: BASE + 65 * MIB + 4097};
    const bootCommand = `echo 'it'\\''s "on"'; true`;
    const {nodes} = decodeFdt(buildDeviceTree(spec, {rngSeed, initrd, isInitrdReserved: true, bootCommand}));
    expect(nodes.get('/config')?.get('bootcmd')).toContain('echo');
    expect(cellsIn(nodes.get('/config')?.get('bootdelay'))).toEqual([1]);
    const reserved = nodes.get(`/reserved-memory/initrd@${initrd.start.toString(16)}`);
    expect(cellsIn(reserved?.get('reg'))).toEqual([0, initrd.start, 0, 4097]);
    expect(cellsIn(nodes.get('/chosen')?.get('linux,initrd-end'))).toEqual([0, initrd.end]);
  });

  it('has neither for a kernel that is started directly', () => {
    const {nodes} = decodeFdt(buildDeviceTree(spec, {rngSeed, initrd: {start: BASE, end: BASE + 1}}));
    expect([...nodes.keys()].filter((path) => /config|reserved/.test(path))).toEqual([]);
  });
});

describe('what U-Boot is told', () => {
  it('is one word for a command line, whatever is in it', () => {
    const place = {address: BASE, sizeBytes: 16};
    expect(bootProgram(`a='b c' \\d $e;f`, place)).toContain(`setenv bootargs 'a='\\''b c'\\'' \\\\d $e;f'; bootefi`);
  });

  it('ends in power off, so that a machine that nobody looks at does not keep a processor busy', () => {
    expect(bootDisks(0)).toMatch(/^echo 'No disk .*; if sleep 60; then poweroff; fi$/);
  });
});
