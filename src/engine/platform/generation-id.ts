/**
 * The generation identifier of a virtual machine: 16 bytes that change whenever the machine goes on from a saved state,
 * and an interrupt that says so. Linux then reseeds its random numbers at once, so that two machines restored from one
 * state do not draw the same keys.
 * Source: Microsoft, "Virtual Machine Generation ID"; device-tree binding microsoft,vmgenid
 */
import {randomFillSync} from 'node:crypto';
import type {AccessBytes, DeviceContext, DeviceModel, MmioRegion} from '../contract.js';

const ID_BYTES = 16;

/** The identifier, read by harts, changed by the I/O thread. */
export class GenerationId implements MmioRegion {
  readonly #context: DeviceContext;

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  /** Host side, before a guest boots: the first generation. No interrupt: Linux's driver is not ready for one before. */
  begin(): void {
    const {state} = this.#context;
    randomFillSync(new Uint8Array(state.buffer, state.byteOffset, ID_BYTES));
  }

  /** Host side, before a restored guest goes on: another generation. */
  renew(): void {
    this.begin();
    // The driver has nothing to acknowledge: a level that stayed would interrupt for ever.
    this.#context.irq.set(true);
    this.#context.irq.set(false);
  }

  read(offset: number, size: AccessBytes): number {
    const {state} = this.#context;
    if (offset + size > ID_BYTES) return 0;
    switch (size) {
      case 1:
        return state.getUint8(offset);
      case 2:
        return state.getUint16(offset, true);
      case 4:
        return state.getUint32(offset, true);
    }
  }

  write(): void {}
}

/** Model of the identifier. */
export const generationId: DeviceModel<undefined, GenerationId> = {
  kind: 'generation-id',
  sizeBytes: 0x1000,
  stateBytes: ID_BYTES,
  create: (context) => new GenerationId(context),
  nodes: ({address, sizeBytes, irq, interruptParent}) => [
    {
      name: `rng@${address.toString(16)}`,
      properties: {
        compatible: {strings: ['microsoft,vmgenid']},
        reg: {cells: [0, address, 0, sizeBytes]},
        interrupts: {cells: [irq]},
        'interrupt-parent': {cells: [interruptParent]},
      },
    },
  ],
};
