/**
 * The test finisher: a register whose write ends or restarts the machine. Bare-metal tests report their result
 * through it, kernels power off through it.
 */
import type {AccessBytes, DeviceContext, DeviceModel, MmioRegion} from '../contract.js';

const FINISHER_FAIL = 0x3333;
const FINISHER_PASS = 0x5555;
const FINISHER_RESET = 0x7777;

// Cell 0 of the shared state: 0 = nothing asked for, else the finisher value written first.
const REQUEST = 0;

/** What a guest asked for. `status` is 0 for a clean end, else the code it gave (0 to 65535). */
export type SysconRequest = {readonly kind: 'poweroff'; readonly status: number} | {readonly kind: 'reboot'};

/** The finisher register. The hart that writes it stands still until the I/O thread has seen the request. */
export class Syscon implements MmioRegion {
  readonly #context: DeviceContext;

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  /** Host side: what the guest asked for, or undefined. The first request stands until the machine is reset. */
  request(): SysconRequest | undefined {
    const value = Atomics.load(this.#context.cells, REQUEST) >>> 0;
    switch (value & 0xffff) {
      case FINISHER_PASS:
        return {kind: 'poweroff', status: 0};
      case FINISHER_FAIL:
        return {kind: 'poweroff', status: value >>> 16};
      case FINISHER_RESET:
        return {kind: 'reboot'};
      default:
        return undefined;
    }
  }

  read(): number {
    return 0;
  }

  write(offset: number, size: AccessBytes, value: number): void {
    if (offset !== 0 || size === 1) return;
    const command = value & 0xffff;
    if (command !== FINISHER_PASS && command !== FINISHER_FAIL && command !== FINISHER_RESET) return;
    Atomics.compareExchange(this.#context.cells, REQUEST, 0, value | 0);
    this.#context.doorbell.ringAndWait();
  }
}

/**
 * Model of the test finisher with the nodes that let a kernel power off and reboot through it.
 * Source: QEMU hw/misc/sifive_test.c (behaviour); device-tree bindings syscon-poweroff, syscon-reboot
 */
export const syscon: DeviceModel<undefined, Syscon> = {
  kind: 'syscon',
  sizeBytes: 0x1000,
  stateBytes: 8,
  create: (context) => new Syscon(context),
  nodes(placement) {
    const self = placement.phandle('syscon');
    const action = (name: string, value: number) => ({
      name,
      properties: {
        compatible: {strings: [`syscon-${name}`]},
        regmap: {cells: [self]},
        offset: {cells: [0]},
        value: {cells: [value]},
      },
    });
    return [
      {
        name: `test@${placement.address.toString(16)}`,
        properties: {
          compatible: {strings: ['sifive,test1', 'sifive,test0', 'syscon']},
          reg: {cells: [0, placement.address, 0, placement.sizeBytes]},
          phandle: {cells: [self]},
        },
      },
      action('poweroff', FINISHER_PASS),
      action('reboot', FINISHER_RESET),
    ];
  },
};
