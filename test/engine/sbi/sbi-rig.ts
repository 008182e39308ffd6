import type {GuestMemory} from '../../../src/engine/contract.js';
import type {SbiCall, SbiCounters, SbiHartState, SbiHost, SbiReply} from '../../../src/engine/sbi/contract.js';
import {createSbiReply, handleSbi} from '../../../src/engine/sbi/handle-sbi.js';

export const RAM_BASE = 0x8000_0000;
const RAM_BYTES = 0x10000;

/** A machine that writes down what SBI asks of it, and makes calls as a guest would. */
export interface SbiRig {
  readonly host: SbiHost;
  readonly memory: GuestMemory;
  /** Every host method called, as `name(arguments)`. */
  readonly log: string[];
  readonly states: SbiHartState[];
  readonly written: [address: number, length: number][];
  /** Console input waiting to be read. */
  input: number[];
  /** Makes a call with 64-bit argument registers; the result is the reply's copy with its value as one number. */
  call(extension: number, fid: number, ...args: bigint[]): SbiReply & {readonly value: bigint};
}

/** Builds the rig; hart 0 runs and makes the calls, the others are stopped. */
export function sbiRig(hartCount = 1, counters?: SbiCounters): SbiRig {
  const memory = ramOf();
  const log: string[] = [];
  const states: SbiHartState[] = Array.from({length: hartCount}, (_, hart) => (hart === 0 ? 'started' : 'stopped'));
  const note =
    (name: string) =>
    (...values: readonly (number | bigint | string | boolean)[]): void => {
      log.push(`${name}(${values.join(', ')})`);
    };
  const host: SbiHost = {
    hartCount,
    memory: memory.ram,
    vendorId: 0,
    architectureId: 42,
    implementationId: 7,
    ...(counters === undefined ? {} : {counters}),
    setTimer: note('setTimer'),
    sendIpi: note('sendIpi'),
    clearIpi: note('clearIpi'),
    remoteFenceI: note('remoteFenceI'),
    remoteSfence: note('remoteSfence'),
    waitForFences: note('waitForFences'),
    hartState: (hart) => states[hart]!,
    startHart: (hart, address, opaque) => {
      if (states[hart] !== 'stopped') return false;
      note('startHart')(hart, address, opaque);
      states[hart] = 'start-pending';
      return true;
    },
    stopHart: note('stopHart'),
    suspendHart: note('suspendHart'),
    suspendHartAndResumeAt: note('suspendHartAndResumeAt'),
    resetSystem: note('resetSystem'),
    consoleWrite: (bytes) => {
      log.push(`consoleWrite(${new TextDecoder().decode(Uint8Array.from(bytes))})`);
      return Math.min(bytes.length, 8);
    },
    consoleRead: (into) => {
      const taken = rig.input.splice(0, into.length);
      into.set(taken);
      return taken.length;
    },
    consoleWriteByte: note('consoleWriteByte'),
    consoleReadByte: () => rig.input.shift() ?? -1,
  };
  const reply = createSbiReply();
  const rig: SbiRig = {
    host,
    memory: memory.ram,
    log,
    states,
    written: memory.written,
    input: [],
    call(extension, fid, ...args) {
      handleSbi(callOf(extension, fid, args), host, reply);
      const value = (BigInt(reply.valueHigh >>> 0) << 32n) | BigInt(reply.valueLow >>> 0);
      return {...reply, value};
    },
  };
  return rig;
}

function callOf(extension: number, fid: number, args: readonly bigint[]): SbiCall {
  const argument = (index: number) => BigInt.asUintN(64, args[index] ?? 0n);
  return {
    hart: 0,
    extension,
    function: fid,
    low: (index) => Number(argument(index) & 0xffff_ffffn),
    high: (index) => Number(argument(index) >> 32n),
  };
}

function ramOf() {
  const buffer = new SharedArrayBuffer(RAM_BYTES);
  const written: [number, number][] = [];
  const contains = (address: number, length: number) =>
    address >= RAM_BASE && length >= 0 && address + length <= RAM_BASE + RAM_BYTES;
  const ram: GuestMemory = {
    baseAddress: RAM_BASE,
    sizeBytes: RAM_BYTES,
    view: new DataView(buffer),
    u16: new Uint16Array(buffer),
    contains,
    bytes: (address, length) =>
      contains(address, length) ? new Uint8Array(buffer, address - RAM_BASE, length) : undefined,
    prepareWrite: () => undefined,
    discard: () => undefined,
    markWritten: (address, length) => {
      written.push([address, length]);
    },
  };
  return {ram, written};
}
