/**
 * Every CSR of a hart, one row each. `plain` rows are a slot with a write mask; the others say how they read and write.
 * Numbers, names and fields: RISC-V Privileged ISA, chapter "Control and Status Registers"; Sstc; Svadu.
 */
import type {CsrFile} from './csr-file.js';
import {FCSR} from './layout.js';

/** Slot numbers of the CSR block in shared memory. `mstatus` is slot 0: generated code tests its FS field. */
export const SLOT = {
  mstatus: 0,
  mtvec: 1,
  mscratch: 2,
  mepc: 3,
  mcause: 4,
  mtval: 5,
  medeleg: 6,
  mideleg: 7,
  mie: 8,
  mcounteren: 9,
  menvcfg: 10,
  stvec: 11,
  sscratch: 12,
  sepc: 13,
  scause: 14,
  stval: 15,
  satp: 16,
  scounteren: 17,
  senvcfg: 18,
  mcountinhibit: 19,
  pmpcfg0: 20,
  pmpcfg2: 21,
  pmpaddr0: 22,
  /** Values subtracted from the retired-instruction count. */
  cycleOffset: 38,
  instretOffset: 39,
  mconfig: 40,
} as const;

/** Fields of mstatus that software may write. */
export const MSTATUS = {
  SIE: 1n << 1n,
  MIE: 1n << 3n,
  SPIE: 1n << 5n,
  MPIE: 1n << 7n,
  SPP: 1n << 8n,
  MPP: 3n << 11n,
  FS: 3n << 13n,
  MPRV: 1n << 17n,
  SUM: 1n << 18n,
  MXR: 1n << 19n,
  TVM: 1n << 20n,
  TW: 1n << 21n,
  TSR: 1n << 22n,
  SD: 1n << 63n,
} as const;
/** The constant fields UXL and SXL. */
export const UXL_SXL = (2n << 32n) | (2n << 34n);
/** Fields of sstatus that change by a write of it. */
export const SSTATUS_WRITE = MSTATUS.SIE | MSTATUS.SPIE | MSTATUS.SPP | MSTATUS.FS | MSTATUS.SUM | MSTATUS.MXR;
/** What sstatus shows of mstatus. */
export const SSTATUS_READ = SSTATUS_WRITE | (3n << 32n) | MSTATUS.SD;
/** Fields of mstatus that change by a write of it. */
export const MSTATUS_WRITE =
  SSTATUS_WRITE | MSTATUS.MIE | MSTATUS.MPIE | MSTATUS.MPP | MSTATUS.MPRV | MSTATUS.TVM | MSTATUS.TW | MSTATUS.TSR;

/** Interrupt bits of mip and mie. */
export const MIP = {SSIP: 1 << 1, MSIP: 1 << 3, STIP: 1 << 5, MTIP: 1 << 7, SEIP: 1 << 9, MEIP: 1 << 11} as const;
const S_INTERRUPTS = BigInt(MIP.SSIP | MIP.STIP | MIP.SEIP);
const M_INTERRUPTS = S_INTERRUPTS | BigInt(MIP.MSIP | MIP.MTIP | MIP.MEIP);
/** Exceptions that may be delegated: all but environment calls from M. */
const DELEGATABLE = 0xb3ffn;
const ENVCFG_FIOM = 1n;
const ENVCFG_CBZE = 1n << 7n;
/** menvcfg: stimecmp in S-mode, hardware updating of A and D. */
export const MENVCFG = {STCE: 1n << 63n, ADUE: 1n << 61n} as const;
const ALL = (1n << 64n) - 1n;

/** What a CSR write asks of the hart beyond storing a value. */
export type CsrEffect = 'none' | 'access' | 'interrupts' | 'translation' | 'addressSpace';

/** One CSR. `write` is missing where the number itself says read-only. */
export interface CsrRow {
  readonly number: number;
  readonly name: string;
  readonly read: (file: CsrFile) => bigint;
  readonly write?: (file: CsrFile, value: bigint) => CsrEffect;
  /** Instead of `write` where other threads change bits of the same register: acts on the given bits alone. */
  readonly change?: (file: CsrFile, set: bigint, clear: bigint) => CsrEffect;
  /** False when the present mode may not touch it although the number allows (then: illegal instruction). */
  readonly isAllowed?: (file: CsrFile) => boolean;
  /** The slot and write mask of a CSR that is nothing more: generated code accesses it itself. */
  readonly plain?: {readonly slot: number; readonly mask: bigint};
  /** The bits of FCSR that a CSR is: generated code accesses them itself. */
  readonly float?: {readonly shift: number; readonly width: number};
}

const plain = (number: number, name: string, slot: number, mask = ALL): CsrRow => ({
  number,
  name,
  read: (file) => file.state.csr(slot),
  write: (file, value) => {
    file.state.setCsr(slot, (file.state.csr(slot) & ~mask) | (value & mask));
    return 'none';
  },
  plain: {slot, mask},
});
const constant = (number: number, name: string, value: bigint): CsrRow => ({number, name, read: () => value});
/** A WARL register that reads 0 whatever is written. */
const zero = (number: number, name: string): CsrRow => ({number, name, read: () => 0n, write: () => 'none'});
const withEffect = ({plain: _, ...row}: CsrRow, effect: CsrEffect): CsrRow => ({
  ...row,
  write: (file, value) => {
    row.write?.(file, value);
    return effect;
  },
});
/** Vectored and direct modes exist; mode 2 and 3 keep the old mode. */
const trapVector = (number: number, name: string, slot: number): CsrRow => ({
  number,
  name,
  read: (file) => file.state.csr(slot),
  write: (file, value) => {
    const mode = (value & 3n) < 2n ? value & 3n : file.state.csr(slot) & 3n;
    file.state.setCsr(slot, (value & ~3n) | mode);
    return 'none';
  },
});

const status = (number: number, name: string, readMask: bigint, writeMask: bigint): CsrRow => ({
  number,
  name,
  read: (file) => {
    const value = file.state.csr(SLOT.mstatus) | UXL_SXL;
    return ((value & MSTATUS.FS) === MSTATUS.FS ? value | MSTATUS.SD : value) & readMask;
  },
  write: (file, value) => {
    const old = file.state.csr(SLOT.mstatus);
    let next = (old & ~writeMask) | (value & writeMask);
    // MPP = 2 is no privilege: the old one stays.
    if ((next & MSTATUS.MPP) === 2n << 11n) next = (next & ~MSTATUS.MPP) | (old & MSTATUS.MPP);
    file.state.setCsr(SLOT.mstatus, next);
    if (((old ^ next) & MSTATUS.MXR) !== 0n) return 'translation';
    return 'access';
  },
});

const floatControl = (number: number, name: string, shift: number, width: number): CsrRow => ({
  number,
  name,
  isAllowed: (file) => (file.state.csr(SLOT.mstatus) & MSTATUS.FS) !== 0n,
  read: (file) => BigInt((file.state.i32(FCSR) >>> shift) & ((1 << width) - 1)),
  write: (file, value) => {
    const mask = ((1 << width) - 1) << shift;
    file.state.setI32(FCSR, (file.state.i32(FCSR) & ~mask) | ((Number(value & 0xffn) << shift) & mask));
    file.state.setCsr(SLOT.mstatus, file.state.csr(SLOT.mstatus) | MSTATUS.FS);
    return 'none';
  },
  float: {shift, width},
});

const mie = withEffect(plain(0x304, 'mie', SLOT.mie, M_INTERRUPTS), 'interrupts');
/** Shows and changes the delegated bits of mie. */
const sie: CsrRow = {
  number: 0x104,
  name: 'sie',
  read: (file) => file.state.csr(SLOT.mie) & file.state.csr(SLOT.mideleg),
  write: (file, value) => {
    const mask = file.state.csr(SLOT.mideleg) & S_INTERRUPTS;
    file.state.setCsr(SLOT.mie, (file.state.csr(SLOT.mie) & ~mask) | (value & mask));
    return 'interrupts';
  },
};
/** mip or sip: the bits of `visible` show, those of `writable` change. */
const pending = (
  number: number,
  name: string,
  visible: (file: CsrFile) => bigint,
  writable: (file: CsrFile) => bigint,
): CsrRow => ({
  number,
  name,
  read: (file) => {
    file.timer.update();
    return BigInt(file.pending()) & visible(file);
  },
  change: (file, set, clear) => {
    const mask = writable(file);
    file.changePending(Number(set & mask), Number(clear & mask));
    return 'interrupts';
  },
});
const mip = pending(
  0x344,
  'mip',
  () => ALL,
  // With stimecmp in use STIP belongs to the timer.
  (file) =>
    BigInt(MIP.SSIP | MIP.SEIP) | ((file.state.csr(SLOT.menvcfg) & MENVCFG.STCE) !== 0n ? 0n : BigInt(MIP.STIP)),
);
const sip = pending(
  0x144,
  'sip',
  (file) => file.state.csr(SLOT.mideleg),
  (file) => file.state.csr(SLOT.mideleg) & BigInt(MIP.SSIP),
);

const counter = (number: number, name: string, slot: number): CsrRow => ({
  number,
  name,
  read: (file) => BigInt.asUintN(64, file.retired() - file.state.csr(slot)),
  write: (file, value) => {
    // The write itself retires too and must not count.
    file.state.setCsr(slot, BigInt.asUintN(64, file.retired() + 1n - value));
    return 'none';
  },
});
const userCounter = (number: number, name: string, bit: bigint, read: (file: CsrFile) => bigint): CsrRow => ({
  number,
  name,
  read,
  isAllowed: (file) => file.mayCount(bit),
});
const cycle = counter(0xb00, 'mcycle', SLOT.cycleOffset);
const instret = counter(0xb02, 'minstret', SLOT.instretOffset);

const satp: CsrRow = {
  number: 0x180,
  name: 'satp',
  isAllowed: (file) => file.privilege() !== 1 || (file.state.csr(SLOT.mstatus) & MSTATUS.TVM) === 0n,
  read: (file) => file.state.csr(SLOT.satp),
  write: (file, value) => {
    const mode = value >> 60n;
    // An unsupported mode makes the whole write have no effect.
    if (mode !== 0n && (mode < 8n || mode > 10n)) return 'none';
    const isSameMode = file.state.csr(SLOT.satp) >> 60n === mode;
    file.state.setCsr(SLOT.satp, value);
    return isSameMode ? 'addressSpace' : 'translation';
  },
};

/** Sstc: allowed below M when menvcfg.STCE is set and time may be read. */
const stimecmp: CsrRow = {
  number: 0x14d,
  name: 'stimecmp',
  isAllowed: (file) =>
    file.privilege() === 3 ||
    ((file.state.csr(SLOT.menvcfg) & MENVCFG.STCE) !== 0n && (file.state.csr(SLOT.mcounteren) & 2n) !== 0n),
  read: (file) => file.timer.stimecmp(),
  write: (file, value) => {
    file.timer.setStimecmp(value);
    return 'interrupts';
  },
};

const pmpConfig = (index: number, slot: number): CsrRow => ({
  number: 0x3a0 + index * 2,
  name: `pmpcfg${index * 2}`,
  read: (file) => file.state.csr(slot),
  write: (file, value) => {
    let next = 0n;
    for (let byte = 0n; byte < 8n; byte++) {
      const shift = byte * 8n;
      const old = (file.state.csr(slot) >> shift) & 0xffn;
      let wanted = (value >> shift) & 0x9fn;
      // W without R is reserved: keep neither.
      if ((wanted & 3n) === 2n) wanted &= ~2n;
      next |= ((old & 0x80n) !== 0n ? old : wanted) << shift;
    }
    file.state.setCsr(slot, next);
    return 'translation';
  },
});
const pmpAddress = (index: number): CsrRow => ({
  number: 0x3b0 + index,
  name: `pmpaddr${index}`,
  read: (file) => file.state.csr(SLOT.pmpaddr0 + index),
  write: (file, value) => {
    if (file.pmp.isAddressLocked(index)) return 'none';
    file.state.setCsr(SLOT.pmpaddr0 + index, value & ((1n << 54n) - 1n));
    return 'translation';
  },
});

const range = (count: number, make: (index: number) => CsrRow): CsrRow[] =>
  Array.from({length: count}, (_, i) => make(i));

/** All rows. A number that has none is an illegal instruction. */
export const csrTable: readonly CsrRow[] = [
  floatControl(0x001, 'fflags', 0, 5),
  floatControl(0x002, 'frm', 5, 3),
  floatControl(0x003, 'fcsr', 0, 8),
  userCounter(0xc00, 'cycle', 1n, cycle.read),
  userCounter(0xc01, 'time', 2n, (file) => BigInt(file.timer.now())),
  userCounter(0xc02, 'instret', 4n, instret.read),
  ...range(29, (i) => userCounter(0xc03 + i, `hpmcounter${i + 3}`, 8n << BigInt(i), () => 0n)),

  status(0x100, 'sstatus', SSTATUS_READ, SSTATUS_WRITE),
  sie,
  trapVector(0x105, 'stvec', SLOT.stvec),
  plain(0x106, 'scounteren', SLOT.scounteren, 0xffffffffn),
  withEffect(plain(0x10a, 'senvcfg', SLOT.senvcfg, ENVCFG_FIOM | ENVCFG_CBZE), 'access'),
  plain(0x140, 'sscratch', SLOT.sscratch),
  plain(0x141, 'sepc', SLOT.sepc, ~1n & ALL),
  plain(0x142, 'scause', SLOT.scause),
  plain(0x143, 'stval', SLOT.stval),
  sip,
  stimecmp,
  satp,

  constant(0xf11, 'mvendorid', 0n),
  constant(0xf12, 'marchid', 0n),
  constant(0xf13, 'mimpid', 0n),
  {number: 0xf14, name: 'mhartid', read: (file) => BigInt(file.state.id)},
  constant(0xf15, 'mconfigptr', 0n),
  status(0x300, 'mstatus', ALL, MSTATUS_WRITE),
  // RV64, IMAFDC, B (Zba, Zbb, Zbs), S and U.
  {number: 0x301, name: 'misa', read: () => (2n << 62n) | 0x14112fn, write: () => 'none'},
  plain(0x302, 'medeleg', SLOT.medeleg, DELEGATABLE),
  withEffect(plain(0x303, 'mideleg', SLOT.mideleg, S_INTERRUPTS), 'interrupts'),
  mie,
  trapVector(0x305, 'mtvec', SLOT.mtvec),
  plain(0x306, 'mcounteren', SLOT.mcounteren, 0xffffffffn),
  withEffect(
    plain(0x30a, 'menvcfg', SLOT.menvcfg, ENVCFG_FIOM | ENVCFG_CBZE | MENVCFG.STCE | MENVCFG.ADUE),
    'translation',
  ),
  plain(0x320, 'mcountinhibit', SLOT.mcountinhibit, 0n),
  ...range(29, (i) => zero(0x323 + i, `mhpmevent${i + 3}`)),
  plain(0x340, 'mscratch', SLOT.mscratch),
  plain(0x341, 'mepc', SLOT.mepc, ~1n & ALL),
  plain(0x342, 'mcause', SLOT.mcause),
  plain(0x343, 'mtval', SLOT.mtval),
  mip,
  pmpConfig(0, SLOT.pmpcfg0),
  pmpConfig(1, SLOT.pmpcfg2),
  ...range(16, pmpAddress),
  cycle,
  instret,
  ...range(29, (i) => zero(0xb03 + i, `mhpmcounter${i + 3}`)),
];
