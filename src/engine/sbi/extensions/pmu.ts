import {
  SBI_ERR_ALREADY_STARTED,
  SBI_ERR_ALREADY_STOPPED,
  SBI_ERR_INVALID_PARAM,
  SBI_ERR_NOT_SUPPORTED,
  SBI_SUCCESS,
  type SbiCall,
  type SbiCounters,
  type SbiExtension,
  type SbiReply,
} from '../contract.js';

type Counter = 0 | 1;
const COUNTERS: readonly Counter[] = [0, 1];
const CSR_CYCLE = 0xc00;
const CSR_INSTRET = 0xc02;
/** Bits 17:12 of the counter's description: its width minus one. */
const WIDTH_64 = 63 << 12;
const CONFIG_SKIP_MATCH = 1;
const CONFIG_CLEAR_VALUE = 2;
const CONFIG_AUTO_START = 4;
const START_SET_VALUE = 1;

/**
 * Performance monitoring: the two counters every hart has, cycle (0) and instret (1), without overflow interrupts.
 * Firmware counters and snapshots in shared memory are not offered.
 * Source: RISC-V SBI 2.0 chapter 11
 */
export const pmu: SbiExtension = {
  name: 'PMU',
  ids: [0x50_4d55],
  isAvailable: (host) => host.counters !== undefined,
  call(call, host, reply) {
    const counters = host.counters;
    if (counters === undefined) return SBI_ERR_NOT_SUPPORTED;
    switch (call.function) {
      case 0:
        reply.valueLow = COUNTERS.length;
        return SBI_SUCCESS;
      case 1:
        return describe(call, reply);
      case 2:
        return configure(call, counters, reply);
      case 3:
        return start(call, counters);
      case 4:
        return stop(call, counters);
      case 5: // firmware counter read
      case 6:
        return SBI_ERR_INVALID_PARAM;
      default:
        return SBI_ERR_NOT_SUPPORTED;
    }
  },
};

function describe(call: SbiCall, reply: SbiReply): number {
  if (call.high(0) !== 0 || call.low(0) >= COUNTERS.length) return SBI_ERR_INVALID_PARAM;
  reply.valueLow = (call.low(0) === 0 ? CSR_CYCLE : CSR_INSTRET) | WIDTH_64;
  return SBI_SUCCESS;
}

function configure(call: SbiCall, counters: SbiCounters, reply: SbiReply): number {
  const set = countersIn(call);
  if (set === undefined) return SBI_ERR_INVALID_PARAM;
  const flags = call.low(2);
  const wanted = counterOfEvent(call.low(3));
  const chosen =
    (flags & CONFIG_SKIP_MATCH) !== 0
      ? set[0]
      : set.find((counter) => counter === wanted && !counters.isRunning(call.hart, counter));
  if (chosen === undefined) return SBI_ERR_NOT_SUPPORTED;
  if ((flags & CONFIG_CLEAR_VALUE) !== 0) counters.write(call.hart, chosen, 0, 0);
  if ((flags & CONFIG_AUTO_START) !== 0) counters.setRunning(call.hart, chosen, true);
  reply.valueLow = chosen;
  return SBI_SUCCESS;
}

function start(call: SbiCall, counters: SbiCounters): number {
  const set = countersIn(call);
  if (set === undefined) return SBI_ERR_INVALID_PARAM;
  let status = SBI_SUCCESS;
  for (const counter of set) {
    if (counters.isRunning(call.hart, counter)) {
      status = SBI_ERR_ALREADY_STARTED;
      continue;
    }
    if ((call.low(2) & START_SET_VALUE) !== 0) counters.write(call.hart, counter, call.low(3), call.high(3));
    counters.setRunning(call.hart, counter, true);
  }
  return status;
}

function stop(call: SbiCall, counters: SbiCounters): number {
  const set = countersIn(call);
  if (set === undefined) return SBI_ERR_INVALID_PARAM;
  let status = SBI_SUCCESS;
  for (const counter of set) {
    if (!counters.isRunning(call.hart, counter)) status = SBI_ERR_ALREADY_STOPPED;
    counters.setRunning(call.hart, counter, false);
  }
  return status;
}

/** Counters named by (base, mask) in arguments 0 and 1; undefined when one does not exist or there are none. */
function countersIn(call: SbiCall): readonly Counter[] | undefined {
  if (call.high(0) !== 0 || call.high(1) !== 0 || call.low(1) === 0) return undefined;
  const highest = call.low(0) + 31 - Math.clz32(call.low(1));
  if (highest >= COUNTERS.length) return undefined;
  return COUNTERS.filter((counter) => counter >= call.low(0) && ((call.low(1) >>> (counter - call.low(0))) & 1) !== 0);
}

/** Event index = type in bits 19:16, code below; general hardware events (type 0) 1 and 2 are ours. */
function counterOfEvent(event: number): Counter | undefined {
  if (event === 1) return 0;
  return event === 2 ? 1 : undefined;
}
