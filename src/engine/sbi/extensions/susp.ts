import {addressIn, bigintIn} from '../arguments.js';
import {
  SBI_ERR_DENIED,
  SBI_ERR_INVALID_ADDRESS,
  SBI_ERR_INVALID_PARAM,
  SBI_ERR_NOT_SUPPORTED,
  SBI_SUCCESS,
  type SbiExtension,
  type SbiHost,
} from '../contract.js';

const SUSPEND_TO_RAM = 0;
const FIRST_PLATFORM_TYPE = 0x8000_0000;

/**
 * System suspend. Suspend-to-RAM is the last running hart sleeping until an interrupt: RAM keeps itself here.
 * Source: RISC-V SBI 2.0 chapter 13
 */
export const susp: SbiExtension = {
  name: 'SUSP',
  ids: [0x5355_5350],
  call(call, host, reply) {
    if (call.function !== 0) return SBI_ERR_NOT_SUPPORTED;
    const type = call.low(0);
    if (type >= FIRST_PLATFORM_TYPE) return SBI_ERR_NOT_SUPPORTED;
    if (type !== SUSPEND_TO_RAM) return SBI_ERR_INVALID_PARAM;
    const address = addressIn(call, 1);
    if (!host.memory.contains(address, 2)) return SBI_ERR_INVALID_ADDRESS;
    if (!isOnlyRunningHart(host, call.hart)) return SBI_ERR_DENIED;
    reply.registers = 'none';
    host.suspendHartAndResumeAt(call.hart, address, bigintIn(call, 2));
    return SBI_SUCCESS;
  },
};

function isOnlyRunningHart(host: SbiHost, caller: number): boolean {
  for (let hart = 0; hart < host.hartCount; hart++) {
    if (hart !== caller && host.hartState(hart) !== 'stopped') return false;
  }
  return true;
}
