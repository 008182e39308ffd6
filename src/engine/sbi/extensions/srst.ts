import {SBI_ERR_INVALID_PARAM, SBI_ERR_NOT_SUPPORTED, SBI_SUCCESS, type SbiExtension} from '../contract.js';

const RESET_TYPES = ['shutdown', 'cold-reboot', 'warm-reboot'] as const;
const REASON_NONE = 0;
const REASON_SYSTEM_FAILURE = 1;
const FIRST_VENDOR_TYPE = 0xf000_0000;
const FIRST_SPECIFIC_REASON = 0xe000_0000;

/**
 * System reset: power off and reboot.
 * Source: RISC-V SBI 2.0 chapter 10
 */
export const srst: SbiExtension = {
  name: 'SRST',
  ids: [0x5352_5354],
  call(call, host, reply) {
    if (call.function !== 0) return SBI_ERR_NOT_SUPPORTED;
    const typeNumber = call.low(0);
    const reason = call.low(1);
    if (typeNumber >= FIRST_VENDOR_TYPE) return SBI_ERR_NOT_SUPPORTED;
    const type = RESET_TYPES[typeNumber];
    if (type === undefined) return SBI_ERR_INVALID_PARAM;
    if (reason > REASON_SYSTEM_FAILURE && reason < FIRST_SPECIFIC_REASON) return SBI_ERR_INVALID_PARAM;
    reply.registers = 'none';
    host.resetSystem(type, reason !== REASON_NONE);
    return SBI_SUCCESS;
  },
};
