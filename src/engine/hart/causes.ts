/**
 * Exception causes.
 * Source: RISC-V Privileged ISA, chapter "Machine-Level", table of mcause values
 */

/** Numbers of exceptions in mcause and scause. */
export const CAUSE = {
  fetchMisaligned: 0,
  fetchAccess: 1,
  illegal: 2,
  breakpoint: 3,
  loadMisaligned: 4,
  loadAccess: 5,
  storeMisaligned: 6,
  storeAccess: 7,
  /** Calls from S and M are this number plus the privilege. */
  ecallU: 8,
  ecallS: 9,
  ecallM: 11,
  fetchPage: 12,
  loadPage: 13,
  storePage: 15,
} as const;
