/** Builds the device tree of a machine: memory and harts from here, every device prints its own nodes. */
import type {DeviceModel, DevicePlan, FdtNode, FdtValue, Placement} from '../contract.js';
import {aclint} from '../platform/aclint.js';
import {memoryMap, TIMEBASE_HZ} from '../platform/memory-map.js';
import {plic} from '../platform/plic.js';
import {writeFdt} from './fdt.js';
import {BOOT_DELAY_SECONDS} from './u-boot-script.js';

/** Bytes that cbo.zero, cbo.clean and prefetch work on. */
const CACHE_BLOCK_BYTES = 64;
const BLOCK_SIZE_PROPERTIES: Readonly<Record<string, string>> = {
  zicbom: 'riscv,cbom-block-size',
  zicbop: 'riscv,cbop-block-size',
  zicboz: 'riscv,cboz-block-size',
};

/** Address translation the harts offer, as the binding spells it. */
export type MmuType = 'riscv,sv39' | 'riscv,sv48' | 'riscv,sv57';

/**
 * What stands under `/chosen`.
 * Units: `initrd` is guest-physical, end exclusive
 */
export interface ChosenSpec {
  readonly commandLine?: string;
  readonly initrd?: {readonly start: number; readonly end: number};
  /** A boot loader comes first, and must leave the initrd alone. */
  readonly isInitrdReserved?: boolean;
  /** What a boot loader is to do. */
  readonly bootCommand?: string;
  /** Fresh random bytes that seed the guest's generator. */
  readonly rngSeed: Uint8Array;
}

/** A device of the machine and where it stands. */
export interface PlacedDevice {
  readonly model: Pick<DeviceModel, 'nodes' | 'sizeBytes'>;
  readonly plan: DevicePlan;
}

/** The machine a tree describes. Interrupt controller and timer are added by the builder. */
export interface DeviceTreeSpec {
  readonly memory: {readonly baseAddress: number; readonly sizeBytes: number};
  readonly hartCount: number;
  /** Every extension name, lower case, base `i` first: `i m a f d c zicsr zba …`. */
  readonly isaExtensions: readonly string[];
  readonly mmuType: MmuType;
  readonly devices: readonly PlacedDevice[];
}

/** Builds the blob. Machine and chosen are apart because the latter is known only once memory is laid out. */
export function buildDeviceTree(spec: DeviceTreeSpec, chosen: ChosenSpec): Uint8Array<ArrayBuffer> {
  return writeFdt(deviceTreeRoot(spec, chosen));
}

/** The tree before it is flattened. */
export function deviceTreeRoot(spec: DeviceTreeSpec, chosen: ChosenSpec): FdtNode {
  const phandles = new Phandles();
  const options = {hartCount: spec.hartCount};
  const devices: readonly PlacedDevice[] = [
    ...spec.devices,
    {model: plic, plan: {kind: plic.kind, address: memoryMap.plic, irq: 0, options}},
    {model: aclint, plan: {kind: aclint.kind, address: memoryMap.aclint, irq: 0, options}},
  ];
  const nodes = devices.flatMap(({model, plan}) => model.nodes(placementOf(model, plan, phandles), plan.options));
  const onBus = nodes.filter((node) => node.properties['reg'] !== undefined);
  const console = onBus.find((node) => node.name.startsWith('serial@'));
  return {
    name: '',
    properties: {
      '#address-cells': {cells: [2]},
      '#size-cells': {cells: [2]},
      compatible: {strings: ['riscv-virtio']},
      model: {strings: ['vivarium,virt']},
    },
    children: [
      chosenNode(chosen, console && `/soc/${console.name}`),
      ...loaderNodes(chosen),
      memoryNode(spec.memory),
      cpusNode(spec, phandles),
      {
        name: 'soc',
        properties: {
          '#address-cells': {cells: [2]},
          '#size-cells': {cells: [2]},
          compatible: {strings: ['simple-bus']},
          ranges: {flag: true},
        },
        children: onBus,
      },
      ...nodes.filter((node) => node.properties['reg'] === undefined),
    ],
  };
}

/** Numbers for nodes that others refer to, handed out in order of first use: equal machines get equal trees. */
class Phandles {
  readonly #numbers = new Map<string, number>();

  of(label: string): number {
    const known = this.#numbers.get(label) ?? this.#numbers.size + 1;
    this.#numbers.set(label, known);
    return known;
  }
}

function placementOf(model: PlacedDevice['model'], plan: DevicePlan, phandles: Phandles): Placement {
  return {
    address: plan.address,
    sizeBytes: model.sizeBytes,
    irq: plan.irq,
    interruptParent: phandles.of('plic'),
    phandle: (label) => phandles.of(label),
  };
}

function chosenNode(chosen: ChosenSpec, stdoutPath: string | undefined): FdtNode {
  const {commandLine, initrd, rngSeed} = chosen;
  return {
    name: 'chosen',
    properties: {
      ...(commandLine === undefined ? {} : {bootargs: {strings: [commandLine]}}),
      ...(stdoutPath === undefined ? {} : {'stdout-path': {strings: [stdoutPath]}}),
      ...(initrd === undefined
        ? {}
        : {
            'linux,initrd-start': {cells: u64Cells(initrd.start)},
            'linux,initrd-end': {cells: u64Cells(initrd.end)},
          }),
      'rng-seed': {bytes: rngSeed},
    },
  };
}

/**
 * What U-Boot reads: its command, and memory to leave alone. Without `no-map` that memory is the kernel's in the end.
 * Source: U-Boot doc/device-tree-bindings/config.txt; Linux Documentation/devicetree/bindings/reserved-memory
 */
function loaderNodes({initrd, isInitrdReserved = false, bootCommand}: ChosenSpec): FdtNode[] {
  const nodes: FdtNode[] = [];
  if (bootCommand !== undefined)
    nodes.push({
      name: 'config',
      properties: {bootcmd: {strings: [bootCommand]}, bootdelay: {cells: [BOOT_DELAY_SECONDS]}},
      children: [],
    });
  if (initrd !== undefined && isInitrdReserved)
    nodes.push({
      name: 'reserved-memory',
      properties: {'#address-cells': {cells: [2]}, '#size-cells': {cells: [2]}, ranges: {flag: true}},
      children: [
        {
          name: `initrd@${initrd.start.toString(16)}`,
          properties: {reg: {cells: [...u64Cells(initrd.start), ...u64Cells(initrd.end - initrd.start)]}},
        },
      ],
    });
  return nodes;
}

function memoryNode({baseAddress, sizeBytes}: DeviceTreeSpec['memory']): FdtNode {
  return {
    name: `memory@${baseAddress.toString(16)}`,
    properties: {
      device_type: {strings: ['memory']},
      reg: {cells: [...u64Cells(baseAddress), ...u64Cells(sizeBytes)]},
    },
  };
}

function cpusNode(spec: DeviceTreeSpec, phandles: Phandles): FdtNode {
  const harts = Array.from({length: spec.hartCount}, (_, hart) => hart);
  return {
    name: 'cpus',
    properties: {
      '#address-cells': {cells: [1]},
      '#size-cells': {cells: [0]},
      'timebase-frequency': {cells: [TIMEBASE_HZ]},
    },
    children: [
      ...harts.map((hart) => cpuNode(spec, hart, phandles)),
      {
        name: 'cpu-map',
        properties: {},
        children: [
          {
            name: 'cluster0',
            properties: {},
            children: harts.map((hart) => ({
              name: `core${hart}`,
              properties: {cpu: {cells: [phandles.of(`cpu${hart}`)]}},
            })),
          },
        ],
      },
    ],
  };
}

/** Source: Linux Documentation/devicetree/bindings/riscv/{cpus,extensions}.yaml */
function cpuNode(spec: DeviceTreeSpec, hart: number, phandles: Phandles): FdtNode {
  const blockSizes: Record<string, FdtValue> = {};
  for (const extension of spec.isaExtensions) {
    const property = BLOCK_SIZE_PROPERTIES[extension];
    if (property !== undefined) blockSizes[property] = {cells: [CACHE_BLOCK_BYTES]};
  }
  return {
    name: `cpu@${hart.toString(16)}`,
    properties: {
      device_type: {strings: ['cpu']},
      reg: {cells: [hart]},
      status: {strings: ['okay']},
      compatible: {strings: ['riscv']},
      'riscv,isa-base': {strings: ['rv64i']},
      'riscv,isa-extensions': {strings: spec.isaExtensions},
      'riscv,isa': {strings: [isaString(spec.isaExtensions)]},
      'mmu-type': {strings: [spec.mmuType]},
      ...blockSizes,
      phandle: {cells: [phandles.of(`cpu${hart}`)]},
    },
    children: [
      {
        name: 'interrupt-controller',
        properties: {
          '#interrupt-cells': {cells: [1]},
          'interrupt-controller': {flag: true},
          compatible: {strings: ['riscv,cpu-intc']},
          phandle: {cells: [phandles.of(`cpu${hart}-intc`)]},
        },
      },
    ],
  };
}

/** The old spelling, `rv64imafdc_zicsr_…`: single letters first, the rest after underscores. */
function isaString(extensions: readonly string[]): string {
  const letters = extensions.filter((name) => name.length === 1).join('');
  return ['rv64', letters, ...extensions.filter((name) => name.length > 1).map((name) => `_${name}`)].join('');
}

function u64Cells(value: number): [number, number] {
  return [Math.floor(value / 0x1_0000_0000), value >>> 0];
}
