import {expect, it} from 'vitest';
import {buildDeviceTree, type DeviceTreeSpec, type PlacedDevice} from '../../../src/engine/boot/device-tree.js';
import type {DeviceModel} from '../../../src/engine/contract.js';
import {platformModels, standardPlatform} from '../../../src/engine/platform/standard-platform.js';
import {describeWith} from '../../support/tools.js';
import {cellsIn, checkFdt, decodeFdt} from './dtc.js';

const modelOf = (kind: string): DeviceModel => platformModels.find((model) => model.kind === kind)!;
const devices: PlacedDevice[] = standardPlatform().map((plan) => ({model: modelOf(plan.kind), plan}));
const spec: DeviceTreeSpec = {
  memory: {baseAddress: 0x8000_0000, sizeBytes: 0x1_4000_0000},
  hartCount: 2,
  isaExtensions: ['i', 'm', 'a', 'f', 'd', 'c', 'zicboz', 'zicsr', 'zba', 'sstc'],
  mmuType: 'riscv,sv57',
  devices,
};
const chosen = {
  commandLine: 'console=hvc0 quiet',
  initrd: {start: 0x1_2345_6000, end: 0x1_2345_7001},
  rngSeed: new Uint8Array(32).fill(0xab),
};
describeWith(['dtc'], 'the device tree of a machine', () => {
  const {nodes} = decodeFdt(buildDeviceTree(spec, chosen));
  const property = (path: string, name: string) => nodes.get(path)?.get(name);

  it('passes every check dtc has except style ones that QEMU has too', () => {
    const complaints = checkFdt(buildDeviceTree(spec, chosen));
    // cpu@n/interrupt-controller has no #address-cells, in every RISC-V tree.
    const serious = complaints.split('\n').filter((line) => line !== '' && !line.includes('interrupt_provider'));
    expect(serious).toEqual([]);
  });

  it('says what is chosen', () => {
    expect(property('/chosen', 'bootargs')).toBe('"console=hvc0 quiet"');
    expect(property('/chosen', 'stdout-path')).toBe('"/soc/serial@10000000"');
    expect(cellsIn(property('/chosen', 'linux,initrd-start'))).toEqual([1, 0x2345_6000]);
    expect(cellsIn(property('/chosen', 'linux,initrd-end'))).toEqual([1, 0x2345_7001]);
    expect(cellsIn(property('/chosen', 'rng-seed'))).toEqual(Array(8).fill(0xabab_abab));
  });

  it('leaves out what was not chosen', () => {
    const firmware = decodeFdt(buildDeviceTree({...spec, devices: []}, {rngSeed: new Uint8Array(32)}));
    expect([...firmware.nodes.get('/chosen')!.keys()]).toEqual(['rng-seed']);
  });

  it('describes memory beyond 4 GiB', () => {
    expect(cellsIn(property('/memory@80000000', 'reg'))).toEqual([0, 0x8000_0000, 1, 0x4000_0000]);
  });

  it('describes each hart with both spellings of its extensions', () => {
    for (const hart of [0, 1]) {
      const path = `/cpus/cpu@${hart}`;
      expect(property(path, 'riscv,isa-base')).toBe('"rv64i"');
      expect(property(path, 'riscv,isa-extensions')).toBe(`"${spec.isaExtensions.join('\\0')}"`);
      expect(property(path, 'riscv,isa')).toBe('"rv64imafdc_zicboz_zicsr_zba_sstc"');
      expect(property(path, 'mmu-type')).toBe('"riscv,sv57"');
      expect(cellsIn(property(path, 'riscv,cboz-block-size'))).toEqual([64]);
      expect(property(path, 'riscv,cbom-block-size')).toBeUndefined();
      expect(cellsIn(property(path, 'reg'))).toEqual([hart]);
    }
    expect(cellsIn(property('/cpus', 'timebase-frequency'))).toEqual([10_000_000]);
  });

  it('connects the interrupt controllers as QEMU does: M then S external, software and timer', () => {
    const intc = [0, 1].map((hart) => cellsIn(property(`/cpus/cpu@${hart}/interrupt-controller`, 'phandle'))[0]!);
    const [a, b] = intc as [number, number];
    expect(cellsIn(property('/soc/plic@c000000', 'interrupts-extended'))).toEqual([a, 11, a, 9, b, 11, b, 9]);
    expect(cellsIn(property('/soc/clint@2000000', 'interrupts-extended'))).toEqual([a, 3, a, 7, b, 3, b, 7]);
    const plic = cellsIn(property('/soc/plic@c000000', 'phandle'));
    expect(cellsIn(property('/soc/serial@10000000', 'interrupt-parent'))).toEqual(plic);
    expect(cellsIn(property('/soc/serial@10000000', 'interrupts'))).toEqual([10]);
    expect(cellsIn(property('/soc/rtc@101000', 'interrupts'))).toEqual([11]);
  });

  it('gives every phandle to one node', () => {
    const phandles = [...nodes.values()].flatMap((properties) => cellsIn(properties.get('phandle')));
    expect(phandles.length).toBe(2 * 2 + 1 + 1);
    expect(new Set(phandles).size).toBe(phandles.length);
  });

  it('tells how to power off and reboot, outside the bus', () => {
    const finisher = cellsIn(property('/soc/test@100000', 'phandle'));
    expect(cellsIn(property('/poweroff', 'regmap'))).toEqual(finisher);
    expect(cellsIn(property('/poweroff', 'value'))).toEqual([0x5555]);
    expect(cellsIn(property('/reboot', 'value'))).toEqual([0x7777]);
  });

  it('is the same for the same machine', () => {
    expect(buildDeviceTree(spec, chosen)).toEqual(buildDeviceTree(spec, chosen));
  });
});
