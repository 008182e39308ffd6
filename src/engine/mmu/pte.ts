/**
 * Bits of a page table entry, as all three modes have them.
 * Source: RISC-V Privileged ISA, chapter "Supervisor-Level", sections on Sv39, Sv48 and Sv57
 */

/** Flags of an entry. */
export const PTE = {V: 1, R: 2, W: 4, X: 8, U: 16, G: 32, A: 64, D: 128} as const;
/** Reserved bits 63…54 in the upper half: no Svnapot, no Svpbmt. */
export const PTE_RESERVED_HIGH = 0xffc00000;
/** Where the physical page number begins. */
export const PTE_PPN_SHIFT = 10;
