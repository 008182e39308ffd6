/** How a machine starts: what is put into its RAM, and where its first hart begins. */

/** RAM of the machine. Units: guest-physical bytes. */
export interface MemoryRange {
  readonly baseAddress: number;
  readonly sizeBytes: number;
}

/** Bytes to be put into RAM at a guest-physical address. */
export interface MemoryWrite {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/**
 * How a machine starts. RAM is zero before the writes (bss relies on it).
 * Units: `pc` and `a1` (device tree) are guest-physical; `a0` is the hart id
 */
export interface BootPlan {
  readonly writes: readonly MemoryWrite[];
  readonly registers: {readonly pc: number; readonly a0: number; readonly a1: number};
  readonly mode: 'machine' | 'supervisor';
  /** Address of a symbol of the firmware (`tohost`, `begin_signature`); always undefined for Linux. */
  symbol(name: string): number | undefined;
}
