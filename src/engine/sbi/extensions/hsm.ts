import {addressIn, bigintIn} from '../arguments.js';
import {
  SBI_ERR_ALREADY_AVAILABLE,
  SBI_ERR_INVALID_ADDRESS,
  SBI_ERR_INVALID_PARAM,
  SBI_ERR_NOT_SUPPORTED,
  SBI_SUCCESS,
  type SbiCall,
  type SbiExtension,
  type SbiHartState,
  type SbiHost,
  type SbiReply,
} from '../contract.js';

const STATE_NUMBERS: Readonly<Record<SbiHartState, number>> = {
  started: 0,
  stopped: 1,
  'start-pending': 2,
  'stop-pending': 3,
  suspended: 4,
  'suspend-pending': 5,
  'resume-pending': 6,
};

const SUSPEND_RETENTIVE = 0;
const SUSPEND_NON_RETENTIVE = 0x8000_0000;
/** Below this (bit 31 aside) suspend types are reserved, from it on they belong to platforms. */
const FIRST_PLATFORM_TYPE = 0x1000_0000;

/**
 * Hart state management: starting, stopping and suspending harts.
 * Source: RISC-V SBI 2.0 chapter 9
 */
export const hsm: SbiExtension = {
  name: 'HSM',
  ids: [0x48_534d],
  call(call, host, reply) {
    switch (call.function) {
      case 0:
        return start(call, host);
      case 1:
        reply.registers = 'none';
        host.stopHart(call.hart);
        return SBI_SUCCESS;
      case 2:
        if (!isHart(call, host)) return SBI_ERR_INVALID_PARAM;
        reply.valueLow = STATE_NUMBERS[host.hartState(call.low(0))];
        return SBI_SUCCESS;
      case 3:
        return suspend(call, host, reply);
      default:
        return SBI_ERR_NOT_SUPPORTED;
    }
  },
};

function start(call: SbiCall, host: SbiHost): number {
  if (!isHart(call, host)) return SBI_ERR_INVALID_PARAM;
  const address = addressIn(call, 1);
  if (!host.memory.contains(address, 2)) return SBI_ERR_INVALID_ADDRESS;
  const isStarting = host.startHart(call.low(0), address, bigintIn(call, 2));
  return isStarting ? SBI_SUCCESS : SBI_ERR_ALREADY_AVAILABLE;
}

function suspend(call: SbiCall, host: SbiHost, reply: SbiReply): number {
  const type = call.low(0);
  if (type === SUSPEND_RETENTIVE) {
    host.suspendHart(call.hart);
    return SBI_SUCCESS;
  }
  if (type !== SUSPEND_NON_RETENTIVE) {
    return (type & 0x7fff_ffff) < FIRST_PLATFORM_TYPE ? SBI_ERR_INVALID_PARAM : SBI_ERR_NOT_SUPPORTED;
  }
  const address = addressIn(call, 1);
  if (!host.memory.contains(address, 2)) return SBI_ERR_INVALID_ADDRESS;
  reply.registers = 'none';
  host.suspendHartAndResumeAt(call.hart, address, bigintIn(call, 2));
  return SBI_SUCCESS;
}

function isHart(call: SbiCall, host: SbiHost): boolean {
  return call.high(0) === 0 && call.low(0) < host.hartCount;
}
